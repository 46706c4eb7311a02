import { loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { password, role } from '../common/postgres/role.ts';
import { asked, planned } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { planUser } from './plan.ts';
import { UserArgs } from './schema.ts';

export const postgresqlUser = defineModule({
  name: 'postgresql_user',
  summary: 'Manage a PostgreSQL role',
  description: `Creates, alters or drops a role (a user is a role with LOGIN). The password is compared with the stored SCRAM verifier by its own salt and
iterations, so a second run changes nothing; a new verifier is made on the controller, and kept out of the server's log. Comparing needs a superuser's
login (it reads pg_authid): say \`no_password_changes: true\` otherwise. Privileges are postgresql_privs', memberships postgresql_membership's.`,
  args: UserArgs,
  secretArgs: ['password', ...SECRET_LOGIN_ARGS],
  examples: [
    { title: 'A service’s login', yaml: 'postgresql_user:\n  name: care\n  password: "{{ care_db_password }}"\n  role_attr_flags: LOGIN,NOSUPERUSER,NOCREATEDB\n  conn_limit: 50\n  configuration: {statement_timeout: 30s}\n  login_password: "{{ postgres_admin_password }}"\nwhen: inventory_hostname == postgres_leader' },
    { title: 'A group of privileges', yaml: 'postgresql_user:\n  name: care_readonly\n  role_attr_flags: NOLOGIN\n  login_password: "{{ postgres_admin_password }}"' },
  ],
  queries(args, host) {
    const login = loginOf(args, args.login_db, host);
    const secret = args.password === undefined || args.no_password_changes || args.state === 'absent' ? [] : [password({ login, name: args.name, password: args.password })];
    return asked(host, login, [role({ login, name: args.name }), ...secret]);
  },
  plan: (args, host) => planned(() => planUser(args, host)),
});
