import { database, tableCount } from '../common/postgres/database.ts';
import { inDatabase, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { role } from '../common/postgres/role.ts';
import { asked, planned } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { planDb } from './plan.ts';
import { DbArgs } from './schema.ts';

export const postgresqlDb = defineModule({
  name: 'postgresql_db',
  summary: 'Manage a PostgreSQL database',
  description: `Creates, alters or drops a database; \`--diff\` shows the SQL. Encoding, locale and tablespace are of a new database only. A database with
tables is dropped only with \`drop_with_tables: true\`. Dump, restore and rename of Ansible's module are not there: backups are role \`postgres_backup\`'s.`,
  args: DbArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'A database of CARE', yaml: 'postgresql_db:\n  name: care\n  owner: care_owner\n  encoding: UTF8\n  lc_collate: C.UTF-8\n  lc_ctype: C.UTF-8\n  login_password: "{{ postgres_admin_password }}"\nwhen: inventory_hostname == postgres_leader' },
    { title: 'Away with a database that may hold tables', yaml: 'postgresql_db:\n  name: old\n  state: absent\n  drop_with_tables: true\n  login_password: "{{ postgres_admin_password }}"' },
  ],
  queries(args, host) {
    const login = loginOf(args, args.maintenance_db, host);
    const roles = args.owner === undefined ? [] : [role({ login, name: args.owner })];
    return asked(host, login, [database({ login, name: args.name }), ...roles, ...(args.state === 'absent' ? [tableCount({ login: inDatabase(login, args.name) })] : [])]);
  },
  plan: (args, host) => planned(() => planDb(args, host)),
});
