/** What has to be done for a setting to be as wished. Pure. */
import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { PostgresLogin } from '../../services/postgres/login.ts';
import { ident, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { database } from '../common/postgres/database.ts';
import { databaseFields, databaseOf, loginFields, loginOf, SqlName } from '../common/postgres/login.ts';
import { freshRole, role } from '../common/postgres/role.ts';
import { inMaintenance, known, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { settingSteps, settingValue, WishedValue, SETTING_NAME } from '../common/postgres/settings.ts';
import { roleSettings, setting } from './query.ts';

export const SetArgs = z
  .strictObject({
    name: z.string().transform((name) => name.toLowerCase()).refine((name) => SETTING_NAME.test(name), 'must be the name of a setting').describe('The setting'),
    value: WishedValue.optional().describe('Its value, with its unit: `64MB`, `30s`'),
    reset: z.boolean().default(false).describe('Take the setting away, so that what stands below it counts'),
    database: SqlName.optional().describe('For sessions in this database'),
    role: SqlName.optional().describe('For sessions of this role'),
    ...databaseFields,
    ...loginFields,
  })
  .refine((args) => args.reset !== (args.value !== undefined), { path: ['value'], message: 'give either value or reset: true' });
export type SetArgs = z.output<typeof SetArgs>;

export function planSet(args: SetArgs, host: HostView): Plan | undefined {
  const login = loginOf(args, databaseOf(args), host);
  serverOf(host, login);
  refuseStandby(host, login);
  return args.database === undefined && args.role === undefined ? system(args, host, login) : sessions(args, host, login);
}

function system(args: SetArgs, host: HostView, login: PostgresLogin): Plan {
  const server = serverOf(host, login);
  if (server?.patroni === true) refuse(`the settings of this server are Patroni's: ALTER SYSTEM would make one member differ from the others`, 'set it in postgres_parameters (role postgres), which Patroni gives to every member; for one database or role say database or role here');
  const query = setting({ login, name: args.name });
  const now = known(host, query, { known: true, context: 'user', written: null, pendingRestart: false });
  if (!now.known) refuse(`the server knows no setting ${args.name}`, 'correct its name; the settings of a library are known once it is loaded (shared_preload_libraries)');
  const values = { context: now.context, restart_required: now.pendingRestart };
  const wished = args.value ?? null;
  if (now.context === 'internal') refuse(`setting ${args.name} is fixed when the server is built or its data is made`);
  if (now.written === wished) return converge([], values);
  const what = wished === null ? `reset (was ${now.written ?? ''})` : `${now.written ?? '(not set)'} → ${wished}`;
  const restart = now.context === 'postmaster';
  const name = ident(...args.name.split('.'));
  const statements: Sql[] = [wished === null ? sql`ALTER SYSTEM RESET ${name}` : sql`ALTER SYSTEM SET ${name} TO ${settingValue(args.name, wished)}`, raw('SELECT pg_catalog.pg_reload_conf()')];
  const effects: Effect[] = [query.is({ ok: true, value: { ...now, written: wished, pendingRestart: restart } })];
  return converge([sqlChange({ login, resource: `setting ${args.name}`, what: restart ? `${what} (needs a restart)` : what, statements, how: 'alone', effects })], { ...values, restart_required: restart });
}

interface Target {
  readonly sql: Sql;
  readonly resource: string;
  readonly now: Readonly<Record<string, string>>;
  readonly claim: (after: Readonly<Record<string, string>>) => Effect;
}

function targetOf(args: SetArgs, host: HostView, login: PostgresLogin): Target {
  const server = inMaintenance(login);
  const roleQuery = args.role === undefined ? undefined : role({ login: server, name: args.role });
  const roleNow = roleQuery === undefined ? undefined : known(host, roleQuery, freshRole(args.role ?? '', login));
  if (roleNow?.exists === false) refuse(`role ${args.role ?? ''} does not exist`, 'create it in an earlier task (postgresql_user)');
  const databaseQuery = args.database === undefined ? undefined : database({ login: server, name: args.database });
  const databaseNow = databaseQuery === undefined ? undefined : known(host, databaseQuery, { exists: false });
  if (databaseNow?.exists === false) refuse(`database ${args.database ?? ''} does not exist`, 'create it in an earlier task (postgresql_db)');
  if (args.role !== undefined && args.database !== undefined) {
    const query = roleSettings({ login: server, database: args.database, role: args.role });
    return { sql: sql`ROLE ${ident(args.role)} IN DATABASE ${ident(args.database)}`, resource: `setting ${args.name} of role ${args.role} in ${args.database}`, now: known(host, query, {}), claim: (after) => query.is({ ok: true, value: after }) };
  }
  if (databaseQuery !== undefined && databaseNow?.exists === true) {
    return { sql: sql`DATABASE ${ident(args.database ?? '')}`, resource: `setting ${args.name} of database ${args.database ?? ''}`, now: databaseNow.settings, claim: (settings) => databaseQuery.is({ ok: true, value: { ...databaseNow, settings } }) };
  }
  if (roleQuery !== undefined && roleNow?.exists === true) {
    return { sql: sql`ROLE ${ident(args.role ?? '')}`, resource: `setting ${args.name} of role ${args.role ?? ''}`, now: roleNow.settings, claim: (settings) => roleQuery.is({ ok: true, value: { ...roleNow, settings } }) };
  }
  throw new Error('a setting of sessions is of a database or a role');
}

function sessions(args: SetArgs, host: HostView, login: PostgresLogin): Plan {
  const target = targetOf(args, host, login);
  const others = Object.fromEntries(Object.entries(target.now).filter(([name]) => name !== args.name));
  const wished = args.value === undefined ? others : { ...target.now, [args.name]: args.value };
  const steps = settingSteps(target.sql, target.now, wished, args.reset);
  if (steps.statements.length === 0) return converge([]);
  return converge([sqlChange({ login: inMaintenance(login), resource: target.resource, what: steps.what.join(', '), statements: steps.statements, effects: [target.claim(steps.after)] })]);
}
