/** What every module must know first: whether a server answers, what it is, and what stands in for it in check mode. */
import { z } from 'zod';
import { defineQuery } from '../../../host/define-query.ts';
import type { AnyQuery, ServiceQuery } from '../../../host/query.ts';
import { FactsNeeded, type HostView } from '../../../host/view.ts';
import { loginName, type PostgresLogin } from '../../../services/postgres/login.ts';
import { STANDBY_REMEDY, type Trouble } from '../../../services/postgres/trouble.ts';
import { database } from './database.ts';
import { definePostgresQuery, type Answer, type PostgresKey } from './kind.ts';
import { inDatabase } from './login.ts';
import { refuse, undecided } from '../refused.ts';

export { planned, refuse } from '../refused.ts';

const Server = z.object({
  /** As server_version_num: 170006. */
  version: z.int(),
  standby: z.boolean(),
  user: z.string(),
  superuser: z.boolean(),
  /** Its settings come from Patroni's command line. */
  patroni: z.boolean(),
});
export type Server = z.output<typeof Server>;

/** Patroni gives what must be equal on all members on the command line of the server (docs of Patroni, "dynamic configuration"). */
const ASK = `SELECT pg_catalog.json_build_object(
  'version', pg_catalog.current_setting('server_version_num')::int,
  'standby', pg_catalog.pg_is_in_recovery(),
  'user', current_user,
  'superuser', (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
  'patroni', (SELECT pg_catalog.count(*) = 4 FROM pg_catalog.pg_settings WHERE source = 'command line' AND name IN ('cluster_name', 'hot_standby', 'wal_level', 'max_connections'))) AS fact`;

export const server = definePostgresQuery<PostgresKey, Server>({
  name: 'postgres-server',
  of: 'login',
  subject: () => '',
  describe: (key) => `the PostgreSQL server for ${loginName(key.login)}`,
  ask: async (keys, read) => {
    const [row] = await read(ASK);
    const fact = Server.parse(row);
    return keys.map(() => fact);
  },
});

/** Whether the host has a data directory in Debian's place: a server that does not answer may then be a stopped one. */
export const hasClusterData = defineQuery<null, boolean>({
  name: 'postgres-data',
  id: () => '',
  describe: () => 'data of PostgreSQL in /var/lib/postgresql',
  // One that may not be looked into is taken for data: a data directory is the user postgres' own.
  probe: () => 'care_found=no; for f in /var/lib/postgresql/*/*/; do if [ -e "${f}PG_VERSION" ] || { [ -d "$f" ] && [ ! -x "$f" ]; }; then care_found=yes; fi; done; echo "$care_found"',
  parse: (keys, output) => keys.map(() => output.head.toString('latin1').trim() === 'yes'),
  volatile: true,
});

function refuseTrouble(trouble: Trouble): never {
  refuse(trouble.msg, trouble.remedy);
}

/** What a login stands on. The last two only in check mode. */
type Ground = 'server' | 'new server' | 'new database';

function isPredicted(host: HostView, login: PostgresLogin): boolean {
  try {
    const fact = host.fact(database({ login: inDatabase(login, 'postgres'), name: login.database }));
    return fact.ok && fact.value.exists;
  } catch (error) {
    if (error instanceof FactsNeeded) return false;
    throw error;
  }
}

const TEMPLATES = new Set(['postgres', 'template0', 'template1']);

function groundOf(host: HostView, login: PostgresLogin): Ground {
  const query = server({ login });
  const fact = host.fact(query);
  if (fact.ok) return 'server';
  const { trouble } = fact;
  if (!host.checkMode) return refuseTrouble(trouble);
  const isOwn = TEMPLATES.has(login.database);
  if (trouble.sqlstate === '3D000' && !isOwn && isPredicted(host, login)) return 'new database';
  if (trouble.kind !== 'silent' || host.uncertain(query) === undefined) return refuseTrouble(trouble);
  if (host.fact(hasClusterData(null))) undecided(`the server does not answer now (${trouble.msg}), and there is data of one: what it holds is known once it runs`);
  if (!isOwn && !isPredicted(host, login)) return refuse(`database ${login.database} does not exist on a new server`, 'create the database in an earlier task (postgresql_db), or correct login_db');
  return 'new server';
}

/** Refuses a server that takes no changes. */
export function refuseStandby(host: HostView, login: PostgresLogin): void {
  const fact = host.fact(server({ login }));
  if (fact.ok && fact.value.standby) refuse(`the server on ${host.name} takes no changes: it is a standby`, STANDBY_REMEDY);
}

/** The login to ask about what belongs to the whole server (roles), when the database itself may be one that is still to be made. */
export function inMaintenance(login: PostgresLogin): PostgresLogin {
  return inDatabase(login, 'postgres');
}

/** What is known of the server that a login reaches; undefined for one that earlier tasks would make. */
export function serverOf(host: HostView, login: PostgresLogin): Server | undefined {
  groundOf(host, login);
  const fact = host.fact(server({ login }));
  return fact.ok ? fact.value : undefined;
}

/**
 * A fact of the server, for a plan that may be refused.
 *
 * @param fresh what it is on a freshly initialised cluster, or in a new database
 */
export function known<Value>(host: HostView, query: ServiceQuery<Answer<Value>> & { readonly key: PostgresKey }, fresh: Value): Value {
  const ground = groundOf(host, query.key.login);
  if (ground === 'server') {
    const fact = host.fact(query);
    return fact.ok ? fact.value : refuseTrouble(fact.trouble);
  }
  try {
    const fact = host.fact(query);
    return fact.ok ? fact.value : fresh;
  } catch (error) {
    // Nothing that earlier tasks would have set.
    if (error instanceof FactsNeeded) return fresh;
    throw error;
  }
}

/** What to ask: first whether a server answers, and only then the rest. */
export function asked(host: HostView, login: PostgresLogin, queries: readonly AnyQuery[]): readonly AnyQuery[] {
  const first = server({ login });
  return host.fact(first).ok ? [first, ...queries] : [first];
}
