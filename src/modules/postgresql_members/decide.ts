/** Who is a member of which role, and what it takes to make it exactly what was declared. */
import { z } from 'zod';
import { escapeIdentifier } from '../../services/postgres/sql.ts';
import type { Issuer } from '../common/postgres/issuer.ts';

const Membership = z.object({
  group: z.string(),
  member: z.string(),
  /** Who gave it; empty for the bootstrap superuser and for ourselves. */
  grantor: z.string(),
  admin: z.boolean(),
  /** PostgreSQL 16 and later tell them; before, a member has what INHERIT of its own says, and may always SET ROLE. */
  inherit: z.boolean(),
  set: z.boolean(),
});
export type Membership = z.output<typeof Membership>;
export const StateSchema = z.object({ version: z.number(), memberships: z.array(Membership) });
export type State = z.output<typeof StateSchema>;

export const STATE_SQL = `
SELECT jsonb_build_object('version', current_setting('server_version_num')::int, 'memberships', (
  SELECT coalesce(jsonb_agg(jsonb_build_object('group', g.rolname, 'member', m.rolname,
    'grantor', CASE WHEN b.oid IS NULL OR b.oid = 10 OR b.rolname = current_user THEN '' ELSE b.rolname END, 'admin', a.admin_option,
    'inherit', coalesce((to_jsonb(a) ->> 'inherit_option')::boolean, true), 'set', coalesce((to_jsonb(a) ->> 'set_option')::boolean, true))
    ORDER BY g.rolname COLLATE "C", m.rolname COLLATE "C", b.rolname COLLATE "C"), '[]')
  FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member LEFT JOIN pg_roles b ON b.oid = a.grantor)) AS fact`;

export interface Wished {
  readonly group: string;
  readonly member: string;
  /** May pass it on, and has nothing of it itself. */
  readonly admin: boolean;
}

export interface MembersArgs {
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly members: readonly Wished[];
  readonly issuers: readonly Issuer[];
}

export interface MembershipChange {
  readonly group: string;
  readonly member: string;
  readonly what: string;
  readonly statements: readonly string[];
  readonly after: State;
}

const same = (a: { readonly group: string; readonly member: string }, b: { readonly group: string; readonly member: string }): boolean => a.group === b.group && a.member === b.member;
const order = (a: Membership, b: Membership): number => (a.group === b.group ? (a.member < b.member ? -1 : 1) : a.group < b.group ? -1 : 1);

/**
 * Whether an issuer's own work: a login that it made is a member of what it may pass on; and PostgreSQL made it the administrator of that login
 * (CREATE ROLE, "automatically granted", from 16), without which it could not drop it.
 */
function issued(args: MembersArgs, m: Membership): boolean {
  return args.issuers.some(({ name, prefix }) => {
    if (m.member === name) return m.group.startsWith(prefix) && m.grantor === '' && m.admin && !m.inherit && !m.set;
    return m.grantor === name && !m.admin && m.member.startsWith(prefix) && args.members.some((w) => w.admin && w.member === name && w.group === m.group);
  });
}

/** The grant as it was declared. */
function isAsWished(wished: Wished, m: Membership): boolean {
  return m.grantor === '' && m.admin === wished.admin && m.inherit !== wished.admin && m.set !== wished.admin;
}

/** SQL that takes one membership away. Since PostgreSQL 16 each grantor's is another. */
function revoke(m: Membership, version: number): string {
  const by = version >= 160000 && m.grantor !== '' ? ` GRANTED BY ${escapeIdentifier(m.grantor)}` : '';
  return `REVOKE ${escapeIdentifier(m.group)} FROM ${escapeIdentifier(m.member)}${by} CASCADE`;
}

/** Changes one after another, each on the state that the one before leaves. */
export function membershipChanges(args: MembersArgs, initial: State): readonly MembershipChange[] {
  const changes: MembershipChange[] = [];
  let state = initial;
  const add = (pair: { readonly group: string; readonly member: string }, what: string, statements: readonly string[], memberships: readonly Membership[]): void => {
    state = { ...state, memberships: [...memberships].sort(order) };
    changes.push({ group: pair.group, member: pair.member, what, statements, after: state });
  };
  const ours = initial.memberships.filter((m) => (args.groups.includes(m.group) || args.roles.includes(m.member)) && !issued(args, m));
  for (const pair of ours.filter((m, i) => ours.findIndex((o) => same(o, m)) === i && !args.members.some((d) => same(d, m)))) {
    const gone = state.memberships.filter((m) => same(m, pair));
    add(pair, 'revoke', gone.map((m) => revoke(m, state.version)), state.memberships.filter((m) => !same(m, pair)));
  }
  for (const pair of args.members) {
    const now = state.memberships.filter((m) => same(m, pair));
    if (now.length === 1 && now.every((m) => isAsWished(pair, m))) continue;
    const options = pair.admin ? ' WITH ADMIN TRUE, INHERIT FALSE, SET FALSE' : state.version >= 160000 ? ' WITH ADMIN FALSE, INHERIT TRUE, SET TRUE' : '';
    const statements = [...now.map((m) => revoke(m, state.version)), `GRANT ${escapeIdentifier(pair.group)} TO ${escapeIdentifier(pair.member)}${options}`];
    const fresh: Membership = { group: pair.group, member: pair.member, grantor: '', admin: pair.admin, inherit: !pair.admin, set: !pair.admin };
    add(pair, now.length === 0 ? 'grant' : `grant anew, ${pair.admin ? 'to pass it on alone' : 'plainly'} (was: ${now.map(describe).join('; ')})`, statements, [...state.memberships.filter((m) => !same(m, pair)), fresh]);
  }
  return changes;
}

function describe(m: Membership): string {
  return [m.admin ? 'may pass it on' : '', m.inherit ? '' : 'does not inherit', m.set ? '' : 'may not SET ROLE', m.grantor === '' ? '' : `given by ${m.grantor}`].filter((p) => p !== '').join(', ') || 'plain';
}
