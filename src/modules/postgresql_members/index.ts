import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { raw } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { Issuer, ISSUER_VERSION } from '../common/postgres/issuer.ts';
import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { asked, known, planned, refuse, refuseStandby } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { membershipChanges, STATE_SQL, StateSchema, type State } from './decide.ts';

const Args = z.strictObject({
  groups: z.array(SqlName).describe('Roles whose members are exactly what `members` says'),
  roles: z.array(SqlName).default([]).describe('Roles that are members of exactly what `members` says'),
  members: z.array(z.strictObject({ group: SqlName.describe('Role that has the member'), member: SqlName.describe('Role that is one'), admin: z.boolean().default(false).describe('It may pass the membership on, and neither inherits nor may SET ROLE itself (PostgreSQL 16)') })).default([]).describe('The memberships. A member inherits what the group may do, may SET ROLE to it, and may not pass the membership on, unless `admin` says otherwise'),
  issuers: z.array(Issuer).default([]).describe('Roles that make logins and drop them: what they have made, and whom of those they have put into a group that they may pass on, is left to them'),
  ...loginFields,
});
type Args = z.output<typeof Args>;

/** All memberships of the server. */
const memberships = definePostgresQuery<PostgresKey, State>({
  name: 'postgres-all-memberships',
  of: 'server',
  subject: () => '',
  describe: () => 'members of roles',
  after: ['postgres-role', 'postgres-memberships'],
  ask: async (keys, read) => {
    const [row] = await read(STATE_SQL);
    const state = StateSchema.parse(row);
    return keys.map(() => state);
  },
  show: (state) => `${String(state.memberships.length)} memberships`,
});

/** Of a server that is not there yet: initdb's own memberships are nobody's business here. */
const FRESH: State = { version: 170000, memberships: [] };

function plan(args: Args, host: HostView): Plan {
  const login = loginOf(args, 'postgres', host);
  refuseStandby(host, login);
  const query = memberships({ login });
  const now = known(host, query, FRESH);
  if (now.version < ISSUER_VERSION && (args.issuers.length > 0 || args.members.some((m) => m.admin))) refuse('roles that give logins need PostgreSQL 16 or later', 'before, whoever may create a role may alter any other that is no superuser');
  const changes = membershipChanges(args, now);
  return converge(changes.map((c) => sqlChange({ login, resource: `member ${c.member} of role ${c.group}`, what: c.what, statements: c.statements.map(raw), effects: [query.is({ ok: true, value: c.after })] })));
}

export const postgresqlMembers = defineModule({
  name: 'postgresql_members',
  summary: 'Keep the members of roles exactly as declared',
  description: `Unlike Ansible's \`postgresql_membership\`, which looks from the members, this one looks from both sides: a member of one of \`groups\`, or a
group of one of \`roles\`, that nobody declared is revoked, whoever granted it.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    {
      title: 'The service writes, and nobody else',
      yaml: 'postgresql_members:\n  groups: [care_rw]\n  roles: [care_app]\n  members:\n    - { group: care_rw, member: care_app }\n  login_password: "{{ postgres_admin_password }}"\nwhen: inventory_hostname == postgres_leader',
    },
  ],
  queries: (args, host) => asked(host, loginOf(args, 'postgres', host), [memberships({ login: loginOf(args, 'postgres', host) })]),
  plan: (args, host) => planned(() => plan(args, host)),
});
