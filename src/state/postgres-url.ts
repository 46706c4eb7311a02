/** Where a shared store is, and how it is logged in to: CARE_DATABASE_URL as libpq would read it, with safer defaults. */
import { readFileSync, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { badInput } from '../support/diagnostic.ts';
import { Secret } from '../support/secret.ts';

export const DATABASE_URL = 'CARE_DATABASE_URL';

export interface DatabaseAddress {
  /** A name, an address, or the directory of a UNIX socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  /**
   * `verify-full`: encrypted, certificate and name checked; `verify-ca`: the name is not; `require`: encrypted, nobody knows with whom;
   * `disable`: in the clear.
   */
  readonly tls: 'verify-full' | 'verify-ca' | 'require' | 'disable';
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: Secret | undefined;
  /** Seconds to wait for a connection. */
  readonly connectSeconds: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const KNOWN = ['host', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'connect_timeout'] as const;
const MODES = ['verify-full', 'verify-ca', 'require', 'disable'] as const;
const DEFAULT_CONNECT_SECONDS = 5;
const DEFAULT_PORT = 5432;

function wrong(problem: string, remedy?: string): Error {
  return badInput('bad-database-url', `${DATABASE_URL}: ${problem}`, { remedy: remedy ?? 'postgresql://USER@HOST/DATABASE, see docs/history.md' });
}

/** This machine: a socket, or the loopback network (RFC 1122 3.2.1.3, RFC 4291 2.5.3). */
export function isLocal(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function readNamed(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong(`${parameter}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * The password for a connection in a file of `host:port:database:user:password` lines, `*` for any, `\` before a colon
 * (PostgreSQL 17, "The Password File").
 */
export function passwordFrom(text: string, at: Pick<DatabaseAddress, 'host' | 'port' | 'database' | 'user'>): string | undefined {
  const wanted = [at.host.startsWith('/') ? 'localhost' : at.host, String(at.port), at.database, at.user];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].map((match) => (match[1] ?? '').replaceAll(/\\(.)/g, '$1'));
    const [password] = fields.slice(4);
    if (password !== undefined && wanted.every((value, i) => fields[i] === '*' || fields[i] === value)) return password;
  }
  return undefined;
}

function savedPassword(at: Pick<DatabaseAddress, 'host' | 'port' | 'database' | 'user'>, environment: Environment): string | undefined {
  const file = environment['PGPASSFILE'] ?? join(environment['HOME'] ?? homedir(), '.pgpass');
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return undefined;
  // As libpq: a file that others can read is not one to take passwords from.
  if ((found.mode & 0o077) !== 0) throw wrong(`others may read the password file ${file}`, `chmod 0600 ${file}`);
  return passwordFrom(readNamed('PGPASSFILE', file), at);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('a % stands before something that is no escape', 'write a % in a password as %25');
  }
}

/**
 * @param url `postgresql://user[:password]@host[:port]/database?sslmode=…&sslrootcert=…&sslcert=…&sslkey=…&connect_timeout=…`, or
 *   `postgresql:///database?host=/run/postgresql`. Without a password in it: PGPASSWORD, PGPASSFILE or ~/.pgpass.
 * @throws Diagnostic `bad-database-url`; the URL itself is never shown, it may hold a password
 */
export function databaseAddress(url: string, environment: Environment = process.env): DatabaseAddress {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw wrong('it is not a URL');
  }
  if (parsed.protocol !== 'postgresql:' && parsed.protocol !== 'postgres:') throw wrong(`it begins with ${parsed.protocol}, and must begin with postgresql:`);
  const get = (name: (typeof KNOWN)[number]): string | undefined => parsed.searchParams.get(name) ?? undefined;
  const unknown = [...parsed.searchParams.keys()].find((name) => !KNOWN.some((known) => known === name));
  if (unknown !== undefined) throw wrong(`the parameter ${unknown} is not known`, `known are ${KNOWN.join(', ')}`);
  const host = get('host') ?? (parsed.hostname === '' ? '/run/postgresql' : decoded(parsed.hostname).replaceAll(/^\[|\]$/g, ''));
  const tls = get('sslmode') ?? (isLocal(host) ? 'disable' : 'verify-full');
  const mode = MODES.find((known) => known === tls);
  if (mode === undefined) throw wrong(`sslmode ${tls} is not offered`, `use one of ${MODES.join(', ')}; verify-full is the default for other machines`);
  const seconds = Number(get('connect_timeout') ?? DEFAULT_CONNECT_SECONDS);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 300) throw wrong('connect_timeout must be a whole number of seconds from 1 to 300');
  const user = parsed.username === '' ? (environment['PGUSER'] ?? userInfo().username) : decoded(parsed.username);
  const database = parsed.pathname.length <= 1 ? user : decoded(parsed.pathname.slice(1));
  const at = { host, port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port), database, user };
  const password = parsed.password === '' ? (environment['PGPASSWORD'] ?? savedPassword(at, environment)) : decoded(parsed.password);
  const file = (name: 'sslrootcert' | 'sslcert' | 'sslkey'): string | undefined => {
    const path = get(name);
    // "system" is libpq's word for the authorities that the machine trusts anyway, which is the default here.
    if (path === undefined || path === 'system') return undefined;
    if (!isAbsolute(path)) throw wrong(`${name} must be an absolute path`);
    return readNamed(name, path);
  };
  const key = file('sslkey');
  return {
    ...at,
    password: password === undefined ? undefined : new Secret(password),
    tls: mode,
    ca: file('sslrootcert'),
    cert: file('sslcert'),
    key: key === undefined ? undefined : new Secret(key),
    connectSeconds: seconds,
  };
}

/** `care@db.example.org:5432/care`, for messages. */
export function describeAddress(at: DatabaseAddress): string {
  return `${at.user}@${at.host.includes(':') ? `[${at.host}]` : at.host}:${String(at.port)}/${at.database}`;
}
