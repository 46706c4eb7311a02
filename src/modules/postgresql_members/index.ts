import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { raw } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { asked, known, planned, refuseStandby } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { membershipChanges, STATE_SQL, StateSchema, type State } from './decide.ts';

const Args = z.strictObject({
  groups: z.array(SqlName).describe('Roles whose members are exactly what `members` says'),
  roles: z.array(SqlName).default([]).describe('Roles that are members of exactly what `members` says'),
  members: z.array(z.strictObject({ group: SqlName.describe('Role that has the member'), member: SqlName.describe('Role that is one') })).default([]).describe('The memberships. A member inherits what the group may do, may SET ROLE to it, and may not pass the membership on'),
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
  const changes = membershipChanges(args, known(host, query, FRESH));
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
