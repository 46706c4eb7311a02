import { converge, type Plan } from '../../host/plan.ts';
import { databaseOf, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { asked, inMaintenance, planned } from '../common/postgres/server.ts';
import { database } from '../common/postgres/database.ts';
import { role } from '../common/postgres/role.ts';
import { defineModule } from '../define.ts';
import { roleSettings, setting } from './query.ts';
import { planSet, SetArgs } from './plan.ts';

export const postgresqlSet = defineModule({
  name: 'postgresql_set',
  summary: 'Set a setting of a PostgreSQL server, database or role',
  description: `With \`database\` and \`role\` the setting is of their sessions (ALTER DATABASE … SET, ALTER ROLE … [IN DATABASE …] SET). Without either it is the
server's (ALTER SYSTEM, then a reload); \`restart_required\` tells whether it waits for a restart. A server that Patroni runs takes its settings from
the cluster: there ALTER SYSTEM is refused, since the members would differ and Patroni would not know.`,
  args: SetArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: { restart_required: 'whether the server must be restarted for it to count', context: 'when it can change, as in pg_settings' },
  examples: [
    { title: 'Sessions of one database', yaml: 'postgresql_set:\n  database: care\n  name: idle_in_transaction_session_timeout\n  value: 60s\n  login_password: "{{ postgres_admin_password }}"' },
    { title: 'A server by itself', yaml: 'postgresql_set:\n  name: work_mem\n  value: 16MB\n  login_password: "{{ postgres_admin_password }}"' },
  ],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host);
    const server = inMaintenance(login);
    if (args.database !== undefined && args.role !== undefined) return asked(host, login, [roleSettings({ login: server, database: args.database, role: args.role }), database({ login: server, name: args.database }), role({ login: server, name: args.role })]);
    if (args.database !== undefined) return asked(host, login, [database({ login: server, name: args.database })]);
    if (args.role !== undefined) return asked(host, login, [role({ login: server, name: args.role })]);
    return asked(host, login, [setting({ login, name: args.name })]);
  },
  plan: (args, host): Plan => planned(() => planSet(args, host) ?? converge([])),
});
