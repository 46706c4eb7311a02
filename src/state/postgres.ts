/** A PostgreSQL server as the store and the locks use it: one connection, bounded in time, made anew when it was lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkServerIdentity } from 'node:tls';
import type { Client, ClientConfig } from 'pg';
import { Diagnostic } from '../support/diagnostic.ts';
import { maskSecrets } from '../support/secret.ts';
import { DATABASE_URL, describeAddress, type DatabaseAddress } from './postgres-url.ts';
import type { Row } from './rows.ts';
import { inTurn, type SqlDatabase, type SqlSession, type SqlValue } from './sql.ts';

/** The schema that holds all tables of this program. */
export const SCHEMA = 'care_provision';

const STATEMENT_MS = 10_000;
const LOCK_MS = 5000;
/** What the server does not bound: it may be gone without a word. */
const ANSWER_MS = 15_000;
const GOODBYE_MS = 2000;
/** After a connection was lost: a server that restarts or fails over is back in a few seconds. */
const RETRY_AFTER_MS = [500, 2000, 5000];

const SQLSTATE = /^[0-9A-DF-Z][0-9A-Z]{4}$/;
/** SQLSTATEs that say that the server or the connection is gone for now (PostgreSQL 17, appendix A): classes 08 and 57P, a standby. */
const GONE = /^(08...|57P0[123]|25006)$/;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Whether trying again over a new connection may help. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error);
  if (GONE.test(code)) return true;
  // Node's names first: EPIPE is as long as an SQLSTATE, of which none begins with E.
  if (/^E[A-Z]+$/.test(code)) return true;
  if (SQLSTATE.test(code)) return false;
  return (error instanceof Error && /connection terminated|timeout expired|read timeout|not queryable|connection error/i.test(error.message));
}

function tlsOptions(at: DatabaseAddress): ClientConfig['ssl'] {
  if (at.tls === 'disable') return false;
  return {
    rejectUnauthorized: at.tls !== 'require',
    minVersion: 'TLSv1.2',
    checkServerIdentity: (_name, certificate) => (at.tls === 'verify-full' ? checkServerIdentity(at.host, certificate) : undefined),
    ...(at.ca === undefined ? {} : { ca: at.ca }),
    ...(at.cert === undefined ? {} : { cert: at.cert }),
    ...(at.key === undefined ? {} : { key: at.key.reveal() }),
  };
}

/** Everything is said, so that no other PG* variable of the environment gets in. */
function configOf(at: DatabaseAddress): ClientConfig {
  return {
    host: at.host,
    port: at.port,
    user: at.user,
    database: at.database,
    // Asked only when the server wants one.
    password: () => {
      if (at.password === undefined) throw new Error(`the server asks for a password, and none is in ${DATABASE_URL}, PGPASSWORD or ~/.pgpass`);
      return at.password.reveal();
    },
    ssl: tlsOptions(at),
    application_name: 'care-provision',
    connectionTimeoutMillis: at.connectSeconds * 1000,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    query_timeout: ANSWER_MS,
    idle_in_transaction_session_timeout: 60_000,
    client_encoding: 'UTF8',
    keepAlive: true,
  };
}

function remedyOf(error: unknown, at: DatabaseAddress): string {
  const code = codeOf(error);
  if (code === '28P01' || code === '28000') return 'check user and password, and pg_hba.conf of the server';
  if (code === '3D000') return 'create the database: createdb --owner USER NAME';
  if (code === '42501') return `the user may not do that: make it the owner of the schema (create schema ${SCHEMA} authorization USER) and of its tables`;
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(code)) return `the certificate of ${at.host} could not be checked: give its authority (sslrootcert=/path), or a host that it is made for`;
  return `check that the server runs and is reached from here; unset ${DATABASE_URL} to work with the file on this machine`;
}

function unreachable(error: unknown, at: DatabaseAddress): Diagnostic {
  const message = error instanceof Error ? error.message : String(error);
  return new Diagnostic({
    kind: 'failed',
    code: 'store-unreachable',
    summary: maskSecrets(`the run store ${describeAddress(at)} cannot be used: ${message === '' ? codeOf(error) : message}`),
    remedy: remedyOf(error, at),
    cause: error,
  });
}

async function connect(at: DatabaseAddress): Promise<Client> {
  // Only those who use it pay for loading it.
  const { default: pg } = await import('pg');
  const client = new pg.Client(configOf(at));
  // What becomes of the connection is told by the query that waits, or by the next one.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`set search_path to ${SCHEMA}`);
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
  return client;
}

function sessionOf(client: Client): SqlSession {
  return {
    async all(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
      return (await client.query<Row>(sql, [...values])).rows;
    },
    async script(sql: string): Promise<void> {
      await client.query(sql);
    },
  };
}

/** A database whose every call is safe to be made twice: after a lost connection it is. */
export class PostgresDatabase implements SqlDatabase {
  readonly #at: DatabaseAddress;
  readonly #inTurn = inTurn();
  #client: Client | undefined;
  #closed = false;

  private constructor(at: DatabaseAddress, client: Client) {
    this.#at = at;
    this.#client = client;
  }

  /** @throws Diagnostic `store-unreachable` */
  static async open(at: DatabaseAddress): Promise<PostgresDatabase> {
    try {
      return new PostgresDatabase(at, await connect(at));
    } catch (error) {
      throw unreachable(error, at);
    }
  }

  async #once<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('the connection to the run store is closed');
    this.#client ??= await connect(this.#at);
    const client = this.#client;
    try {
      return await work(sessionOf(client));
    } catch (error) {
      if (isLost(error)) this.#drop();
      throw error;
    }
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    void client?.end().catch(() => undefined);
  }

  #use<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      for (const pause of RETRY_AFTER_MS) {
        try {
          return await this.#once(work);
        } catch (error) {
          if (!isLost(error) || this.#closed) throw SQLSTATE.test(codeOf(error)) ? unreachable(error, this.#at) : error;
          await sleep(pause);
        }
      }
      try {
        return await this.#once(work);
      } catch (error) {
        throw isLost(error) || SQLSTATE.test(codeOf(error)) ? unreachable(error, this.#at) : error;
      }
    });
  }

  all(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]> {
    return this.#use((session) => session.all(sql, values));
  }

  script(sql: string): Promise<void> {
    return this.#use((session) => session.script(sql));
  }

  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#use(async (session) => {
      await session.script('begin');
      try {
        const result = await work(session);
        await session.script('commit');
        return result;
      } catch (error) {
        // A connection that is lost has rolled back by itself; one that cannot roll back is as good as lost. The first error tells.
        if (!isLost(error)) await session.script('rollback').catch(() => { this.#drop(); });
        throw error;
      }
    });
  }

  async serverTime(): Promise<number> {
    const [row] = await this.all('select extract(epoch from clock_timestamp())::double precision as now');
    return Number(row?.['now']) * 1000;
  }

  usedBytes(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Ends the connection, whatever is under way on it: callers wait for their own work first. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    // A server that is gone does not take a goodbye, or never says so.
    await Promise.race([client?.end().catch(() => undefined), sleep(GOODBYE_MS, undefined, { ref: false })]);
  }
}
