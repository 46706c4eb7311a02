import { converge, failed, ok, type Change, type Plan } from '../../host/plan.ts';
import type { Query } from '../../host/query.ts';
import { Secret } from '../../support/secret.ts';
import { attach, sh } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { pgbouncerAuth, type AuthFact } from './query.ts';
import { PgbouncerAuthArgs } from './schema.ts';
import { edits, type Edit } from './sql.ts';

function queryOf(args: PgbouncerAuthArgs): Query<AuthFact> {
  return pgbouncerAuth({
    roles: [args.user, ...args.logins.map((l) => l.name)],
    schema: args.schema,
    function: args.function,
    databases: args.databases,
    owner: args.owner,
    socketDir: args.socket_dir,
    port: args.port,
    dataDir: args.data_dir,
  });
}

/** One transaction; verifiers go by standard input and are kept out of the server's log. */
function change(args: PgbouncerAuthArgs, query: Query<AuthFact>, edit: Edit): Change {
  const sql = `SET LOCAL search_path = pg_catalog;\nSET LOCAL log_statement = 'none';\nSET LOCAL log_min_duration_statement = -1;\nSET LOCAL log_min_error_statement = 'panic';\nSET LOCAL lock_timeout = '10s';\n${edit.sql}\n`;
  return {
    resource: edit.resource,
    what: edit.what,
    script: sh`cd /
PGCONNECT_TIMEOUT=5 timeout 60 runuser -u ${args.owner} -- psql -Xq -v ON_ERROR_STOP=1 --single-transaction -h ${args.socket_dir} -p ${args.port} -U ${args.owner} -d ${edit.database} <${attach(Secret.derived(sql))}`,
    effects: [query.is(edit.after)],
  };
}

/** What a cluster that was just made has. Its salt is nobody's: nothing is made in check mode. */
const FRESH: AuthFact = { state: 'primary', trouble: '', salt: '00'.repeat(16), roles: {}, databases: {} };

function plan(args: PgbouncerAuthArgs, query: Query<AuthFact>, fact: AuthFact, checkMode: boolean): Plan {
  if (fact.state === 'standby') return ok({ leader: false });
  if (fact.state === 'primary') {
    const missing = args.databases.filter((d) => !(d in fact.databases));
    if (missing.length > 0) return failed(`there is no database ${missing.join(', ')}, or it takes no connections`, 'mend the list of databases that get the function');
    return converge(edits(args, fact).map((e) => change(args, query, e)), { leader: true });
  }
  if (!args.leader) return ok({ leader: false });
  if (!checkMode) return failed(`PostgreSQL does not answer at ${args.socket_dir}, port ${String(args.port)}: ${fact.trouble}`, 'apply the role postgres first; then look at journalctl -u care-patroni');
  if (fact.state === 'down') return { type: 'unknown', because: `PostgreSQL does not answer: ${fact.trouble}` };
  return converge(edits(args, FRESH).map((e) => change(args, query, e)), { leader: true });
}

export const pgbouncerAuthModule = defineModule({
  name: 'pgbouncer_auth',
  summary: 'Keep the role and the function by which PgBouncer asks PostgreSQL for passwords',
  description: `On the leader: a role that may log in and call one function, and that function, \`SECURITY DEFINER\`, in a schema of its own
that belongs to the superuser. It tells the SCRAM verifier of a role, but never that of a superuser (or of one who could become it), of a
role for replication, or one whose time has ended. Rights, owners, attributes and the text of the function are compared and mended;
rights that others were given are taken away. \`logins\` are roles without any rights, for checks from outside.

It runs psql on the host as the server's own user, over the socket. A standby has all that by replication: nothing is done there. In
check mode, a host without data that will be the leader is taken for a fresh cluster.`,
  args: PgbouncerAuthArgs,
  secretArgs: ['password', 'logins'],
  examples: [
    {
      title: 'On every host of the cluster; the leader does it',
      yaml: 'pgbouncer_auth:\n  password: "{{ pgbouncer_auth_password }}"\n  data_dir: /var/lib/postgresql/17/care\n  leader: \'{{ eq inventory_hostname (first groups.postgres) }}\'\n',
    },
  ],
  returns: { leader: 'whether this host is the leader' },
  queries: (args) => [queryOf(args)],
  plan: (args, host) => plan(args, queryOf(args), host.fact(queryOf(args)), host.checkMode),
});
