import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { ident, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { commentText, sqlChange } from '../common/postgres/change.ts';
import { postgresKinds } from '../common/postgres/kind.ts';
import { databaseFields, databaseOf, loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { freshRole, role } from '../common/postgres/role.ts';
import { freshSchema, schema, type PresentSchema } from '../common/postgres/schema.ts';
import { asked, inMaintenance, known, planned, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';

const SchemaArgs = z.strictObject({
  name: SqlName.refine((name) => !name.startsWith('pg_'), 'must not begin with pg_, which PostgreSQL keeps for itself').describe('The schema'),
  state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
  owner: SqlName.optional().describe('Its owner, a role that exists; default for a new one: who logs in'),
  comment: z.string().optional().describe('Its comment; empty for none'),
  cascade_drop: z.boolean().default(false).describe('With `absent`: drop what is in it as well'),
  ...databaseFields,
  ...loginFields,
});
type SchemaArgs = z.output<typeof SchemaArgs>;

function planSchema(args: SchemaArgs, host: HostView): Plan {
  const login = loginOf(args, databaseOf(args), host);
  serverOf(host, login);
  refuseStandby(host, login);
  const query = schema({ login, name: args.name });
  const now = known(host, query, freshSchema(args.name));
  const resource = `schema ${args.name} of ${login.database}`;
  const name = ident(args.name);
  if (args.state === 'absent') {
    if (!now.exists) return converge([]);
    if (now.objects > 0 && !args.cascade_drop) refuse(`schema ${args.name} holds ${String(now.objects)} object${now.objects === 1 ? '' : 's'} and is not dropped`, 'say cascade_drop: true when they are to go with it');
    const statement = args.cascade_drop ? sql`DROP SCHEMA ${name} CASCADE` : sql`DROP SCHEMA ${name}`;
    return converge([sqlChange({ login, resource, what: now.objects > 0 ? `drop, with ${String(now.objects)} objects` : 'drop', statements: [statement], effects: [forgetKinds(...postgresKinds()), query.is({ ok: true, value: { exists: false } })] })]);
  }
  const wrongOwner = args.owner !== undefined && (!now.exists || now.owner !== args.owner);
  if (wrongOwner && !known(host, role({ login: inMaintenance(login), name: args.owner ?? '' }), freshRole(args.owner ?? '', login)).exists) refuse(`role ${args.owner ?? ''}, which is to own schema ${args.name}, does not exist`, 'create it in an earlier task (postgresql_user)');
  const statements: Sql[] = [];
  const what: string[] = [];
  const owner = args.owner ?? (now.exists ? now.owner : (login.role ?? login.user));
  if (!now.exists) {
    what.push('create', `owner ${owner}`);
    statements.push(args.owner === undefined ? sql`CREATE SCHEMA ${name}` : sql`CREATE SCHEMA ${name} AUTHORIZATION ${ident(args.owner)}`);
  } else if (wrongOwner) {
    what.push(`owner ${now.owner} → ${owner}`);
    statements.push(sql`ALTER SCHEMA ${name} OWNER TO ${ident(owner)}`);
  }
  const before = now.exists ? now.comment : '';
  if (args.comment !== undefined && args.comment !== before) {
    what.push('comment');
    statements.push(sql`COMMENT ON SCHEMA ${name} IS ${raw(commentText(args.comment))}`);
  }
  if (statements.length === 0) return converge([]);
  const value: PresentSchema = { exists: true, owner, comment: args.comment ?? before, objects: now.exists ? now.objects : 0 };
  return converge([sqlChange({ login, resource, what: what.join(', '), statements, effects: [query.is({ ok: true, value })] })]);
}

export const postgresqlSchema = defineModule({
  name: 'postgresql_schema',
  summary: 'Manage a schema of a PostgreSQL database',
  description: 'A schema that holds something is dropped only with `cascade_drop: true`.',
  args: SchemaArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [{ title: 'A schema for audit records', yaml: 'postgresql_schema:\n  login_db: care\n  name: audit\n  owner: care_owner\n  login_password: "{{ postgres_admin_password }}"' }],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host);
    return asked(host, login, [schema({ login, name: args.name }), ...(args.owner === undefined ? [] : [role({ login: inMaintenance(login), name: args.owner })])]);
  },
  plan: (args, host) => planned(() => planSchema(args, host)),
});
