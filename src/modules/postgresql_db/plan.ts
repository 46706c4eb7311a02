/** What has to be done for a database to be as wished. Pure. */
import { converge, type Plan } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { ident, integer, listOf, literal, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { commentText, sqlChange } from '../common/postgres/change.ts';
import { database, tableCount, type Database, type PresentDatabase } from '../common/postgres/database.ts';
import { postgresKinds } from '../common/postgres/kind.ts';
import { inDatabase, loginOf } from '../common/postgres/login.ts';
import { freshRole, role } from '../common/postgres/role.ts';
import { known, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { settingSteps } from '../common/postgres/settings.ts';
import type { DbArgs } from './schema.ts';

const OWN = new Set(['postgres', 'template0', 'template1']);

/** The three that initdb makes, of which no more is known before a server runs. */
function fresh(name: string): Database {
  if (!OWN.has(name)) return { exists: false };
  return { exists: true, owner: 'postgres', encoding: 'UTF8', collate: 'C.UTF-8', ctype: 'C.UTF-8', provider: 'libc', tablespace: 'pg_default', connectionLimit: -1, comment: '', settings: {} };
}

function sameEncoding(a: string, b: string): boolean {
  const plain = (text: string): string => text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
  return plain(a) === plain(b);
}

/** `C.utf8` and `C.UTF-8` are one locale to libc. */
function sameLocale(a: string, b: string): boolean {
  const plain = (text: string): string => text.replace(/\.utf-?8$/i, '.UTF-8');
  return plain(a) === plain(b);
}

export function planDb(args: DbArgs, host: HostView): Plan {
  const login = loginOf(args, args.maintenance_db, host);
  serverOf(host, login);
  refuseStandby(host, login);
  const query = database({ login, name: args.name });
  const now = known(host, query, fresh(args.name));
  const resource = `database ${args.name}`;
  if (args.state === 'absent') return now.exists ? drop(args, host) : converge([]);
  if (args.owner !== undefined && (!now.exists || now.owner !== args.owner) && !known(host, role({ login, name: args.owner }), freshRole(args.owner, login)).exists) {
    refuse(`role ${args.owner}, which is to own database ${args.name}, does not exist`, 'create it in an earlier task (postgresql_user)');
  }
  if (!now.exists) return create(args, host);
  impossible(args, now);
  const { what, statements, after } = alter(args, now);
  if (statements.length === 0) return converge([]);
  return converge([sqlChange({ login, resource, what: what.join(', '), statements, effects: [query.is({ ok: true, value: after })] })]);
}

function create(args: DbArgs, host: HostView): Plan {
  const login = loginOf(args, args.maintenance_db, host);
  const own = args.encoding !== undefined || args.lc_collate !== undefined || args.lc_ctype !== undefined;
  const template = args.template ?? (own ? 'template0' : 'template1');
  const from = known(host, database({ login, name: template }), fresh(template));
  if (!from.exists) refuse(`database ${template}, the template of ${args.name}, does not exist`, 'create it in an earlier task, or correct template');
  const owner = args.owner ?? login.role ?? login.user;
  const options: Sql[] = [];
  if (args.owner !== undefined) options.push(sql`OWNER ${ident(args.owner)}`);
  if (args.template !== undefined || own) options.push(sql`TEMPLATE ${ident(template)}`);
  if (args.encoding !== undefined) options.push(sql`ENCODING ${literal(args.encoding)}`);
  if (args.lc_collate !== undefined) options.push(sql`LC_COLLATE ${literal(args.lc_collate)}`);
  if (args.lc_ctype !== undefined) options.push(sql`LC_CTYPE ${literal(args.lc_ctype)}`);
  if (args.tablespace !== undefined) options.push(sql`TABLESPACE ${ident(args.tablespace)}`);
  if (args.conn_limit !== undefined) options.push(sql`CONNECTION LIMIT ${integer(args.conn_limit)}`);
  const statements = [options.length === 0 ? sql`CREATE DATABASE ${ident(args.name)}` : sql`CREATE DATABASE ${ident(args.name)} ${listOf(options, ' ')}`];
  if (args.comment !== undefined && args.comment !== '') statements.push(comment(args.name, args.comment));
  const set = settingSteps(sql`DATABASE ${ident(args.name)}`, {}, args.configuration, false);
  statements.push(...set.statements);
  const after: Database = {
    ...from,
    owner,
    ...(args.encoding === undefined ? {} : { encoding: args.encoding }),
    ...(args.lc_collate === undefined ? {} : { collate: args.lc_collate }),
    ...(args.lc_ctype === undefined ? {} : { ctype: args.lc_ctype }),
    ...(args.tablespace === undefined ? {} : { tablespace: args.tablespace }),
    connectionLimit: args.conn_limit ?? -1,
    comment: args.comment ?? '',
    settings: set.after,
  };
  const words = [`owner ${owner}`, ...(args.encoding === undefined ? [] : [args.encoding]), ...(args.lc_collate === undefined ? [] : [`collation ${args.lc_collate}`])];
  return converge([sqlChange({ login, resource: `database ${args.name}`, what: `create, ${words.join(', ')}`, statements, how: 'alone', effects: [database({ login, name: args.name }).is({ ok: true, value: after })] })]);
}

/** What no ALTER can mend. */
function impossible(args: DbArgs, now: PresentDatabase): void {
  const wrong: string[] = [];
  if (args.encoding !== undefined && !sameEncoding(args.encoding, now.encoding)) wrong.push(`encoding ${now.encoding}, not ${args.encoding}`);
  if (args.lc_collate !== undefined && !sameLocale(args.lc_collate, now.collate)) wrong.push(`lc_collate ${now.collate}, not ${args.lc_collate}`);
  if (args.lc_ctype !== undefined && !sameLocale(args.lc_ctype, now.ctype)) wrong.push(`lc_ctype ${now.ctype}, not ${args.lc_ctype}`);
  if (args.tablespace !== undefined && args.tablespace !== now.tablespace) wrong.push(`tablespace ${now.tablespace}, not ${args.tablespace}`);
  if (wrong.length > 0) refuse(`database ${args.name} exists with ${wrong.join(' and ')}, which can't be changed`, 'give what it has, or move the data to a new database by dump and restore');
}

function comment(name: string, text: string): Sql {
  return sql`COMMENT ON DATABASE ${ident(name)} IS ${raw(commentText(text))}`;
}

function alter(args: DbArgs, now: PresentDatabase): { readonly what: readonly string[]; readonly statements: readonly Sql[]; readonly after: PresentDatabase } {
  const what: string[] = [];
  const statements: Sql[] = [];
  let after = now;
  const name = ident(args.name);
  if (args.owner !== undefined && args.owner !== now.owner) {
    what.push(`owner ${now.owner} → ${args.owner}`);
    statements.push(sql`ALTER DATABASE ${name} OWNER TO ${ident(args.owner)}`);
    after = { ...after, owner: args.owner };
  }
  if (args.conn_limit !== undefined && args.conn_limit !== now.connectionLimit) {
    what.push(`connection limit ${String(now.connectionLimit)} → ${String(args.conn_limit)}`);
    statements.push(sql`ALTER DATABASE ${name} WITH CONNECTION LIMIT ${integer(args.conn_limit)}`);
    after = { ...after, connectionLimit: args.conn_limit };
  }
  if (args.comment !== undefined && args.comment !== now.comment) {
    what.push('comment');
    statements.push(comment(args.name, args.comment));
    after = { ...after, comment: args.comment };
  }
  const set = settingSteps(sql`DATABASE ${name}`, now.settings, args.configuration, args.reset_unspecified_configuration);
  what.push(...set.what);
  statements.push(...set.statements);
  return { what, statements, after: { ...after, settings: set.after } };
}

function drop(args: DbArgs, host: HostView): Plan {
  const login = loginOf(args, args.maintenance_db, host);
  if (OWN.has(args.name)) refuse(`database ${args.name} belongs to the server itself and is not dropped`);
  if (!args.drop_with_tables) {
    const tables = known(host, tableCount({ login: inDatabase(login, args.name) }), 0);
    if (tables > 0) refuse(`database ${args.name} holds ${String(tables)} table${tables === 1 ? '' : 's'} and is not dropped`, 'take a backup, then say drop_with_tables: true');
  }
  const statements = [args.force ? sql`DROP DATABASE ${ident(args.name)} WITH (FORCE)` : sql`DROP DATABASE ${ident(args.name)}`];
  return converge([sqlChange({ login, resource: `database ${args.name}`, what: 'drop', statements, how: 'alone', effects: [forgetKinds(...postgresKinds()), database({ login, name: args.name }).is({ ok: true, value: { exists: false } })] })]);
}
