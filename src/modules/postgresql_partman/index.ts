import { z } from 'zod';
import { converge, failed, ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { raw } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { asked, known, planned, refuseStandby } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { configSql, decide, NO_TABLE, StateSchema, TABLE_SQL, type State } from './decide.ts';

const Args = z.strictObject({
  db: SqlName.describe('The database'),
  schema: SqlName.default('public').describe('Schema of the table'),
  table: SqlName.describe('The partitioned table; where it does not exist (yet), nothing is done'),
  control: SqlName.describe('The column that it is partitioned by'),
  interval: z.string().regex(/^[0-9a-z: ]+$/, 'must be an interval such as 1 month').describe('Length of a partition, such as `1 day` or `1 month`'),
  premake: z.int().min(1).max(1000).default(4).describe('Partitions ahead of now'),
  partman_schema: SqlName.default('partman').describe('Schema of the extension pg_partman'),
  ...loginFields,
});
type Args = z.output<typeof Args>;

interface Key extends PostgresKey {
  readonly schema: string;
  readonly table: string;
  readonly interval: string;
  readonly partman: string;
}

/** How one table is partitioned. */
const partitionSet = definePostgresQuery<Key, State>({
  name: 'postgres-partition-set',
  of: 'database',
  subject: (key) => JSON.stringify([key.schema, key.table, key.interval, key.partman]),
  describe: (key) => `partitions of ${key.schema}.${key.table}`,
  after: ['postgres-extension', 'postgres-schema', 'postgres-holds'],
  ask: (keys, read) =>
    Promise.all(keys.map(async (key) => {
      const [row] = await read(TABLE_SQL, [key.schema, key.table, key.interval, key.partman]);
      const state = StateSchema.parse(row);
      if (!state.partman) return state;
      const [config] = await read(configSql(key.partman), [`${key.schema}.${key.table}`]);
      return config === undefined ? state : StateSchema.parse({ ...state, config });
    })),
});

function queryOf(args: Args, host: HostView): ReturnType<typeof partitionSet> {
  return partitionSet({ login: loginOf(args, args.db, host), schema: args.schema, table: args.table, interval: args.interval, partman: args.partman_schema });
}

function plan(args: Args, host: HostView): Plan {
  const query = queryOf(args, host);
  const { login } = query.key;
  refuseStandby(host, login);
  const found = known(host, query, NO_TABLE);
  // In check mode an earlier task may be about to make the extension.
  const state = host.checkMode ? { ...found, partman: true } : found;
  const step = decide(args, state);
  const values = { exists: state.table !== 'absent' };
  switch (step.type) {
    case 'nothing':
      return ok(values);
    case 'refuse':
      return failed(step.msg, step.remedy);
    case 'change':
      return converge([sqlChange({ login, resource: `partitions of ${args.db}.${args.schema}.${args.table}`, what: step.what, statements: step.statements.map(raw), effects: [query.is({ ok: true, value: step.after })] })], values);
  }
}

export const postgresqlPartman = defineModule({
  name: 'postgresql_partman',
  summary: 'Put a partitioned table under the care of pg_partman',
  description: `Makes the first partitions (now, and \`premake\` ahead), a default one, and pg_partman's entry; partitions are made ahead of now also
when no rows come. The table itself is the application's. Retention is left to a job that dumps first (role postgres_databases), so pg_partman's own is
switched off. A table that is not partitioned by range, or whose partitions have another column or length, is refused.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: { exists: 'whether the table is there' },
  examples: [
    {
      title: 'A month each',
      yaml: 'postgresql_partman:\n  db: care\n  schema: audit\n  table: event\n  control: created_at\n  interval: 1 month\n  login_password: "{{ postgres_admin_password }}"\nwhen: inventory_hostname == postgres_leader',
    },
  ],
  queries: (args, host) => asked(host, loginOf(args, args.db, host), [queryOf(args, host)]),
  plan: (args, host) => planned(() => plan(args, host)),
});
