/** What has to be done for privileges on objects to be as wished. Pure. */
import { converge, type Plan, type ServiceChange } from '../../host/plan.ts';
import { forgetKinds, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { PostgresLogin } from '../../services/postgres/login.ts';
import { ident, listOf, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { acl, type AclKey, type GrantType, type ObjectAcl } from '../common/postgres/acl.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { databaseOf, loginOf } from '../common/postgres/login.ts';
import { objectName, objectSql } from '../common/postgres/objects.ts';
import { known, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { hasSteps, stepsFor, wordsOf, type Steps, type Wish } from './decide.ts';
import { planDefaults } from './defaults.ts';
import { grantee, privilegesOf, rolesOf } from './roles.ts';
import { IN_SCHEMA, type PrivsArgs } from './schema.ts';

const KEYWORDS: Readonly<Record<GrantType, string>> = {
  table: 'TABLE',
  sequence: 'SEQUENCE',
  function: 'FUNCTION',
  procedure: 'PROCEDURE',
  type: 'TYPE',
  database: 'DATABASE',
  schema: 'SCHEMA',
  language: 'LANGUAGE',
  foreign_data_wrapper: 'FOREIGN DATA WRAPPER',
  foreign_server: 'FOREIGN SERVER',
  tablespace: 'TABLESPACE',
  parameter: 'PARAMETER',
};

/** The questions for the objects of a task. */
export function aclKeys(args: PrivsArgs, login: PostgresLogin): readonly AclKey[] {
  if (args.type === 'default_privs') return [];
  const { type } = args;
  const schema = IN_SCHEMA.has(type) ? (args.schema ?? 'public') : '';
  if (args.objs.includes('ALL_IN_SCHEMA')) return [{ login, type, schema, name: undefined }];
  const names = args.objs.length === 0 ? [login.database] : args.objs;
  return names.map((text) => {
    if (type !== 'function' && type !== 'procedure') return { login, type, schema, name: text };
    return { login, type, schema, name: objectName('function', text)?.name ?? text };
  });
}

/** What stands in for an object that earlier tasks would make: the owner's own privileges are of no matter. */
function madeObject(key: AclKey): ObjectAcl {
  const name = key.name ?? '';
  const object = key.type === 'function' || key.type === 'procedure' ? objectSql({ type: 'function', schema: key.schema, name }).shown : (key.schema === '' ? ident(name) : ident(key.schema, name)).shown;
  const everybody: Partial<Record<GrantType, readonly string[]>> = { database: ['CONNECT', 'TEMPORARY'], function: ['EXECUTE'], procedure: ['EXECUTE'], type: ['USAGE'], language: ['USAGE'] };
  const isPublic = key.type === 'schema' && name === 'public';
  return { object, owner: '', entries: (isPublic ? ['USAGE'] : (everybody[key.type] ?? [])).map((privilege) => ({ grantee: 'PUBLIC', privilege, grantable: false })) };
}

function objectsOf(host: HostView, key: AclKey): { readonly objects: readonly ObjectAcl[]; readonly certain: boolean } {
  const query = acl(key);
  const server = serverOf(host, key.login);
  const objects = known(host, query, key.name === undefined ? [] : [madeObject(key)]);
  if (objects.length > 0 || key.name === undefined) return { objects, certain: server !== undefined };
  if (host.checkMode && (server === undefined || host.uncertain(query) !== undefined)) return { objects: [madeObject(key)], certain: false };
  return refuse(`there is no ${key.type} ${key.schema === '' || key.schema === 'public' ? '' : `${key.schema}.`}${key.name} in database ${key.login.database}`, 'create it in an earlier task, or correct objs and schema');
}

interface Row {
  readonly object: string;
  readonly steps: Steps;
}

/** One statement for all objects that get the same. */
function statementsFor(args: PrivsArgs, name: string, rows: readonly Row[]): readonly Sql[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(wordsOf(row.steps), [...(groups.get(wordsOf(row.steps)) ?? []), row]);
  const keyword = raw(args.type === 'default_privs' ? '' : KEYWORDS[args.type]);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { grant, revoke, revokeOption, withGrantOption } = first.steps;
    const on = sql`ON ${keyword} ${listOf(group.map((row) => raw(row.object)))}`;
    const words = (list: readonly string[]): Sql => listOf(list.map(raw));
    return [
      ...(grant.length === 0 ? [] : [withGrantOption ? sql`GRANT ${words(grant)} ${on} TO ${grantee(name)} WITH GRANT OPTION` : sql`GRANT ${words(grant)} ${on} TO ${grantee(name)}`]),
      ...(revoke.length === 0 ? [] : [sql`REVOKE ${words(revoke)} ${on} FROM ${grantee(name)}`]),
      ...(revokeOption.length === 0 ? [] : [sql`REVOKE GRANT OPTION FOR ${words(revokeOption)} ${on} FROM ${grantee(name)}`]),
    ];
  });
}

function whereOf(args: PrivsArgs, login: PostgresLogin): string {
  if (args.objs.includes('ALL_IN_SCHEMA')) return `all ${args.type}s of schema ${args.schema ?? 'public'} of ${login.database}`;
  const names = args.objs.length === 0 ? [login.database] : args.objs;
  const schema = args.schema === undefined || args.schema === 'public' ? '' : `${args.schema}.`;
  const where = ['database', 'tablespace', 'parameter'].includes(args.type) ? '' : ` of ${login.database}`;
  return `${args.type} ${names.map((n) => `${schema}${n}`).join(', ')}${where}`;
}

export function planPrivs(args: PrivsArgs, host: HostView): Plan {
  const login = loginOf(args, databaseOf(args), host);
  const server = serverOf(host, login);
  refuseStandby(host, login);
  if (args.type === 'default_privs') return planDefaults(args, host, login);
  const roles = rolesOf(args, host, login, args.roles);
  const keys = aclKeys(args, login);
  const wish: Wish = { state: args.state, privileges: privilegesOf(args, args.type, server?.version), grantOption: args.grant_option };
  const now = new Map(keys.map((key) => [key, objectsOf(host, key)]));
  const changes: ServiceChange[] = [];
  const revokeAll: Wish = { state: 'exact', privileges: [], grantOption: undefined };
  const strangers = args.others === 'keep' ? [] : [...new Set([...now.values()].flatMap(({ objects }) => objects.flatMap((o) => o.entries.filter((e) => e.grantee !== o.owner).map((e) => e.grantee))))].filter((name) => !args.roles.includes(name)).sort();
  for (const name of [...roles, ...strangers]) {
    const rows: Row[] = [];
    // An object may be asked about by its name and with its whole schema: what was known in another way is asked anew.
    const effects: Effect[] = [forgetKinds('postgres-acl')];
    for (const key of keys) {
      const before = now.get(key) ?? { objects: [], certain: true };
      const objects = before.objects.map((object) => {
        // What an owner has, he can give himself again: it is not revoked as a stranger's.
        const steps = stepsFor(name, object.entries, strangers.includes(name) ? (object.owner === name ? { ...revokeAll, state: 'present' } : revokeAll) : wish);
        if (hasSteps(steps)) rows.push({ object: object.object, steps });
        return { ...object, entries: steps.after };
      });
      if (JSON.stringify(objects) === JSON.stringify(before.objects)) continue;
      effects.push(acl(key).is({ ok: true, value: objects }));
      now.set(key, { ...before, objects });
    }
    if (rows.length === 0) continue;
    const words = [...new Set(rows.map((r) => wordsOf(r.steps)))].join('; ');
    changes.push(sqlChange({ login, resource: `privileges of ${name} on ${whereOf(args, login)}`, what: rows.length > 1 ? `${words} (${String(rows.length)} objects)` : words, statements: statementsFor(args, name, rows), effects }));
  }
  return converge(changes);
}
