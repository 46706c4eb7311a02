import { acl, defaultAcl } from '../common/postgres/acl.ts';
import { databaseOf, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { role } from '../common/postgres/role.ts';
import { schema } from '../common/postgres/schema.ts';
import { asked, inMaintenance, planned } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { defaultKeys } from './defaults.ts';
import { aclKeys, planPrivs } from './plan.ts';
import { PrivsArgs } from './schema.ts';

export const postgresqlPrivs = defineModule({
  name: 'postgresql_privs',
  summary: 'Grant and revoke privileges on PostgreSQL objects',
  description: `Each role is a change of its own, with one statement for all objects that get the same. \`state: exact\` also revokes what the roles have beyond
\`privs\`; with \`others: revoke\` it leaves nothing to roles that are not named. A grant by somebody else than the owner is not revoked by PostgreSQL:
then the task fails and shows what is left. ALL_IN_SCHEMA is about what is there when the task runs; \`default_privs\` is about what comes later.
Memberships (Ansible's type \`group\`) are postgresql_membership's.`,
  args: PrivsArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'Read a schema, and no more', yaml: 'postgresql_privs:\n  login_db: care\n  roles: care_readonly\n  privs: SELECT\n  objs: ALL_IN_SCHEMA\n  schema: public\n  state: exact\n  login_password: "{{ postgres_admin_password }}"' },
    { title: 'What the application makes later, too', yaml: 'postgresql_privs:\n  login_db: care\n  type: default_privs\n  target_roles: care_owner\n  objs: TABLES\n  privs: SELECT\n  roles: care_readonly\n  schema: public\n  login_password: "{{ postgres_admin_password }}"' },
    { title: 'Only the named may connect', yaml: 'postgresql_privs:\n  login_db: care\n  type: database\n  privs: CONNECT\n  roles: care, care_readonly\n  state: exact\n  others: revoke\n  login_password: "{{ postgres_admin_password }}"' },
    { title: 'Nobody makes tables in public', yaml: 'postgresql_privs:\n  login_db: care\n  type: schema\n  objs: public\n  privs: CREATE\n  roles: PUBLIC\n  state: absent\n  login_password: "{{ postgres_admin_password }}"' },
  ],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host);
    const names = [...args.roles, ...(args.target_roles ?? [])].filter((name) => name !== 'PUBLIC');
    const defaults = args.type === 'default_privs' ? [...defaultKeys(args, login).map((key) => defaultAcl(key)), ...(args.schema === undefined || args.schema === 'not-specified' ? [] : [schema({ login, name: args.schema })])] : [];
    return asked(host, login, [...names.map((name) => role({ login: inMaintenance(login), name })), ...aclKeys(args, login).map((key) => acl(key)), ...defaults]);
  },
  plan: (args, host) => planned(() => planPrivs(args, host)),
});
