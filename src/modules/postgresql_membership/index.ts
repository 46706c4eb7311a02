import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { ServiceChange } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { PostgresLogin } from '../../services/postgres/login.ts';
import { ident, sql, type Sql } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { memberships, type Grant } from '../common/postgres/membership.ts';
import { Names } from '../common/postgres/names.ts';
import { freshRole, role } from '../common/postgres/role.ts';
import { asked, known, planned, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';

const MembershipArgs = z.strictObject({
  groups: Names.describe('The roles to be a member of, with commas in between or a list'),
  target_roles: Names.refine((names) => names.length > 0, 'must name a role').describe('The members'),
  state: z.enum(['present', 'absent', 'exact']).default('present').describe('`exact`: the members are in these groups and in no others'),
  fail_on_role: z.boolean().default(true).describe('Whether a role that does not exist is a failure; otherwise it is passed over'),
  login_db: SqlName.default('postgres').describe('The database to log in to'),
  ...loginFields,
}).refine((args) => args.groups.length > 0 || args.state === 'exact', { path: ['groups'], message: 'must name a role; only with state: exact may it be empty' });
type MembershipArgs = z.output<typeof MembershipArgs>;

/** A superuser's REVOKE takes back the bootstrap superuser's grant alone (PostgreSQL 16), so every grantor is named. */
function revoke(group: string, member: string, grants: readonly Grant[], version: number): readonly Sql[] {
  if (version < 160_000) return [sql`REVOKE ${ident(group)} FROM ${ident(member)}`];
  return grants.filter((g) => g.group === group).map((g) => sql`REVOKE ${ident(group)} FROM ${ident(member)} GRANTED BY ${ident(g.grantor)}`);
}

function changeOf(args: MembershipArgs, host: HostView, login: PostgresLogin, member: string, groups: readonly string[], version: number): ServiceChange | undefined {
  const query = memberships({ login, name: member });
  const own = freshRole(member, login);
  const grants = known(host, query, own.exists ? [] : null);
  if (grants === null) {
    // Made by an earlier task of the run, which nobody could have asked the server about.
    const made = known(host, role({ login, name: member }), own);
    if (!made.exists && args.fail_on_role) refuse(`role ${member} does not exist`, 'create it in an earlier task (postgresql_user), or say fail_on_role: false');
    if (!made.exists) return undefined;
  }
  const now = [...new Set((grants ?? []).map((g) => g.group))];
  const join = args.state === 'absent' ? [] : groups.filter((g) => !now.includes(g));
  const leave = args.state === 'absent' ? now.filter((g) => groups.includes(g)) : args.state === 'exact' ? now.filter((g) => !groups.includes(g)) : [];
  if (join.length === 0 && leave.length === 0) return undefined;
  const what = [...(join.length === 0 ? [] : [`join ${join.join(', ')}`]), ...(leave.length === 0 ? [] : [`leave ${leave.join(', ')}`])].join('; ');
  const statements = [...join.map((g) => sql`GRANT ${ident(g)} TO ${ident(member)}`), ...leave.flatMap((g) => revoke(g, member, grants ?? [], version))];
  const after: readonly Grant[] = [...(grants ?? []).filter((g) => !leave.includes(g.group)), ...join.map((group) => ({ group, admin: false, grantor: '' }))];
  return sqlChange({ login, resource: `memberships of role ${member}`, what, statements, effects: [query.is({ ok: true, value: after })] });
}

function planMembership(args: MembershipArgs, host: HostView): Plan {
  const login = loginOf(args, args.login_db, host);
  const server = serverOf(host, login);
  refuseStandby(host, login);
  const groups = args.groups.filter((name) => {
    const exists = known(host, role({ login, name }), freshRole(name, login)).exists;
    if (!exists && args.fail_on_role && args.state !== 'absent') refuse(`role ${name} does not exist`, 'create it in an earlier task (postgresql_user), or say fail_on_role: false');
    return exists;
  });
  const version = server?.version ?? 0;
  return converge(args.target_roles.flatMap((member) => changeOf(args, host, login, member, groups, version) ?? []));
}

export const postgresqlMembership = defineModule({
  name: 'postgresql_membership',
  summary: 'Manage which PostgreSQL roles are members of which',
  description: 'Each member is a change of its own. `exact` revokes what is not listed, whoever granted it.',
  args: MembershipArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [{ title: 'A service gets what it needs and no more', yaml: 'postgresql_membership:\n  groups: [care_readwrite]\n  target_roles: [care]\n  state: exact\n  login_password: "{{ postgres_admin_password }}"' }],
  queries(args, host) {
    const login = loginOf(args, args.login_db, host);
    return asked(host, login, [...args.groups.map((name) => role({ login, name })), ...args.target_roles.map((name) => memberships({ login, name }))]);
  },
  plan: (args, host) => planned(() => planMembership(args, host)),
});
