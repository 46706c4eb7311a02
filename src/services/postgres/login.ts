/** Who logs in where to a PostgreSQL server, as seen from its host. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../../support/secret.ts';

export interface PostgresTls {
  /** `verify-ca` does not look at the name in the certificate. */
  readonly mode: 'verify-full' | 'verify-ca';
  /** PEM; undefined: the authorities that this machine trusts. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: Secret | undefined;
}

export type PostgresAddress =
  /** The directory of the UNIX socket on the host. */
  | { readonly type: 'socket'; readonly directory: string; readonly port: number }
  /** Seen from the host. */
  | { readonly type: 'tcp'; readonly host: string; readonly port: number; readonly tls: PostgresTls };

export interface PostgresLogin {
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly at: PostgresAddress;
  /** SET ROLE after the login. */
  readonly role: string | undefined;
  /** `catalog`: names are looked up in pg_catalog only, so that nobody's objects can get between; `user`: as for everybody. */
  readonly names: 'catalog' | 'user';
}

export function describeAddress(at: PostgresAddress): string {
  return at.type === 'socket' ? `${at.directory}:${String(at.port)}` : `${at.host}:${String(at.port)}`;
}

/** Names the login without its secrets: `care_admin@/var/run/postgresql:5432/care`. */
export function loginName(login: PostgresLogin): string {
  return `${login.user}${login.role === undefined ? '' : `(${login.role})`}@${describeAddress(login.at)}/${login.database}`;
}

const fingerprintKey = randomBytes(32);

/** Equal for equal texts, and says nothing of them. Of this process only. */
export function fingerprint(text: string): string {
  return createHmac('sha256', fingerprintKey).update(text).digest('hex').slice(0, 32);
}

/** Equal for logins that may share a connection. */
export function loginId(login: PostgresLogin): string {
  const tls = login.at.type === 'tcp' ? login.at.tls : undefined;
  return `${loginName(login)} ${login.names} ${fingerprint(JSON.stringify([login.password?.reveal(), tls?.mode, tls?.ca, tls?.cert, tls?.key?.reveal()]))}`;
}
