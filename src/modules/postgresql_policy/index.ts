import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { raw } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { asked, known, planned, refuseStandby } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { NO_TABLE, policyChange, STATE_SQL, StateSchema, type State } from './decide.ts';

const Expression = z.string().min(1);
const Policy = z
  .strictObject({
    name: SqlName.describe('Name of the policy'),
    command: z.enum(['ALL', 'SELECT', 'INSERT', 'UPDATE', 'DELETE']).default('ALL').describe('Kind of statements that it is about'),
    permissive: z.boolean().default(true).describe('true: adds rows to those that others let through; false: takes from them (RESTRICTIVE)'),
    roles: z.array(SqlName).min(1).default(['PUBLIC']).describe('For whom; PUBLIC is everybody'),
    using: Expression.optional().describe('SQL condition on rows that are there'),
    check: Expression.optional().describe('SQL condition on rows that are written; default: that of `using`'),
  })
  .refine((p) => p.using !== undefined || p.check !== undefined, { path: ['using'], message: 'must hold a condition, here or in check' })
  .refine((p) => p.command !== 'INSERT' || p.using === undefined, { path: ['using'], message: 'does not go with INSERT: use check' })
  .refine((p) => (p.command !== 'SELECT' && p.command !== 'DELETE') || p.check === undefined, { path: ['check'], message: 'does not go with SELECT and DELETE: use using' });

const Args = z
  .strictObject({
    db: SqlName.describe('The database'),
    schema: SqlName.default('public').describe('Schema of the table'),
    table: SqlName.describe('The table; where it does not exist (yet), nothing is done'),
    enabled: z.boolean().default(true).describe('Whether row-level security is on: without a policy that fits, nobody but the owner sees a row'),
    force: z.boolean().default(false).describe('Whether the owner is bound by it, too'),
    policies: z.array(Policy).describe('All policies that the table is to have; others are dropped'),
    ...loginFields,
  })
  .refine((args) => new Set(args.policies.map((p) => p.name)).size === args.policies.length, { path: ['policies'], message: 'must have different names' });
type Args = z.output<typeof Args>;

interface Key extends PostgresKey {
  readonly schema: string;
  readonly table: string;
}

/** Row-level security of one table. */
const rowSecurity = definePostgresQuery<Key, State>({
  name: 'postgres-row-security',
  of: 'database',
  subject: (key) => JSON.stringify([key.schema, key.table]),
  describe: (key) => `row-level security of ${key.schema}.${key.table}`,
  after: ['postgres-schema', 'postgres-holds'],
  ask: (keys, read) =>
    Promise.all(keys.map(async (key) => {
      const [row] = await read(STATE_SQL, [key.schema, key.table]);
      return StateSchema.parse(row);
    })),
});

function queryOf(args: Args, host: HostView): ReturnType<typeof rowSecurity> {
  return rowSecurity({ login: loginOf(args, args.db, host), schema: args.schema, table: args.table });
}

function plan(args: Args, host: HostView): Plan {
  const query = queryOf(args, host);
  const { login } = query.key;
  refuseStandby(host, login);
  const state = known(host, query, NO_TABLE);
  const change = policyChange(args, state);
  const values = { exists: state.exists };
  if (change === undefined) return converge([], values);
  return converge([sqlChange({ login, resource: `row-level security of table ${args.db}.${args.schema}.${args.table}`, what: change.what, statements: change.statements.map(raw), effects: [query.is({ ok: true, value: change.after })] })], values);
}

export const postgresqlPolicy = defineModule({
  name: 'postgresql_policy',
  summary: 'Keep the row-level security of a table exactly as declared',
  description: `PostgreSQL keeps a policy's conditions in a form of its own, so they can't be compared with the declared text. A digest of the
declaration, and one of what PostgreSQL made of it, are kept in the policy's comment: a changed declaration and a policy changed by hand are
both seen, and the policy is made anew, in one transaction.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: { exists: 'whether the table is there' },
  examples: [
    {
      title: 'A hospital sees its own patients',
      yaml: 'postgresql_policy:\n  db: care\n  table: patient\n  policies:\n    - name: own hospital\n      roles: [care_rw, care_ro]\n      using: hospital = current_setting(\'care.hospital\', true)\n  login_password: "{{ postgres_admin_password }}"\nwhen: inventory_hostname == postgres_leader',
    },
  ],
  queries: (args, host) => asked(host, loginOf(args, args.db, host), [queryOf(args, host)]),
  plan: (args, host) => planned(() => plan(args, host)),
});
