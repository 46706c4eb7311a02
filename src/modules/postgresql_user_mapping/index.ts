import { z } from 'zod';
import { converge, failed, ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { fingerprint } from '../../services/postgres/login.ts';
import { hidden, ident, literal, raw, sql } from '../../services/postgres/sql.ts';
import type { Secret } from '../../support/secret.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { loginFields, loginOf, Password, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { asked, known, planned, refuseStandby } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';

const Args = z.strictObject({
  db: SqlName.describe('The database with the foreign server'),
  server: SqlName.describe('The foreign server'),
  role: SqlName.default('PUBLIC').describe('For whom; PUBLIC is everybody that has none of their own'),
  user: SqlName.describe('Role that logs in there'),
  password: Password.describe('Its password'),
  ...loginFields,
});
type Args = z.output<typeof Args>;

interface Key extends PostgresKey {
  readonly server: string;
  readonly role: string;
  readonly user: string;
  readonly password: Secret;
}

const State = z.object({ server: z.boolean(), mapping: z.enum(['absent', 'differs', 'matches']) });
type State = z.output<typeof State>;

/** Compared on the server, so that no stored password is read. */
const ASK = `SELECT pg_catalog.jsonb_build_object('server', EXISTS (SELECT FROM pg_catalog.pg_foreign_server WHERE srvname = $1),
  'mapping', coalesce((SELECT CASE WHEN m.umoptions @> ARRAY['user=' || $3, 'password=' || $4] AND ARRAY['user=' || $3, 'password=' || $4] @> m.umoptions THEN 'matches' ELSE 'differs' END
    FROM pg_catalog.pg_user_mappings m WHERE m.srvname = $1 AND m.usename = CASE $2 WHEN 'PUBLIC' THEN 'public' ELSE $2 END), 'absent')) AS fact`;

const mapping = definePostgresQuery<Key, State>({
  name: 'postgres-user-mapping',
  of: 'database',
  subject: (key) => JSON.stringify([key.server, key.role, key.user, fingerprint(key.password.reveal())]),
  describe: (key) => `login of ${key.role} at server ${key.server}`,
  after: ['postgres-extension', 'postgres-holds'],
  ask: (keys, read) =>
    Promise.all(keys.map(async (key) => {
      const [row] = await read(ASK, [key.server, key.role, key.user, key.password.reveal()]);
      return State.parse(row);
    })),
});

function queryOf(args: Args, host: HostView): ReturnType<typeof mapping> {
  return mapping({ login: loginOf(args, args.db, host), server: args.server, role: args.role, user: args.user, password: args.password });
}

function plan(args: Args, host: HostView): Plan {
  const query = queryOf(args, host);
  const { login } = query.key;
  refuseStandby(host, login);
  const now = known(host, query, { server: false, mapping: 'absent' });
  if (now.mapping === 'matches') return ok();
  // In check mode an earlier task may be about to make it.
  if (!now.server && !host.checkMode) return failed(`database ${args.db} has no foreign server ${args.server}`, 'create it in an earlier task (CREATE SERVER by postgresql_query), or correct server');
  const whom = args.role === 'PUBLIC' ? raw('PUBLIC') : ident(args.role);
  const options = sql`OPTIONS (user ${literal(args.user)}, password ${hidden(args.password)})`;
  const statements = [
    // Unlike passwords of roles, this one is in clear, and pgaudit would log it.
    raw("SET LOCAL pgaudit.log = 'none'"),
    sql`DROP USER MAPPING IF EXISTS FOR ${whom} SERVER ${ident(args.server)}`,
    sql`CREATE USER MAPPING FOR ${whom} SERVER ${ident(args.server)} ${options}`,
  ];
  return converge([
    sqlChange({ login, resource: `login of ${args.role} at server ${args.server} of ${args.db}`, what: now.mapping === 'absent' ? `as ${args.user}` : `as ${args.user}, made anew`, statements, quiet: true, effects: [query.is({ ok: true, value: { server: true, mapping: 'matches' } })] }),
  ]);
}

export const postgresqlUserMapping = defineModule({
  name: 'postgresql_user_mapping',
  summary: 'Keep the login of a role at a foreign server',
  description: `A user mapping of postgres_fdw with exactly these two options. PostgreSQL keeps the password as it is, for superusers to see; it stays out of
reports and out of the server's log.`,
  args: Args,
  secretArgs: [...SECRET_LOGIN_ARGS, 'password'],
  examples: [
    {
      title: 'Everybody reaches the shard as one role',
      yaml: 'postgresql_user_mapping:\n  db: care\n  server: shard0\n  user: care_shard\n  password: "{{ shard_password }}"\n  login_password: "{{ postgres_admin_password }}"\nwhen: inventory_hostname == postgres_leader',
    },
  ],
  queries: (args, host) => asked(host, loginOf(args, args.db, host), [queryOf(args, host)]),
  plan: (args, host) => planned(() => plan(args, host)),
});
