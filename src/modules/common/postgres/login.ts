/** The arguments with which every postgresql_* module logs in, and what they come to. */
import { z } from 'zod';
import type { HostView } from '../../../host/view.ts';
import type { PostgresLogin } from '../../../services/postgres/login.ts';
import { revealed, Secret } from '../../../support/secret.ts';
import { AbsolutePath, SecretText } from '../../arguments.ts';

/** NAMEDATALEN is 64: the server would cut a longer one without a word. */
const LONGEST_NAME = 63;

/** The name of a role, database, schema …: any text, quoted as it is. */
export const SqlName = z
  .string()
  .min(1, 'must not be empty')
  .refine((name) => !name.includes('\0'), 'must not hold a NUL')
  .refine((name) => Buffer.byteLength(name, 'utf8') <= LONGEST_NAME, `must not be longer than ${String(LONGEST_NAME)} bytes: PostgreSQL would cut it`);

/** A password; a plain string is taken for a secret at once. */
export const Password = SecretText.transform((value) => (value instanceof Secret ? value : new Secret(value))).refine((value) => value.reveal() !== '' && !value.reveal().includes('\0'), 'must not be empty');

export const loginFields = {
  login_user: SqlName.default('care_admin').describe('The role that logs in. `postgres` may only do so by peer, as the user postgres on the host, which is not how this module comes'),
  login_password: Password.optional().describe('Its password, for SCRAM-SHA-256; needed for a login by password'),
  login_unix_socket: AbsolutePath.default('/var/run/postgresql').describe('Directory of the server’s socket on the host'),
  login_host: z.string().min(1).optional().describe('Log in over TCP and TLS instead, to this name or address as the host sees it'),
  login_port: z.int().min(1).max(65535).default(5432).describe('Port of the server; part of the socket’s name as well'),
  ssl_mode: z
    .enum(['verify-full', 'verify-ca'], { error: 'must be verify-full or verify-ca: over TCP the server is always verified' })
    .default('verify-full')
    .describe('With `login_host`: whether the name in the server’s certificate is verified besides who signed it'),
  ca_cert: SecretText.optional().describe('With `login_host`: authorities that may sign the server’s certificate, a file on the controller or PEM text; default: those that Node trusts'),
  ssl_cert: SecretText.optional().describe('With `login_host`: client certificate, a file on the controller or PEM text'),
  ssl_key: SecretText.optional().describe('With `login_host`: its key, a file on the controller or PEM text (a secret)'),
  session_role: SqlName.optional().describe('SET ROLE to this after the login'),
  trust_input: z.boolean().default(true).describe('As in Ansible; names and values are quoted either way'),
};

/** `login_db` and its short name, with a default. */
export const databaseFields = {
  login_db: SqlName.optional().describe('The database to work in (also written `db`)'),
  db: SqlName.optional().describe('Same as `login_db`'),
};

export interface LoginArgs {
  readonly login_user: string;
  readonly login_password?: Secret | undefined;
  readonly login_unix_socket: string;
  readonly login_host?: string | undefined;
  readonly login_port: number;
  readonly ssl_mode: 'verify-full' | 'verify-ca';
  readonly ca_cert?: string | Secret | undefined;
  readonly ssl_cert?: string | Secret | undefined;
  readonly ssl_key?: string | Secret | undefined;
  readonly session_role?: string | undefined;
}

/** The names of {@link loginFields} that must never be shown. */
export const SECRET_LOGIN_ARGS = ['login_password', 'ssl_key'] as const;

/** PEM text, or the text of a file on the controller. */
function pem(value: string | Secret | undefined, host: Pick<HostView, 'localFile'>): string | undefined {
  if (value === undefined) return undefined;
  const text = revealed(value);
  return text.includes('-----BEGIN ') ? text : host.localFile(text).bytes().toString('utf8');
}

export function databaseOf(args: { readonly login_db?: string | undefined; readonly db?: string | undefined }): string {
  return args.login_db ?? args.db ?? 'postgres';
}

/** What the arguments come to, for a database. @throws Diagnostic when a certificate's file is missing */
export function loginOf(args: LoginArgs, database: string, host: Pick<HostView, 'localFile'>, names: PostgresLogin['names'] = 'catalog'): PostgresLogin {
  const key = pem(args.ssl_key, host);
  return {
    database,
    user: args.login_user,
    password: args.login_password,
    role: args.session_role,
    names,
    at:
      args.login_host === undefined
        ? { type: 'socket', directory: args.login_unix_socket, port: args.login_port }
        : { type: 'tcp', host: args.login_host, port: args.login_port, tls: { mode: args.ssl_mode, ca: pem(args.ca_cert, host), cert: pem(args.ssl_cert, host), key: key === undefined ? undefined : Secret.derived(key) } },
  };
}

/** The same login in another database of the server. */
export function inDatabase(login: PostgresLogin, database: string): PostgresLogin {
  return { ...login, database };
}
