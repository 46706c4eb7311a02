/** Roles and databases of a server that nobody declared. */
import { z } from 'zod';
import { escapeIdentifier } from '../../services/postgres/sql.ts';
import type { Issuer } from '../common/postgres/issuer.ts';

const Role = z.object({ name: z.string(), login: z.boolean(), superuser: z.boolean(), powers: z.array(z.string()), /** Who administers it since it was made: from PostgreSQL 16 on, whoever made it. */ issuers: z.array(z.string()) });
export type Role = z.output<typeof Role>;
export const StateSchema = z.object({ roles: z.array(Role), databases: z.array(z.string()) });
export type State = z.output<typeof StateSchema>;

/** What makes a role nearly a superuser, in PostgreSQL's words. */
export const STATE_SQL = `
SELECT jsonb_build_object(
  'roles', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', rolname, 'login', rolcanlogin, 'superuser', rolsuper, 'powers', array_remove(ARRAY[
      CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
      CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL),
      'issuers', (SELECT coalesce(jsonb_agg(m.rolname ORDER BY m.rolname COLLATE "C"), '[]') FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member WHERE a.roleid = r.oid AND a.admin_option AND a.grantor = 10))
    ORDER BY rolname COLLATE "C"), '[]') FROM pg_roles r WHERE rolname !~ '^pg_'),
  'databases', (SELECT coalesce(jsonb_agg(datname ORDER BY datname COLLATE "C"), '[]') FROM pg_database WHERE NOT datistemplate)) AS fact`;

export interface UnlistedArgs {
  readonly roles: readonly string[];
  readonly databases: readonly string[];
  readonly superusers: readonly string[];
  readonly powers: 'revoke' | 'report';
  readonly logins: 'lock' | 'report';
  readonly issuers: readonly Issuer[];
}

export interface RoleChange {
  readonly role: string;
  readonly what: string;
  readonly statement: string;
  readonly after: State;
}

export interface Findings {
  readonly changes: readonly RoleChange[];
  /** Undeclared roles that may log in, after the changes. */
  readonly logins: readonly string[];
  readonly databases: readonly string[];
  /** Superusers that should be none, after the changes. */
  readonly superusers: readonly string[];
}

/** A login that comes and goes, made by one that is declared to make such. */
function isIssued(args: UnlistedArgs, role: Role): boolean {
  return args.issuers.some(({ name, prefix }) => role.name.startsWith(prefix) && role.issuers.includes(name));
}

export function findings(args: UnlistedArgs, initial: State): Findings {
  const changes: RoleChange[] = [];
  let state = initial;
  for (const role of initial.roles.filter((r) => !args.superusers.includes(r.name))) {
    const listed = args.roles.includes(role.name);
    const powers = [...(role.superuser ? ['SUPERUSER'] : []), ...(listed ? [] : role.powers)];
    const lose = args.powers === 'revoke' ? powers : [];
    const lock = args.logins === 'lock' && role.login && !listed && !isIssued(args, role);
    if (lose.length === 0 && !lock) continue;
    const words = [...lose, ...(lock ? ['LOGIN'] : [])].map((w) => `NO${w}`);
    const left: Role = { ...role, login: role.login && !lock, superuser: role.superuser && lose.length === 0, powers: role.powers.filter((p) => !lose.includes(p)) };
    state = { ...state, roles: state.roles.map((r) => (r.name === role.name ? left : r)) };
    changes.push({ role: role.name, what: words.join(' '), statement: `ALTER ROLE ${escapeIdentifier(role.name)} ${words.join(' ')}`, after: state });
  }
  return {
    changes,
    logins: state.roles.filter((r) => r.login && !args.roles.includes(r.name) && !args.superusers.includes(r.name) && !isIssued(args, r)).map((r) => r.name),
    databases: state.databases.filter((d) => !args.databases.includes(d)),
    superusers: state.roles.filter((r) => r.superuser && !args.superusers.includes(r.name)).map((r) => r.name),
  };
}
