/**
 * Locks that several controllers see: rows of the shared store, each a lease with an end by the server's clock, renewed while
 * the run lives, and a token that grows with every holder. A controller that dies is waited for no longer than its lease.
 */
import { randomUUID } from 'node:crypto';
import { hostname, uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Diagnostic } from '../support/diagnostic.ts';
import { userName } from '../support/process.ts';
import type { Row } from './rows.ts';
import type { SqlDatabase, SqlSession } from './sql.ts';

/** Seconds that a lease lasts without being renewed: longer than a slow answer of the server, shorter than anybody's patience. */
export const LEASE_SECONDS = 30;
const RENEWALS_PER_LEASE = 3;
const POLL_MS = 1000;
/** How long giving back may take; a lease that is not given back expires. */
const RELEASE_MS = 3000;

/** Seconds since the epoch by the server's clock, the only one that all controllers share; not that of the transaction's start. */
const NOW = 'extract(epoch from clock_timestamp())';

export interface LeaseRequest {
  /** What is locked, all or none. */
  readonly names: readonly string[];
  /** For the message that another run will show. */
  readonly command: string;
  /** How long to wait for another holder; 0: leave at once. */
  readonly waitSeconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Told once when the lease cannot be renewed, since the server does not answer. */
  readonly onTrouble: (error: unknown) => void;
  /** Default {@link LEASE_SECONDS}. */
  readonly leaseSeconds?: number;
  /** Milliseconds of a clock that goes on while the machine sleeps; default: since it was booted. */
  readonly now?: () => number;
}

export interface Lease {
  /** Grows with every holder of a name, in the order of the request's names. */
  readonly tokens: readonly number[];
  /**
   * Asked before every change. Costs nothing while the lease is known to last.
   * @throws Diagnostic `lease-lost` when somebody else has it
   */
  check(): Promise<void>;
  release(): Promise<void>;
}

interface Holder {
  readonly name: string;
  readonly command: string;
  readonly user: string;
  readonly controller: string;
  readonly pid: number;
  readonly since: string;
  /** Seconds that are left of the lease. */
  readonly left: number;
}

function holderOf(row: Row): Holder {
  return { name: String(row['name']), command: String(row['command']), user: String(row['user_name']), controller: String(row['controller']), pid: Number(row['pid']), since: String(row['since']), left: Number(row['seconds_left']) };
}

class Held extends Error {
  readonly holder: Holder;
  constructor(holder: Holder) {
    super('held');
    this.holder = holder;
  }
}

async function holder(session: SqlSession, name: string): Promise<Holder> {
  const [row] = await session.all(`select *, expires_at - ${NOW} as seconds_left from leases where name = $1`, [name]);
  if (row === undefined) throw new Error(`the lease of ${name} has vanished`);
  return holderOf(row);
}

/** @returns the tokens. @throws Held */
async function tryTake(db: SqlDatabase, names: readonly string[], id: string, command: string, seconds: number): Promise<number[]> {
  return db.transaction(async (session) => {
    const tokens = new Map<string, number>();
    // In one order, so that two who want several cannot wait for each other.
    for (const name of [...names].sort()) {
      const [row] = await session.all(
        `insert into leases (name, token, holder, user_name, controller, pid, command, since, expires_at) values ($1, 1, $2, $3, $4, $5, $6, $7, ${NOW} + $8)
         on conflict (name) do update set token = leases.token + 1, holder = excluded.holder, user_name = excluded.user_name, controller = excluded.controller,
           pid = excluded.pid, command = excluded.command, since = excluded.since, expires_at = excluded.expires_at
         where leases.expires_at <= ${NOW} or leases.holder = excluded.holder returning token`,
        [name, id, userName(), hostname(), process.pid, command, new Date().toISOString(), seconds],
      );
      if (row === undefined) throw new Held(await holder(session, name));
      tokens.set(name, Number(row['token']));
    }
    return names.map((name) => tokens.get(name) ?? 0);
  });
}

function words(by: Holder): string {
  return `"${by.command}" of ${by.user}@${by.controller}, process ${String(by.pid)} there, since ${by.since}`;
}

function locked(by: Holder, waitedSeconds: number): Diagnostic {
  return new Diagnostic({
    kind: 'locked',
    code: 'inventory-leased',
    summary: `the inventory ${by.name} is in use by another run: ${words(by)}`,
    detail: `${waitedSeconds > 0 ? `Waited ${String(waitedSeconds)} s for it. ` : ''}Its lease lasts another ${String(Math.max(0, Math.ceil(by.left)))} s, and is renewed as long as it runs.`,
    remedy: `wait until that run has ended, or give --lock-wait SECONDS; after the death of ${by.controller} ${String(LEASE_SECONDS)} s are enough`,
  });
}

