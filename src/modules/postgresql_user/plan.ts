/** What has to be done for a role to be as wished. Pure. */
import { converge, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { verifierFor } from '../../services/postgres/scram.ts';
import { ident, integer, listOf, literal, raw, secretLiteral, sql, type Sql } from '../../services/postgres/sql.ts';
import { commentText, sqlChange } from '../common/postgres/change.ts';
import { postgresKinds } from '../common/postgres/kind.ts';
import { loginOf } from '../common/postgres/login.ts';
import { ATTRIBUTES, freshRole, NEW_ROLE, password, role, type PasswordState, type PresentRole } from '../common/postgres/role.ts';
import { known, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { settingSteps } from '../common/postgres/settings.ts';
import type { Flag, UserArgs } from './schema.ts';

interface Wished {
  readonly what: readonly string[];
  readonly options: readonly Sql[];
  readonly after: PresentRole;
}

function withFlags(now: readonly (typeof ATTRIBUTES)[number][], flags: readonly Flag[]): PresentRole['attributes'] {
  return ATTRIBUTES.filter((a) => flags.find((f) => f.attribute === a)?.on ?? now.includes(a));
}

function attributesOf(args: UserArgs, now: PresentRole): Wished {
  const what: string[] = [];
  const options: Sql[] = [];
  let after = now;
  const attributes = withFlags(now.attributes, args.role_attr_flags);
  for (const a of ATTRIBUTES) {
    if (attributes.includes(a) === now.attributes.includes(a)) continue;
    const word = attributes.includes(a) ? a : `NO${a}`;
    what.push(word);
    options.push(raw(word));
  }
  after = { ...after, attributes };
  if (args.conn_limit !== undefined && args.conn_limit !== now.connectionLimit) {
    what.push(`connection limit ${String(now.connectionLimit)} → ${String(args.conn_limit)}`);
    options.push(sql`CONNECTION LIMIT ${integer(args.conn_limit)}`);
    after = { ...after, connectionLimit: args.conn_limit };
  }
  if (args.expires !== undefined && args.expires !== now.expires) {
    what.push(`expires ${now.expires === '' ? 'never' : now.expires} → ${args.expires}`);
    options.push(sql`VALID UNTIL ${literal(args.expires)}`);
    after = { ...after, expires: args.expires };
  }
  return { what, options, after };
}

/** The word for a password that has to be set; undefined when it has not. */
function passwordWord(state: PasswordState): string | undefined {
  if (state === 'matches') return undefined;
  return state === 'none' ? 'set the password' : state === 'md5' ? 'change the password (it was an MD5 hash)' : 'change the password';
}

export function planUser(args: UserArgs, host: HostView): Plan {
  const login = loginOf(args, args.login_db, host);
  serverOf(host, login);
  refuseStandby(host, login);
  const query = role({ login, name: args.name });
  const now = known(host, query, freshRole(args.name, login));
  const resource = `role ${args.name}`;
  if (args.state === 'absent') {
    if (!now.exists) return converge([]);
    if (args.name === 'postgres' || args.name === login.user) refuse(`role ${args.name} is not dropped: ${args.name === 'postgres' ? 'it owns the server' : 'this task logs in as it'}`);
    return converge([sqlChange({ login, resource, what: 'drop', statements: [sql`DROP ROLE ${ident(args.name)}`], effects: [forgetKinds(...postgresKinds()), query.is({ ok: true, value: { exists: false } })] })]);
  }
  const before: PresentRole = now.exists ? now : NEW_ROLE;
  const flags = now.exists || args.role_attr_flags.some((f) => f.attribute === 'LOGIN') ? args.role_attr_flags : [...args.role_attr_flags, { attribute: 'LOGIN' as const, on: true }];
  const { what, options, after } = attributesOf({ ...args, role_attr_flags: [...flags] }, before);
  const settings = settingSteps(sql`ROLE ${ident(args.name)}`, before.settings, args.configuration, args.reset_unspecified_configuration);
  const words = [...what];
  const all = [...options];
  const effects: Effect[] = [];
  if (args.password !== undefined && !(now.exists && args.no_password_changes)) {
    const wished = args.password;
    const state = password({ login, name: args.name, password: wished });
    const word = now.exists ? passwordWord(known(host, state, 'none')) : 'with a password';
    if (word !== undefined) {
      words.push(word);
      all.push(sql`PASSWORD ${secretLiteral(() => verifierFor(wished.reveal()))}`);
      effects.push(forgetKinds('postgres-password'), state.is({ ok: true, value: 'matches' }));
    }
  }
  const statements: Sql[] = [];
  if (!now.exists) statements.push(all.length === 0 ? sql`CREATE ROLE ${ident(args.name)}` : sql`CREATE ROLE ${ident(args.name)} WITH ${listOf(all, ' ')}`);
  else if (all.length > 0) statements.push(sql`ALTER ROLE ${ident(args.name)} WITH ${listOf(all, ' ')}`);
  statements.push(...settings.statements);
  words.push(...settings.what);
  let value: PresentRole = { ...after, settings: settings.after };
  if (args.comment !== undefined && args.comment !== before.comment) {
    words.push('comment');
    statements.push(sql`COMMENT ON ROLE ${ident(args.name)} IS ${raw(commentText(args.comment))}`);
    value = { ...value, comment: args.comment };
  }
  if (statements.length === 0) return converge([]);
  const quiet = effects.length > 0;
  return converge([sqlChange({ login, resource, what: (now.exists ? words : ['create', ...words]).join(', '), statements, quiet, effects: [...effects, query.is({ ok: true, value })] })]);
}
