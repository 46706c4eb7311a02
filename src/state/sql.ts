/** What the store asks of a database: the little that SQLite and PostgreSQL have in common. */
import type { Row } from './rows.ts';

export type SqlValue = string | number | null;

export interface SqlSession {
  /** One statement with `$1`, `$2` …; its rows, none for a statement that gives none. */
  all(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Several statements without values. */
  script(sql: string): Promise<void>;
}

export interface SqlDatabase extends SqlSession {
  /** All or nothing. Those of one process come one after another. */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T>;
  /** Bytes that the data takes; undefined for a server, whose space is not this program's to manage. */
  usedBytes(): Promise<number | undefined>;
  /** Milliseconds since 1970 by the server's clock, which all controllers share; undefined for a file. */
  serverTime(): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Rows of one INSERT: a round trip to a server each; far below both databases' bounds for values. */
const ROWS_AT_ONCE = 200;

/** `($1, $2), ($3, $4)`. */
function placeholders(rows: number, columns: number): string {
  return Array.from({ length: rows }, (_, row) => `(${Array.from({ length: columns }, (__, column) => `$${String(row * columns + column + 1)}`).join(', ')})`).join(', ');
}

/** PostgreSQL's text has no NUL; the two databases are to hold the same. */
function storable(value: SqlValue): SqlValue {
  return typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value;
}

/** Inserts rows, each with a value for every column in order. `more` is what follows the values. */
export async function insertRows(session: SqlSession, table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[], more = ''): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const some = rows.slice(from, from + ROWS_AT_ONCE);
    await session.all(`insert into ${table} (${columns.join(', ')}) values ${placeholders(some.length, columns.length)} ${more}`, some.flat().map(storable));
  }
}

/** Lets one piece of work begin only when the one before has ended, however that went. */
export function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
