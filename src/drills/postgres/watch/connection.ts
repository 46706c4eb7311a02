/** One connection of a drill's client: every step within a bound, cut off rather than waited for. */
import { Socket } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import pg from 'pg';
import type { DrillLogin } from './login.ts';
import { STARTED_SQL, WRITE_SQL } from './schema.ts';

/** A place to write to, by address. */
export interface Endpoint {
  readonly label: string;
  readonly host: string;
  readonly port: number;
  /** The certificate must be for one of these (names or addresses). */
  readonly names: readonly string[];
  /** False for a proxy, which chooses the leader itself; true: a member, used only while it takes writes. */
  readonly member: boolean;
}

export interface Written {
  readonly timeline: number;
  readonly server: string;
}

export interface DrillConnection {
  readonly endpoint: Endpoint;
  /** Writes one row. @throws WriteError; the connection is then of no more use */
  write(client: string, sequence: number): Promise<Written>;
  /** Whether the server replays and takes no writes. @throws WriteError */
  inRecovery(): Promise<boolean>;
  /** When the server behind the connection was started, as `STARTED_SQL` writes it: that tells servers apart behind a proxy. @throws WriteError */
  startedAt(): Promise<string>;
  destroy(): void;
}

/** Milliseconds. */
export interface Patience {
  /** TCP, TLS and login together. */
  readonly connectMs: number;
  /** One statement. */
  readonly statementMs: number;
}

/** Why a row or a connection failed, in one word and one line. */
export class WriteError extends Error {
  override readonly name = 'WriteError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

function reasonOf(error: unknown, timedOut: boolean, what: string): WriteError {
  if (error instanceof WriteError) return error;
  if (timedOut) return new WriteError('timeout', `${what}: no answer in time`);
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'closed';
  return new WriteError(code, message.split('\n')[0] ?? '');
}

/** As libpq's sslmode=verify-full with one of several names: a proxy passes on whichever member leads. */
function verifyNames(names: readonly string[]): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const problems = names.map((name) => checkServerIdentity(name, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };
}

/**
 * Connects and logs in over TLS, verify-full.
 *
 * @throws WriteError
 */
export async function dial(endpoint: Endpoint, login: DrillLogin, ca: string, patience: Patience): Promise<DrillConnection> {
  const socket = new Socket();
  socket.setNoDelay(true);
  // Troubles of the socket reach us through the client; one that comes late must not end the process.
  socket.on('error', () => undefined);
  const client = new pg.Client({
    host: endpoint.host,
    port: endpoint.port,
    user: login.user,
    database: login.database,
    password: login.password.reveal(),
    application_name: 'care-provision drill',
    ssl: { ca, minVersion: 'TLSv1.2', checkServerIdentity: verifyNames(endpoint.names) },
    stream: () => socket,
  });
  let broken: Error | undefined;
  const doubts: string[] = [];
  client.on('error', (error) => { broken ??= error; });
  client.on('notice', (notice) => {
    // The wait for a replica was cut short: the row is committed here, and perhaps only here (syncrep.c).
    if (notice.severity === 'WARNING') doubts.push(notice.message ?? 'a warning');
  });
  const bounded = async <T>(what: string, milliseconds: number, work: () => Promise<T>): Promise<T> => {
    if (broken !== undefined) throw reasonOf(broken, false, what);
    let timedOut = false;
    let cut: ((error: Error) => void) | undefined;
    const late = new Promise<never>((_resolve, reject) => { cut = reject; });
    const timer = setTimeout(() => {
      timedOut = true;
      socket.destroy();
      cut?.(new WriteError('timeout', `${what}: no answer within ${String(milliseconds)} ms`));
    }, milliseconds);
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      socket.destroy();
      throw reasonOf(error, timedOut, what);
    } finally {
      clearTimeout(timer);
    }
  };
  await bounded('connecting', patience.connectMs, () => client.connect());
  return {
    endpoint,
    destroy: () => { socket.destroy(); },
    write: (name, sequence) => bounded('writing', patience.statementMs, async () => {
      doubts.length = 0;
      const { rows } = await client.query<{ timeline: number; server: string }>(WRITE_SQL, [name, sequence]);
      const [row] = rows;
      const [doubt] = doubts;
      if (doubt !== undefined) throw new WriteError('doubtful', doubt);
      if (row === undefined) throw new WriteError('no-row', 'the server confirmed no row');
      return { timeline: row.timeline, server: row.server === '' ? endpoint.label : row.server };
    }),
    startedAt: () => bounded('asking', patience.statementMs, async () => (await client.query<{ started: string }>(STARTED_SQL)).rows[0]?.started ?? ''),
    inRecovery: () => bounded('asking', patience.statementMs, async () => (await client.query<{ replays: boolean }>('SELECT pg_is_in_recovery() AS replays')).rows[0]?.replays !== false),
  };
}
