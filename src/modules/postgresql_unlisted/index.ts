import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { raw } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { Issuer } from '../common/postgres/issuer.ts';
import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { asked, known, planned, refuseStandby } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { findings, STATE_SQL, StateSchema, type State } from './decide.ts';

const Args = z.strictObject({
  roles: z.array(SqlName).describe('Roles that are declared, groups and those of the cluster itself too'),
  databases: z.array(SqlName).describe('Databases that are declared'),
  superusers: z.array(SqlName).min(1).describe('Superusers that there are to be; nothing is changed about them'),
  powers: z.enum(['revoke', 'report']).default('revoke').describe('revoke: SUPERUSER is taken from everybody else, and CREATEROLE, CREATEDB, REPLICATION and BYPASSRLS from roles that are not declared'),
  logins: z.enum(['report', 'lock']).default('report').describe('lock: roles that are not declared get NOLOGIN. Nothing is ever dropped'),
  issuers: z.array(Issuer).default([]).describe('Roles that make logins and drop them: what they have made is declared by that'),
  ...loginFields,
});
type Args = z.output<typeof Args>;

/** All roles and databases of the server. */
const inventory = definePostgresQuery<PostgresKey, State>({
  name: 'postgres-inventory',
  of: 'server',
  subject: () => '',
  describe: () => 'all roles and databases',
  after: ['postgres-role', 'postgres-database'],
  ask: async (keys, read) => {
    const [row] = await read(STATE_SQL);
    const state = StateSchema.parse(row);
    return keys.map(() => state);
  },
  show: (state) => `${String(state.roles.length)} roles, ${String(state.databases.length)} databases`,
});

function plan(args: Args, host: HostView): Plan {
  const login = loginOf(args, 'postgres', host);
  refuseStandby(host, login);
  const query = inventory({ login });
  const found = findings(args, known(host, query, { roles: [], databases: ['postgres'] }));
  const values = { superusers: [...found.superusers], logins: [...found.logins], databases: [...found.databases] };
  return converge(found.changes.map((c) => sqlChange({ login, resource: `role ${c.role}, which nobody declared so`, what: c.what, statements: [raw(c.statement)], effects: [query.is({ ok: true, value: c.after })] })), values);
}

export const postgresqlUnlisted = defineModule({
  name: 'postgresql_unlisted',
  summary: 'Find roles, databases and superusers that nobody declared',
  description: `Superusers made by hand lose SUPERUSER; roles that may log in and databases are told (\`register\`). Nothing is ever dropped.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: { superusers: 'superusers that should be none and still are', logins: 'roles that may log in and are not declared', databases: 'databases that are not declared' },
  examples: [
    {
      title: 'Nobody but these',
      yaml: 'postgresql_unlisted:\n  roles: [care_owner, care_rw, care_ro, care_app, replicator]\n  databases: [postgres, care]\n  superusers: [postgres, care_admin]\n  login_password: "{{ postgres_admin_password }}"\nregister: unlisted\nwhen: inventory_hostname == postgres_leader',
    },
  ],
  queries: (args, host) => asked(host, loginOf(args, 'postgres', host), [inventory({ login: loginOf(args, 'postgres', host) })]),
  plan: (args, host) => planned(() => plan(args, host)),
});
