/** SQLite as Node carries it, opened so that several processes may use one file at once. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { Diagnostic } from '../support/diagnostic.ts';

const BUSY_TIMEOUT_MS = 5000;

/** Imports `node:sqlite` without the warning that Node 22 prints for it: the part used here is stable. */
async function loadSqlite(): Promise<typeof import('node:sqlite')> {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]): void => {
    if (String(warning).includes('SQLite is an experimental feature')) return;
    // Sound: the arguments are handed on as they came, whichever overload the caller used.
    (emitWarning as (...args: unknown[]) => void)(warning, ...rest);
  });
  try {
    return await import('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/**
 * @param path the database file; its directory is made (mode 0700) when missing
 * @throws Diagnostic `failed` when it cannot be opened, naming the file
 */
export async function openSqlite(path: string): Promise<DatabaseSync> {
  const { DatabaseSync: Database } = await loadSqlite();
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    // WAL: readers do not wait for a writer. NORMAL: a power cut may lose the last run's rows, never the file.
    // A checkpoint waits for the disk twice; every 200 pages keeps the log under a megabyte.
    db.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma wal_autocheckpoint = 200;');
    return db;
  } catch (error) {
    throw new Diagnostic({
      kind: 'failed',
      code: 'state-unusable',
      summary: `cannot open ${path}: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'check that the directory can be written and the disk is not full; a damaged file can be moved away, or set CARE_STATE to another directory',
      cause: error,
    });
  }
}

/** Runs `work` in one transaction that takes the write lock at its start, so that it cannot fail half-way for being busy. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('begin immediate');
  try {
    const result = work();
    db.exec('commit');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('rollback');
    throw error;
  }
}

/** Values for `$1`, `$2` …, PostgreSQL's placeholders, which SQLite takes as names. */
export function parameters(values: readonly SQLInputValue[]): Record<string, SQLInputValue> {
  return Object.fromEntries(values.map((value, i) => [`$${String(i + 1)}`, value]));
}