async function take(db: SqlDatabase, id: string, request: LeaseRequest, seconds: number): Promise<number[]> {
  const start = performance.now();
  for (;;) {
    try {
      return await tryTake(db, request.names, id, request.command, seconds);
    } catch (error) {
      if (!(error instanceof Held)) throw error;
      const left = request.waitSeconds * 1000 - (performance.now() - start);
      if (left <= 0) throw locked(error.holder, request.waitSeconds);
      await sleep(Math.min(POLL_MS, left), undefined, request.signal === undefined ? {} : { signal: request.signal }).catch(() => undefined);
    }
    if (request.signal?.aborted === true) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'interrupted while waiting for another run' });
  }
}

/**
 * Takes leases, all or none, and keeps them until they are released. The caller closes the database afterwards.
 * @throws Diagnostic `inventory-leased` naming the holder when they are not free in time
 */
export async function acquireLease(db: SqlDatabase, request: LeaseRequest): Promise<Lease> {
  const seconds = request.leaseSeconds ?? LEASE_SECONDS;
  const id = randomUUID();
  const asked = (request.now ?? sinceBoot)();
  const tokens = await take(db, id, request, seconds);
  // Counted from before the question, so that it ends here before it ends there; after a wait, from now on by the first renewal.
  return new KeptLease(db, request, { id, tokens, seconds, until: request.waitSeconds > 0 ? asked : asked + seconds * 1000 });
}

/** Milliseconds since boot. performance.now() stands still while the machine sleeps (CLOCK_MONOTONIC, clock_gettime(2)), and leases do not. */
export const sinceBoot = (): number => uptime() * 1000;

interface Kept {
  readonly id: string;
  readonly tokens: readonly number[];
  readonly seconds: number;
  readonly until: number;
}

class KeptLease implements Lease {
  readonly #db: SqlDatabase;
  readonly #request: LeaseRequest;
  readonly #kept: Kept;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  /** By the request's clock, until when the lease is known to last. */
  #until: number;
  #lost: Diagnostic | undefined;
  #troubled = false;
  #renewing: Promise<void> | undefined;

  constructor(db: SqlDatabase, request: LeaseRequest, kept: Kept) {
    this.#db = db;
    this.#request = request;
    this.#kept = kept;
    this.#now = request.now ?? sinceBoot;
    this.#until = kept.until;
    this.#timer = setInterval(() => void this.#renew(), (kept.seconds * 1000) / RENEWALS_PER_LEASE).unref();
  }

  get tokens(): readonly number[] {
    return this.#kept.tokens;
  }

  async check(): Promise<void> {
    if (this.#lost === undefined && this.#now() >= this.#until) await this.#renew();
    if (this.#lost !== undefined) throw this.#lost;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    // A server that is gone ends the lease by its clock: nobody waits for it here.
    if (this.#troubled) return;
    const given = this.#db.all('update leases set expires_at = 0 where holder = $1', [this.#kept.id]).catch(() => undefined);
    await Promise.race([given, sleep(RELEASE_MS, undefined, { ref: false })]);
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const { id, seconds } = this.#kept;
    const { names } = this.#request;
    const asked = this.#now();
    try {
      // The holder's id is new with every run: nobody who comes later is taken for this one.
      const rows = await this.#db.all(`update leases set expires_at = ${NOW} + $2 where holder = $1 returning name`, [id, seconds]);
      for (const [i, name] of names.entries()) {
        if (rows.some((row) => row['name'] === name) || (await this.#madeAnew(name, this.#kept.tokens[i] ?? 1))) continue;
        this.#lost = lost(await holder(this.#db, name));
        return;
      }
      this.#until = asked + seconds * 1000;
      this.#troubled = false;
    } catch (error) {
      // Nobody else can take the lease over a server that does not answer, and every host has a lock of its own: the run goes on.
      if (!this.#troubled) this.#request.onTrouble(error);
      this.#troubled = true;
    }
  }

  /** A failover to a server that had not heard of the lease has lost its row: it is nobody's, and this run's again, unless somebody was quicker. */
  async #madeAnew(name: string, token: number): Promise<boolean> {
    const { id, seconds } = this.#kept;
    const rows = await this.#db.all(
      `insert into leases (name, token, holder, user_name, controller, pid, command, since, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, ${NOW} + $9)
       on conflict (name) do update set expires_at = excluded.expires_at where leases.holder = excluded.holder returning name`,
      [name, token, id, userName(), hostname(), process.pid, this.#request.command, new Date().toISOString(), seconds],
    );
    return rows.length === 1;
  }
}

function lost(by: Holder): Diagnostic {
  return new Diagnostic({
    kind: 'locked',
    code: 'lease-lost',
    summary: `the inventory ${by.name} was taken over by another run: ${words(by)}`,
    detail: `This run did not renew its lease in time (it was stopped, or the machine slept), so nothing more is changed.`,
    remedy: 'wait until that run has ended, then run again',
  });
}
