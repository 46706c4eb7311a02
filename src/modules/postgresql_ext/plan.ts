/** What has to be done for an extension to be as wished. Pure. */
import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { ident, listOf, literal, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { commentText, sqlChange } from '../common/postgres/change.ts';
import { extension, NO_EXTENSION, type Extension } from '../common/postgres/extension.ts';
import { freshSchema, schema as schemaOf } from '../common/postgres/schema.ts';
import { postgresKinds } from '../common/postgres/kind.ts';
import { databaseFields, databaseOf, loginFields, loginOf, SqlName } from '../common/postgres/login.ts';
import { known, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';

export const ExtArgs = z.strictObject({
  name: SqlName.describe('The extension, as CREATE EXTENSION names it'),
  state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
  version: z.string().min(1).optional().describe('Exactly this version, or `latest` for the one that the server’s files make the default. Not said: any will do'),
  schema: SqlName.optional().describe('Schema for its objects, which must exist; default for a new one: the extension’s own, else public'),
  cascade: z.boolean().default(false).describe('With `present`: install what it needs as well; with `absent`: drop what needs it'),
  comment: z.string().optional().describe('Its comment; empty for none'),
  ...databaseFields,
  ...loginFields,
});
export type ExtArgs = z.output<typeof ExtArgs>;

/** plpgsql comes with every database. */
function fresh(name: string): Extension {
  return name === 'plpgsql' ? { ...NO_EXTENSION, installed: '1.0', schema: 'pg_catalog', available: '1.0', versions: ['1.0'], comment: 'PL/pgSQL procedural language' } : NO_EXTENSION;
}

export function planExt(args: ExtArgs, host: HostView): Plan {
  const login = loginOf(args, databaseOf(args), host);
  const server = serverOf(host, login);
  refuseStandby(host, login);
  const query = extension({ login, name: args.name });
  const now = known(host, query, fresh(args.name));
  const resource = `extension ${args.name} of ${login.database}`;
  const name = ident(args.name);
  // An extension brings schemas, tables, functions and settings.
  const others: Effect = forgetKinds(...postgresKinds());
  if (args.state === 'absent') {
    if (now.installed === null) return converge([]);
    return converge([sqlChange({ login, resource, what: args.cascade ? 'drop, with what needs it' : 'drop', statements: [args.cascade ? sql`DROP EXTENSION ${name} CASCADE` : sql`DROP EXTENSION ${name}`], effects: [others, query.is({ ok: true, value: { ...now, installed: null, schema: '', relocatable: false, comment: '' } })] })]);
  }
  // What the server's files are, earlier tasks may still change: a package that is to be installed, a server that is not there yet.
  const guessed = server === undefined || (host.checkMode && host.uncertain(query) !== undefined);
  if (!guessed) impossible(args, now);
  const version = args.version === 'latest' ? now.available : (args.version ?? null);
  const statements: Sql[] = [];
  const what: string[] = [];
  let after = now;
  if (now.installed === null) {
    if (!args.cascade && !guessed) mustBeThere(args, host, now);
    const schema = args.schema ?? (now.ownSchema === null ? 'public' : undefined);
    if (args.schema !== undefined && !known(host, schemaOf({ login, name: args.schema }), freshSchema(args.schema)).exists) refuse(`schema ${args.schema}, where extension ${args.name} is to stand, does not exist`, 'create it in an earlier task (postgresql_schema)');
    const options = [...(schema === undefined ? [] : [sql`SCHEMA ${ident(schema)}`]), ...(version === null ? [] : [sql`VERSION ${literal(version)}`]), ...(args.cascade ? [raw('CASCADE')] : [])];
    statements.push(options.length === 0 ? sql`CREATE EXTENSION ${name}` : sql`CREATE EXTENSION ${name} WITH ${listOf(options, ' ')}`);
    const made = version ?? now.available;
    what.push(made === null ? 'create' : `create ${made}`);
    after = { ...after, installed: made ?? '', schema: schema ?? now.ownSchema ?? 'public' };
  } else {
    if (version !== null && version !== now.installed) {
      what.push(`${now.installed} → ${version}`);
      statements.push(sql`ALTER EXTENSION ${name} UPDATE TO ${literal(version)}`);
      after = { ...after, installed: version };
    }
    if (args.schema !== undefined && args.schema !== now.schema) {
      if (!now.relocatable) refuse(`extension ${args.name} stands in schema ${now.schema} and can't be moved to ${args.schema}`, 'give the schema that it has, or drop it and create it anew');
      what.push(`schema ${now.schema} → ${args.schema}`);
      statements.push(sql`ALTER EXTENSION ${name} SET SCHEMA ${ident(args.schema)}`);
      after = { ...after, schema: args.schema };
    }
  }
  if (args.comment !== undefined && (now.installed === null || args.comment !== now.comment)) {
    what.push('comment');
    statements.push(sql`COMMENT ON EXTENSION ${name} IS ${raw(commentText(args.comment))}`);
    after = { ...after, comment: args.comment };
  }
  if (statements.length === 0) return converge([]);
  return converge([sqlChange({ login, resource, what: what.join(', '), statements, effects: [others, query.is({ ok: true, value: after })] })]);
}

function impossible(args: ExtArgs, now: Extension): void {
  if (now.installed === null && now.available === null) refuse(`the server has no files of extension ${args.name}`, 'install its package on every member of the cluster (Debian: postgresql-VERSION-NAME, postgresql-contrib is part of the server)');
  if (args.version !== undefined && args.version !== 'latest' && args.version !== now.installed && !now.versions.includes(args.version)) refuse(`extension ${args.name} has no version ${args.version}; there is ${now.versions.join(', ')}`, 'give one of these, or install the package that brings it');
}

/** What it needs must be installed when CASCADE is not said. */
function mustBeThere(args: ExtArgs, host: HostView, now: Extension): void {
  const login = loginOf(args, databaseOf(args), host);
  const missing = now.requires.filter((name) => known(host, extension({ login, name }), fresh(name)).installed === null);
  if (missing.length > 0) refuse(`extension ${args.name} needs ${missing.join(', ')}, not installed in ${login.database}`, 'create it in an earlier task, or say cascade: true');
}
