/**
 * One run at a time on an inventory, on this controller. The locks are rows of a small SQLite file: who
 * holds, and what it takes to see that the holder is dead. Judging and taking over are one transaction, so
 * two waiters cannot both inherit a dead run's lock, which plain lock files cannot promise.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { Diagnostic } from '../support/diagnostic.ts';
import { processExists, userName } from '../support/process.ts';
import { locksFile } from './location.ts';
import { openSqlite, parameters, transaction } from './sqlite.ts';

/** Who holds a lock. */
export interface LockHolder {
  readonly inventory: string;
  readonly pid: number;
  /** Start time of the process in clock ticks since boot (proc(5), stat field 22); '' where there is no /proc. */
  readonly started: string;
  readonly bootId: string;
  readonly user: string;
  readonly host: string;
  readonly command: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface InventoryLock {
  readonly inventories: readonly string[];
  /** Gives the lock back; harmless when called twice. */
  release(): void;
}

export interface LockRequest {
  /** Inventory files or directories, as given. */
  readonly inventories: readonly string[];
  /** For the message that another run will show: `apply`, `check` … */
  readonly command: string;
  /** How long to wait for another run; 0: leave at once. */
  readonly waitSeconds: number;
  readonly signal?: AbortSignal;
  /** Called once when there is something to wait for. */
  readonly onWait?: (holder: LockHolder) => void;
  readonly file?: string;
}

const POLL_MS = 500;

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Not Linux, or the process is gone: both mean that this says nothing.
    return '';
  }
}

function processStart(pid: number): string {
  const stat = readText(`/proc/${String(pid)}/stat`);
  // The command name in parentheses may hold spaces and parentheses: read on after the last one.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** What tells a process of this machine from a later one with its number. */
export type ProcessMark = Pick<LockHolder, 'pid' | 'started' | 'bootId' | 'host'>;

/** The mark of this process. */
export function ownMark(): ProcessMark {
  return { pid: process.pid, started: processStart(process.pid), bootId: readText('/proc/sys/kernel/random/boot_id'), host: hostname() };
}

/** Whether the holder still runs. A holder on another machine (a shared home) cannot be judged and counts as alive. */
export function isAlive(holder: ProcessMark): boolean {
  if (holder.host !== hostname()) return true;
  const bootId = readText('/proc/sys/kernel/random/boot_id');
  if (holder.bootId !== bootId) return false;
  if (!processExists(holder.pid)) return false;
  return holder.started === '' || holder.started === processStart(holder.pid);
}

function keyOf(inventory: string): { readonly path: string; readonly id: string } {
  let path: string;
  try {
    path = realpathSync(inventory);
  } catch {
    // An inventory that does not exist is refused elsewhere, with a better message.
    path = resolve(inventory);
  }
  return { path, id: createHash('sha256').update(path).digest('hex') };
}

function holderOf(row: Readonly<Record<string, unknown>>): LockHolder {
  return {
    inventory: String(row['inventory']),
    pid: Number(row['pid']),
    started: String(row['started']),
    bootId: String(row['boot_id']),
    user: String(row['user_name']),
    host: String(row['host']),
    command: String(row['command']),
    since: String(row['since']),
  };
}

function tryTake(db: DatabaseSync, keys: readonly { path: string; id: string }[], token: string, command: string): LockHolder | undefined {
  return transaction(db, () => {
    for (const { id } of keys) {
      const row = db.prepare('select * from locks where id = $1').get(parameters([id]));
      if (row === undefined) continue;
      const holder = holderOf(row);
      if (isAlive(holder)) return holder;
    }
    for (const { id, path } of keys) {
      db.prepare('delete from locks where id = $1').run(parameters([id]));
      db.prepare('insert into locks (id, token, inventory, pid, started, boot_id, user_name, host, command, since) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)').run(
        parameters([id, token, path, process.pid, processStart(process.pid), readText('/proc/sys/kernel/random/boot_id'), userName(), hostname(), command, new Date().toISOString()]),
      );
    }
    return undefined;
  });
}

function locked(holder: LockHolder, waitedSeconds: number): Diagnostic {
  return new Diagnostic({
    kind: 'locked',
    code: 'inventory-locked',
    summary: `the inventory ${holder.inventory} is in use by another run: "${holder.command}" of ${holder.user}@${holder.host}, process ${String(holder.pid)}, since ${holder.since}`,
    detail: waitedSeconds > 0 ? `Waited ${String(waitedSeconds)} s for it.` : undefined,
    remedy: holder.host === hostname() ? 'wait until that run has ended, or give --lock-wait SECONDS' : `see whether that process still runs on ${holder.host}; if not, remove the lock file from the state directory`,
  });
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted !== true) throw error;
  });
}

/**
 * Takes the lock of one or several inventories, all or none. It is given back by `release`, at exit, and, when
 * the process was killed, by the next run that finds the process dead.
 * @throws Diagnostic `locked` naming the holder when it is not free in time; `interrupted` when aborted
 */
export async function acquireInventoryLock(request: LockRequest): Promise<InventoryLock> {
  const db = await openSqlite(request.file ?? locksFile());
  const token = randomUUID();
  const keys = [...new Map(request.inventories.map(keyOf).map((k) => [k.id, k])).values()];
  try {
    db.exec(
      'create table if not exists locks (id text primary key, token text not null, inventory text not null, pid integer not null, started text not null, boot_id text not null, user_name text not null, host text not null, command text not null, since text not null)',
    );
    await take(db, keys, token, request);
  } catch (error) {
    db.close();
    throw error;
  }
  let held = true;
  const release = (): void => {
    process.off('exit', release);
    if (!held) return;
    held = false;
    db.prepare('delete from locks where token = $1').run(parameters([token]));
    // Not closed: closing the last connection waits for the disk several times (30 ms) to fold its log into the file,
    // which some later run does as well when the log has grown.
  };
  process.once('exit', release);
  return { inventories: keys.map((k) => k.path), release };
}

async function take(db: DatabaseSync, keys: readonly { path: string; id: string }[], token: string, request: LockRequest): Promise<void> {
  const start = performance.now();
  let announced = false;
  for (;;) {
    const holder = tryTake(db, keys, token, request.command);
    if (holder === undefined) return;
    const left = request.waitSeconds * 1000 - (performance.now() - start);
    if (left <= 0) throw locked(holder, request.waitSeconds);
    if (!announced) request.onWait?.(holder);
    announced = true;
    await pause(Math.min(POLL_MS, left), request.signal);
    if (request.signal?.aborted === true) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'interrupted while waiting for another run' });
  }
}
