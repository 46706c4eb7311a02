/** What a server says of its roles. */
import { z } from 'zod';
import { verifierMatches } from '../../../services/postgres/scram.ts';
import { fingerprint } from '../../../services/postgres/login.ts';
import type { Secret } from '../../../support/secret.ts';
import { SETTINGS, type NamedKey } from './database.ts';
import { byName, definePostgresQuery } from './kind.ts';
import { Settings } from './settings.ts';

/** Attributes as CREATE ROLE writes them, without NO. */
export const ATTRIBUTES = ['SUPERUSER', 'CREATEROLE', 'CREATEDB', 'INHERIT', 'LOGIN', 'REPLICATION', 'BYPASSRLS'] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

const Present = z.object({
  name: z.string(),
  attributes: z.array(z.enum(ATTRIBUTES)),
  connectionLimit: z.int(),
  /** `infinity`, or UTC as `2030-01-31T00:00:00Z`; '' when none was ever set. */
  expires: z.string(),
  comment: z.string(),
  settings: Settings,
});
export type PresentRole = { readonly exists: true } & Omit<z.output<typeof Present>, 'name'>;
export type Role = { readonly exists: false } | PresentRole;

const ASK = `SELECT pg_catalog.json_build_object(
  'name', r.rolname,
  'attributes', pg_catalog.array_to_json(pg_catalog.array_remove(ARRAY[
    CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
    CASE WHEN r.rolinherit THEN 'INHERIT' END, CASE WHEN r.rolcanlogin THEN 'LOGIN' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
    CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL)),
  'connectionLimit', r.rolconnlimit,
  'expires', CASE WHEN r.rolvaliduntil IS NULL THEN '' WHEN r.rolvaliduntil = 'infinity' THEN 'infinity' ELSE pg_catalog.to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
  'comment', COALESCE(pg_catalog.shobj_description(r.oid, 'pg_authid'), ''),
  'settings', ${SETTINGS('pg_catalog.pg_db_role_setting x, pg_catalog.unnest(x.setconfig) AS s WHERE x.setdatabase = 0 AND x.setrole = r.oid')}) AS fact
FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($1::text[])`;

export const role = definePostgresQuery<NamedKey, Role>({
  name: 'postgres-role',
  of: 'server',
  subject: (key) => key.name,
  describe: (key) => `role ${key.name}`,
  ask: (keys, read) => {
    const names = keys.map((k) => k.name);
    return byName<z.output<typeof Present>, Role>(names, read(ASK, [names]), Present, ({ name: _name, ...rest }) => ({ exists: true, ...rest }), { exists: false });
  },
});

/** `md5`: of the kind that PostgreSQL gives up. */
export type PasswordState = 'none' | 'matches' | 'differs' | 'md5';

export interface PasswordKey extends NamedKey {
  /** The wished password; undefined asks only whether there is one (`differs` then means yes). */
  readonly password: Secret | undefined;
}

const Stored = z.object({ name: z.string(), password: z.string().nullable() });

/** Whether a role's password is the wished one, found out here from the stored verifier. Needs a superuser. */
export const password = definePostgresQuery<PasswordKey, PasswordState>({
  name: 'postgres-password',
  after: ['postgres-role'],
  of: 'server',
  subject: (key) => (key.password === undefined ? key.name : `${key.name} ${fingerprint(key.password.reveal())}`),
  describe: (key) => `the password of role ${key.name}`,
  ask: async (keys, read) => {
    const rows = (await read("SELECT pg_catalog.json_build_object('name', rolname, 'password', rolpassword) AS fact FROM pg_catalog.pg_authid WHERE rolname = ANY ($1::text[])", [keys.map((k) => k.name)])).map((row) => Stored.parse(row));
    const stored = new Map(rows.map((row) => [row.name, row.password]));
    return keys.map((key) => stateOf(stored.get(key.name) ?? null, key.password));
  },
});

function stateOf(stored: string | null, wished: Secret | undefined): PasswordState {
  if (stored === null) return 'none';
  if (stored.startsWith('md5')) return 'md5';
  return wished !== undefined && verifierMatches(stored, wished.reveal()) ? 'matches' : 'differs';
}

/** A role as CREATE ROLE makes it when nothing is said. */
export const NEW_ROLE: PresentRole = { exists: true, attributes: ['INHERIT'], connectionLimit: -1, expires: '', comment: '', settings: {} };

/** What a freshly initialised cluster has under a name: its superuser, and the one that this program logs in as. */
export function freshRole(name: string, login: { readonly user: string }): Role {
  if (name === 'postgres') return { ...NEW_ROLE, attributes: [...ATTRIBUTES] };
  if (name === login.user) return { ...NEW_ROLE, attributes: ['SUPERUSER', 'INHERIT', 'LOGIN'] };
  return name.startsWith('pg_') ? NEW_ROLE : { exists: false };
}
