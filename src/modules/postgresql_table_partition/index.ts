import { databaseOf, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { asked, planned } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { partitionsKey, planPartitions, TablePartitionArgs } from './plan.ts';
import { partitions } from './query.ts';

export const postgresqlTablePartition = defineModule({
  name: 'postgresql_table_partition',
  summary: 'Manage a partitioned PostgreSQL table and its partitions',
  description: `Makes a partitioned table, and makes, attaches, detaches or drops its partitions as declared. Bounds are compared as the server writes them. Rows are
never moved or lost without a word: a partition with rows is dropped only with \`drop_with_rows: true\`, one that is not listed is detached only with
\`exact: true\`, and its table stays. ATTACH scans the table unless it has a matching CHECK. For partitions that go with time, pg_partman does this by itself.`,
  args: TablePartitionArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    {
      title: 'Audit records by month',
      yaml: 'postgresql_table_partition:\n  login_db: care\n  table: audit.event\n  columns:\n    - id bigint GENERATED ALWAYS AS IDENTITY\n    - created timestamptz NOT NULL\n    - PRIMARY KEY (id, created)\n  partition_by: {method: range, columns: [created]}\n  partitions:\n    - {name: audit.event_2026_01, from: "2026-01-01", to: "2026-02-01"}\n    - {name: audit.event_rest, default: true}\n    - {name: audit.event_2019_01, state: detached}\n  login_password: "{{ postgres_admin_password }}"',
    },
  ],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host);
    return asked(host, login, [partitions(partitionsKey(args, login))]);
  },
  plan: (args, host) => planned(() => planPartitions(args, host)),
});
