import { z } from 'zod';
import { converge, type Plan, type ServiceChange } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { ident, sql } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { postgresKinds } from '../common/postgres/kind.ts';
import { databaseFields, databaseOf, loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { Names } from '../common/postgres/names.ts';
import { objectKeyword, objectName, objectSql, OBJECT_TYPES, ownedBy, ownerOf, showObject } from '../common/postgres/objects.ts';
import { freshRole, role } from '../common/postgres/role.ts';
import { asked, inMaintenance, known, planned, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';

const OwnerArgs = z
  .strictObject({
    new_owner: SqlName.describe('The role that is to own it'),
    obj_name: z.string().min(1).optional().describe('The object: NAME (in schema public) or SCHEMA.NAME; a function with its arguments: `add(integer, integer)`'),
    obj_type: z.enum(OBJECT_TYPES).optional().describe('Its type'),
    reassign_owned_by: Names.optional().describe('Instead of one object: everything in this database, and databases themselves, that these roles own'),
    fail_on_role: z.boolean().default(true).describe('Whether a role of `reassign_owned_by` that does not exist is a failure'),
    ...databaseFields,
    ...loginFields,
  })
  .refine((args) => (args.reassign_owned_by === undefined) !== (args.obj_name === undefined), { path: ['obj_name'], message: 'give either obj_name and obj_type, or reassign_owned_by' })
  .refine((args) => (args.obj_name === undefined) === (args.obj_type === undefined), { path: ['obj_type'], message: 'goes together with obj_name' })
  .refine((args) => args.obj_type === undefined || args.obj_name === undefined || objectName(args.obj_type, args.obj_name) !== undefined, { path: ['obj_name'], message: 'must be NAME or SCHEMA.NAME; a function with its arguments in parentheses' });
type OwnerArgs = z.output<typeof OwnerArgs>;

function objectOf(args: OwnerArgs): ReturnType<typeof objectName> {
  return args.obj_type === undefined || args.obj_name === undefined ? undefined : objectName(args.obj_type, args.obj_name);
}

function planOwner(args: OwnerArgs, host: HostView): Plan {
  const login = loginOf(args, databaseOf(args), host);
  serverOf(host, login);
  refuseStandby(host, login);
  const server = inMaintenance(login);
  if (!known(host, role({ login: server, name: args.new_owner }), freshRole(args.new_owner, login)).exists) refuse(`role ${args.new_owner} does not exist`, 'create it in an earlier task (postgresql_user)');
  const object = objectOf(args);
  if (object !== undefined) {
    const query = ownerOf({ login, object });
    const now = known(host, query, null);
    if (now === args.new_owner) return converge([]);
    if (now === null && host.checkMode && host.uncertain(query) !== undefined) return { type: 'unknown', because: `who owns ${showObject(object)} is known once earlier tasks have made it` };
    if (now === null) refuse(`there is no ${showObject(object)} in database ${login.database}`, 'create it in an earlier task, or correct obj_name');
    return converge([sqlChange({ login, resource: `owner of ${showObject(object)}`, what: `${now} → ${args.new_owner}`, statements: [sql`ALTER ${objectKeyword(object.type)} ${objectSql(object)} OWNER TO ${ident(args.new_owner)}`], effects: [forgetKinds(...postgresKinds()), query.is({ ok: true, value: args.new_owner })] })]);
  }
  const changes: ServiceChange[] = [];
  for (const name of args.reassign_owned_by ?? []) {
    if (name === args.new_owner) continue;
    const exists = known(host, role({ login: server, name }), freshRole(name, login)).exists;
    if (!exists && args.fail_on_role) refuse(`role ${name} does not exist`, 'correct reassign_owned_by, or say fail_on_role: false');
    const query = ownedBy({ login, name });
    const count = exists ? known(host, query, 0) : 0;
    if (count === 0) continue;
    changes.push(sqlChange({ login, resource: `what ${name} owns in ${login.database}`, what: `${String(count)} object${count === 1 ? '' : 's'} → ${args.new_owner}`, statements: [sql`REASSIGN OWNED BY ${ident(name)} TO ${ident(args.new_owner)}`], effects: [forgetKinds(...postgresKinds()), query.is({ ok: true, value: 0 })] }));
  }
  return converge(changes);
}

export const postgresqlOwner = defineModule({
  name: 'postgresql_owner',
  summary: 'Give objects of a PostgreSQL database to another role',
  args: OwnerArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'One table', yaml: 'postgresql_owner:\n  login_db: care\n  obj_type: table\n  obj_name: audit.event\n  new_owner: care_owner\n  login_password: "{{ postgres_admin_password }}"' },
    { title: 'Everything of one who leaves', yaml: 'postgresql_owner:\n  login_db: care\n  reassign_owned_by: old_admin\n  new_owner: care_owner\n  fail_on_role: false\n  login_password: "{{ postgres_admin_password }}"' },
  ],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host);
    const object = objectOf(args);
    const names = args.reassign_owned_by ?? [];
    return asked(host, login, [
      ...[args.new_owner, ...names].map((name) => role({ login: inMaintenance(login), name })),
      ...(object === undefined ? [] : [ownerOf({ login, object })]),
      ...names.map((name) => ownedBy({ login, name })),
    ]);
  },
  plan: (args, host) => planned(() => planOwner(args, host)),
});
