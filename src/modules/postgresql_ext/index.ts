import { extension } from '../common/postgres/extension.ts';
import { databaseOf, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { schema } from '../common/postgres/schema.ts';
import { asked, planned } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { ExtArgs, planExt } from './plan.ts';

export const postgresqlExt = defineModule({
  name: 'postgresql_ext',
  summary: 'Manage an extension of a PostgreSQL database',
  description: `Its files must be on the host already (package). An extension that must be preloaded (pgaudit, pg_cron) needs \`shared_preload_libraries\` and a
restart of the server first, which is the cluster's affair (role \`postgres\`, \`postgres_parameters\`).`,
  args: ExtArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'Audit records', yaml: 'postgresql_ext:\n  login_db: care\n  name: pgaudit\n  login_password: "{{ postgres_admin_password }}"' },
    { title: 'Partitions, with what is needed, the newest there is', yaml: 'postgresql_ext:\n  login_db: care\n  name: pg_partman\n  schema: partman\n  version: latest\n  cascade: true\n  login_password: "{{ postgres_admin_password }}"' },
  ],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host);
    return asked(host, login, [extension({ login, name: args.name }), ...(args.schema === undefined ? [] : [schema({ login, name: args.schema })])]);
  },
  plan: (args, host) => planned(() => planExt(args, host)),
});
