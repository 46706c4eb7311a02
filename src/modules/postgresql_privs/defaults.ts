/** What has to be done for default privileges to be as wished. Pure. */
import { converge, type Plan, type ServiceChange } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { PostgresLogin } from '../../services/postgres/login.ts';
import { ident, listOf, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { defaultAcl, isDefaultType, type DefaultAclKey, type DefaultType, type Entry } from '../common/postgres/acl.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { freshSchema, schema as schemaOf } from '../common/postgres/schema.ts';
import { known, refuse, serverOf } from '../common/postgres/server.ts';
import { hasSteps, stepsFor, wordsOf, type Steps } from './decide.ts';
import { grantee, privilegesOf, rolesOf } from './roles.ts';
import { privilegeTypes, type PrivsArgs } from './schema.ts';

function schemaName(args: PrivsArgs): string {
  return args.schema === undefined || args.schema === 'not-specified' ? '' : args.schema;
}

function targetsOf(args: PrivsArgs, login: PostgresLogin): readonly string[] {
  return args.target_roles ?? [login.role ?? login.user];
}

/** The questions of a task about default privileges. */
export function defaultKeys(args: PrivsArgs, login: PostgresLogin): readonly DefaultAclKey[] {
  return targetsOf(args, login).flatMap((role) => args.objs.flatMap((objects) => (isDefaultType(objects) ? [{ login, role, schema: schemaName(args), objects }] : [])));
}

/** What is built in for a role's new objects where nothing was said; the role's own privileges are of no matter. */
function builtIn(key: DefaultAclKey): readonly Entry[] {
  const everybody: Partial<Record<DefaultType, string>> = { FUNCTIONS: 'EXECUTE', TYPES: 'USAGE' };
  const privilege = key.schema === '' ? everybody[key.objects] : undefined;
  return privilege === undefined ? [] : [{ grantee: 'PUBLIC', privilege, grantable: false }];
}

function statements(key: DefaultAclKey, name: string, steps: Steps): readonly Sql[] {
  const head = key.schema === '' ? sql`ALTER DEFAULT PRIVILEGES FOR ROLE ${ident(key.role)}` : sql`ALTER DEFAULT PRIVILEGES FOR ROLE ${ident(key.role)} IN SCHEMA ${ident(key.schema)}`;
  const on = raw(`ON ${key.objects}`);
  const words = (list: readonly string[]): Sql => listOf(list.map(raw));
  return [
    ...(steps.grant.length === 0 ? [] : [sql`${head} GRANT ${words(steps.grant)} ${on} TO ${grantee(name)}${raw(steps.withGrantOption ? ' WITH GRANT OPTION' : '')}`]),
    ...(steps.revoke.length === 0 ? [] : [sql`${head} REVOKE ${words(steps.revoke)} ${on} FROM ${grantee(name)}`]),
    ...(steps.revokeOption.length === 0 ? [] : [sql`${head} REVOKE GRANT OPTION FOR ${words(steps.revokeOption)} ${on} FROM ${grantee(name)}`]),
  ];
}

export function planDefaults(args: PrivsArgs, host: HostView, login: PostgresLogin): Plan {
  const roles = rolesOf(args, host, login, args.roles);
  const targets = rolesOf(args, host, login, targetsOf(args, login));
  const schema = schemaName(args);
  if (schema !== '' && !known(host, schemaOf({ login, name: schema }), freshSchema(schema)).exists) refuse(`schema ${schema} does not exist in database ${login.database}`, 'create it in an earlier task (postgresql_schema)');
  const version = serverOf(host, login)?.version;
  const changes: ServiceChange[] = [];
  const types = privilegeTypes(args);
  for (const key of defaultKeys(args, login).filter((k) => targets.includes(k.role))) {
    const type = types[args.objs.indexOf(key.objects)];
    if (type === undefined) continue;
    const query = defaultAcl(key);
    let entries = known(host, query, builtIn(key));
    const strangers = args.others === 'keep' ? [] : [...new Set(entries.map((e) => e.grantee))].filter((name) => name !== key.role && !args.roles.includes(name)).sort();
    for (const name of [...roles, ...strangers]) {
      const wish = strangers.includes(name) ? ({ state: 'exact', privileges: [], grantOption: undefined } as const) : { state: args.state, privileges: privilegesOf(args, type, version), grantOption: args.grant_option };
      const steps = stepsFor(name, entries, wish);
      if (!hasSteps(steps)) continue;
      entries = steps.after;
      const resource = `default privileges of ${name} on ${key.objects.toLowerCase()} of ${key.role}${schema === '' ? '' : ` in schema ${schema}`} of ${login.database}`;
      changes.push(sqlChange({ login, resource, what: wordsOf(steps), statements: statements(key, name, steps), effects: [query.is({ ok: true, value: entries })] }));
    }
  }
  return converge(changes);
}
