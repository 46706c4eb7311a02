/** The embedded run history: one SQLite file. */
import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { historyFile } from './location.ts';
import type { Row } from './rows.ts';
import { inTurn, type SqlDatabase, type SqlSession, type SqlValue } from './sql.ts';
import { migrate, SqlStore } from './sql-store.ts';
import { openSqlite, parameters } from './sqlite.ts';
import type { Store } from './store.ts';

/**
 * Opens the history, making or migrating it when needed (a few milliseconds).
 * @param options `leaveOpen`: closing does nothing, for a process that is about to end. What was written is in SQLite's
 *   log, and the next one to open the file finds it; folding it into the file would wait for the disk (30 ms).
 * @throws Diagnostic when the file cannot be opened; Error when a newer program wrote it
 */
export async function openSqliteStore(path = historyFile(), options: { readonly leaveOpen?: boolean; readonly now?: () => number } = {}): Promise<Store> {
  const db = new SqliteDatabase(path, await openSqlite(path), options.leaveOpen ?? false);
  try {
    await db.transaction((session) => migrate(session));
  } catch (error) {
    db.reallyClose();
    throw error;
  }
  return new SqlStore(db, options.now);
}

/**
 * One turn for all of this process that use a file: waiting for another connection's lock stops the whole process, that
 * other connection's work included.
 */
const turns = new Map<string, ReturnType<typeof inTurn>>();

function turnOf(path: string): ReturnType<typeof inTurn> {
  const turn = turns.get(path) ?? inTurn();
  turns.set(path, turn);
  return turn;
}

/** Every call is done before it returns; promises only because a server's are not. */
class SqliteDatabase implements SqlDatabase {
  readonly #db: DatabaseSync;
  readonly #leaveOpen: boolean;
  readonly #session: SqlSession;
  readonly #inTurn: ReturnType<typeof inTurn>;

  constructor(path: string, db: DatabaseSync, leaveOpen: boolean) {
    this.#inTurn = turnOf(resolve(path));
    this.#db = db;
    this.#leaveOpen = leaveOpen;
    this.#session = {
      all: async (sql, values = []) => Promise.resolve(this.#all(sql, values)),
      script: async (sql) => {
        db.exec(sql);
        await Promise.resolve();
      },
    };
  }

  #all(sql: string, values: readonly SqlValue[]): readonly Row[] {
    return this.#db.prepare(sql).all(parameters(values));
  }

  all(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    // In turn as well: within a transaction that another call has begun it would become part of that.
    return this.#inTurn(() => this.#session.all(sql, values));
  }

  script(sql: string): Promise<void> {
    return this.#inTurn(() => this.#session.script(sql));
  }

  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      // With the write lock from the start it cannot fail half-way for being busy.
      this.#db.exec('begin immediate');
      try {
        const result = await work(this.#session);
        this.#db.exec('commit');
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('rollback');
        throw error;
      }
    });
  }

  serverTime(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async usedBytes(): Promise<number> {
    // The file itself is reused, not shortened: only pages in use count.
    const page = async (name: string): Promise<number> => Number((await this.all(`pragma ${name}`))[0]?.[name] ?? 0);
    return ((await page('page_count')) - (await page('freelist_count'))) * (await page('page_size'));
  }

  async close(): Promise<void> {
    await this.#inTurn(() => Promise.resolve());
    if (!this.#leaveOpen) this.reallyClose();
  }

  reallyClose(): void {
    this.#db.close();
  }
}
