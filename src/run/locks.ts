/** The locks of a run on its inventory: on this controller, and, where there is a shared store, across controllers. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { findProjectRoot } from '../language/playbook/project.ts';
import { acquireInventoryLock, type InventoryLock } from '../state/inventory-lock.ts';
import type { Lease } from '../state/lease.ts';
import type { SqlDatabase } from '../state/sql.ts';
import type { RunOptions } from './options.ts';
import { workingTree } from './revisions.ts';

export interface HeldLocks {
  /** Asked before every change. @throws Diagnostic `lease-lost` when somebody else has the inventory now */
  check(): Promise<void>;
  /** Who is told what goes wrong with the locks, what went wrong before included. */
  tell(warn: (message: string) => void): void;
  release(): Promise<void>;
}

/**
 * An inventory's name for all controllers: its path in its repository, or in its project. Two projects that call theirs the
 * same wait for each other, which harms less than the reverse.
 */
export function sharedName(inventory: string): string {
  if (inventory.includes(',')) return inventory;
  // Whatever links lead to it: otherwise the same inventory has as many names.
  const full = existsSync(inventory) ? realpathSync(inventory) : path.resolve(inventory);
  const root = workingTree(full) ?? findProjectRoot(full);
  const within = path.relative(root, full);
  return within === '' ? path.basename(full) : within;
}

async function acquireShared(options: RunOptions, command: string, warn: (message: string) => void): Promise<{ readonly lease: Lease; close(): Promise<void> } | undefined> {
  const { sharedLocks } = options;
  if (sharedLocks === undefined) return undefined;
  const alone = 'runs of other controllers are kept out by the locks on the hosts only';
  const [{ PostgresDatabase }, { prepareSchema }, { acquireLease }] = await Promise.all([import('../state/postgres.ts'), import('../state/postgres-store.ts'), import('../state/lease.ts')]);
  let db: SqlDatabase;
  try {
    db = await PostgresDatabase.open(sharedLocks);
  } catch {
    // Why the server cannot be used is told by the history, which needs it as well.
    warn(`the run store gives no lease of the inventory: ${alone}`);
    return undefined;
  }
  try {
    await prepareSchema(db);
    const lease = await acquireLease(db, {
      names: [...new Set(options.inventory.map(sharedName))],
      command,
      waitSeconds: options.lockWaitSeconds,
      signal: options.stop,
      onTrouble: (error) => {
        warn(`the lease of the inventory cannot be renewed (${error instanceof Error ? error.message : String(error)}): until it can, ${alone}`);
      },
    });
    return { lease, close: () => db.close() };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/**
 * Takes the locks of all inventories of a run.
 * @param command for the message that another run will show
 * @throws Diagnostic `locked` that names the holder
 */
export async function takeLocks(options: RunOptions, command: string): Promise<HeldLocks> {
  const early: string[] = [];
  let warn = (message: string): void => {
    early.push(message);
  };
  const local: InventoryLock = await acquireInventoryLock({ inventories: options.inventory, command, waitSeconds: options.lockWaitSeconds, signal: options.stop });
  let shared: Awaited<ReturnType<typeof acquireShared>>;
  try {
    shared = await acquireShared(options, command, (message) => { warn(message); });
  } catch (error) {
    local.release();
    throw error;
  }
  return {
    check: async () => shared?.lease.check(),
    tell(now) {
      warn = now;
      for (const message of early.splice(0)) warn(message);
    },
    async release() {
      await shared?.lease.release();
      await shared?.close();
      local.release();
    },
  };
}
