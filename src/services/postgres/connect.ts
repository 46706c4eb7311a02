/** Logs in to a PostgreSQL server over a stream through its host. */
import { checkServerIdentity } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { Client, ClientConfig } from 'pg';
import type { Streams } from '../clients.ts';
import type { PostgresAddress, PostgresLogin, PostgresTls } from './login.ts';
import { saslprep } from './scram.ts';
import { escapeIdentifier } from './sql.ts';
import { Tunnel } from './tunnel.ts';

const CONNECT_SECONDS = 15;
/** For statements of tasks that set no time limit of their own: that of the engine. */
const STATEMENT_TIMEOUT_MS = 1800 * 1000;

/** The stream to the server itself. */
export function openServerStream(at: PostgresAddress, streams: Streams): Promise<Duplex> {
  // The name of the socket is the server's own rule (libpq's UNIXSOCK_PATH).
  return at.type === 'socket' ? streams.forwardSocket(`${at.directory}/.s.PGSQL.${String(at.port)}`) : streams.forward(at.host, at.port);
}

/** Everything is said, so that nothing of this machine's environment (PGOPTIONS, PGSSLMODE, ~/.pgpass) gets in. */
function configOf(login: PostgresLogin, stream: Duplex): ClientConfig {
  return {
    user: login.user,
    database: login.database,
    // Asked only when the server wants one.
    password: () => {
      if (login.password === undefined) throw new Error(`the server asks ${login.user} for a password, and none was given (login_password)`);
      return saslprep(login.password.reveal());
    },
    host: login.at.type === 'socket' ? login.at.directory : login.at.host,
    port: login.at.port,
    stream: () => new Tunnel(stream),
    ssl: login.at.type === 'socket' ? false : tlsOptions(login.at.host, login.at.tls),
    application_name: 'care-provision',
    connectionTimeoutMillis: CONNECT_SECONDS * 1000,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: 120_000,
    options: login.names === 'catalog' ? '-c search_path=pg_catalog -c client_min_messages=warning' : '-c client_min_messages=notice',
    client_encoding: 'UTF8',
    keepAlive: false,
    pipeline: true,
  };
}

function tlsOptions(host: string, tls: PostgresTls): ClientConfig['ssl'] & object {
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    checkServerIdentity: (_name, certificate) => (tls.mode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key.reveal() }),
  };
}

export async function connectPostgres(login: PostgresLogin, streams: Streams, signal: AbortSignal): Promise<{ readonly client: Client; readonly statementTimeout: number }> {
  const [pg, stream] = await Promise.all([import('pg'), openServerStream(login.at, streams)]);
  const onAbort = (): void => { stream.destroy(); };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const client = new pg.default.Client(configOf(login, stream));
    // What becomes of the connection is told by the query that waits, or by the next one.
    client.on('error', () => undefined);
    await client.connect();
    if (login.role !== undefined) await client.query(`SET ROLE ${escapeIdentifier(login.role)}`);
    return { client, statementTimeout: STATEMENT_TIMEOUT_MS };
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
