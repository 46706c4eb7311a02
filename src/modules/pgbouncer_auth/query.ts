/** What a server knows of PgBouncer's roles and of the function that it asks by. Asked by psql as the server's own user; reads only. */
import { z } from 'zod';
import { defineQuery } from '../../host/define-query.ts';
import type { ProbeOutput } from '../../host/query.ts';
import { Secret } from '../../support/secret.ts';
import { quote } from '../../support/shell.ts';
import { sameValue } from '../../support/value.ts';

export interface AuthKey {
  readonly roles: readonly string[];
  readonly schema: string;
  readonly function: string;
  readonly databases: readonly string[];
  readonly owner: string;
  readonly socketDir: string;
  readonly port: number;
  readonly dataDir: string;
}

const Role = z.object({
  /** What it may do beyond nothing, in order: `login`, `superuser` … */
  attributes: z.array(z.string()),
  limit: z.number(),
  /** ISO 8601, or null for ever. */
  validUntil: z.string().nullable(),
  /** Half a password. */
  verifier: z
    .string()
    .nullable()
    .transform((v) => (v === null ? null : new Secret(v))),
  memberOf: z.array(z.string()),
  /** Databases of the key that it may connect to. */
  connects: z.array(z.string()),
});
export type RoleFact = z.output<typeof Role>;

const Routine = z.object({ owner: z.string(), definer: z.boolean(), volatility: z.string(), config: z.array(z.string()), result: z.string(), source: z.string(), acl: z.array(z.string()) });
const Database = z.object({
  schemaOwner: z.string().nullable(),
  /** `grantee=PRIVILEGE` of all but the owner, in order. */
  schemaAcl: z.array(z.string()),
  routine: Routine.nullable(),
});
export type DatabaseFact = z.output<typeof Database>;

export interface AuthFact {
  /** `absent`: no server's data is here; `down`: it does not answer. */
  readonly state: 'absent' | 'down' | 'standby' | 'primary';
  /** What psql complained of, when it is down. */
  readonly trouble: string;
  /** 16 random bytes of the server, hexadecimal, for a new verifier. */
  readonly salt: string;
  readonly roles: Readonly<Record<string, RoleFact>>;
  readonly databases: Readonly<Record<string, DatabaseFact>>;
}

const list = (names: readonly string[]): string => names.map((n) => `'${n}'`).join(', ');

/** ACL entries of all but the owner. Names of the key are plain words (a schema sees to that). */
const aclOf = (acl: string, kind: string, owner: string): string =>
  `(SELECT coalesce(json_agg(x ORDER BY x), '[]') FROM (SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END || '=' || a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END AS x FROM aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) AS a WHERE a.grantee <> ${owner}) AS e)`;

function rolesSql(key: AuthKey): string {
  const flags = ['login:rolcanlogin', 'superuser:rolsuper', 'inherit:rolinherit', 'createdb:rolcreatedb', 'createrole:rolcreaterole', 'replication:rolreplication', 'bypassrls:rolbypassrls'];
  const attributes = flags.map((f) => `CASE WHEN r.${f.split(':')[1] ?? ''} THEN '${f.split(':')[0] ?? ''}' END`).join(', ');
  return `SELECT json_build_object('standby', pg_is_in_recovery(), 'salt', replace(gen_random_uuid()::text, '-', ''), 'roles',
(SELECT coalesce(json_object_agg(r.rolname, json_build_object('attributes', array_remove(ARRAY[${attributes}], NULL), 'limit', r.rolconnlimit,
 'validUntil', CASE WHEN r.rolvaliduntil = 'infinity' THEN NULL ELSE r.rolvaliduntil END, 'verifier', r.rolpassword,
 'memberOf', (SELECT coalesce(json_agg(g.rolname ORDER BY g.rolname), '[]') FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid),
 'connects', (SELECT coalesce(json_agg(d.datname ORDER BY d.datname), '[]') FROM pg_database AS d WHERE d.datname IN (${list(key.databases)}) AND has_database_privilege(r.oid, d.oid, 'CONNECT')))), '{}')
 FROM pg_authid AS r WHERE r.rolname IN (${list(key.roles)})));`;
}

function databaseSql(key: AuthKey): string {
  return `SELECT json_build_object('schemaOwner', (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = '${key.schema}'),
'schemaAcl', coalesce((SELECT ${aclOf('n.nspacl', 'n', 'n.nspowner')} FROM pg_namespace AS n WHERE n.nspname = '${key.schema}'), '[]'),
'routine', (SELECT json_build_object('owner', pg_get_userbyid(p.proowner), 'definer', p.prosecdef, 'volatility', p.provolatile, 'config', coalesce(p.proconfig, '{}'),
 'result', pg_get_function_result(p.oid), 'source', p.prosrc, 'acl', ${aclOf('p.proacl', 'f', 'p.proowner')})
 FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = '${key.schema}' AND p.proname = '${key.function}' AND pg_get_function_identity_arguments(p.oid) = 'p_user text'));`;
}

function probeOne(key: AuthKey): string {
  const psql = (database: string, sql: string): string =>
    `PGCONNECT_TIMEOUT=5 timeout 30 runuser -u ${quote(key.owner)} -- psql -XAtq -v ON_ERROR_STOP=1 -h ${quote(key.socketDir)} -p ${String(key.port)} -U ${quote(key.owner)} -d ${quote(database)} 2>&1 <<'END'\nSET search_path = pg_catalog;\n${sql}\nEND\nprintf '\\n%s' $?\ncare_mark`;
  return [
    `cd /\nif [ -e ${quote(`${key.dataDir}/PG_VERSION`)} ]; then printf 'data'; else printf 'absent'; fi\ncare_mark`,
    psql('postgres', rolesSql(key)),
    ...key.databases.map((d) => psql(d, databaseSql(key))),
  ].join('\n');
}

const Head = z.object({ standby: z.boolean(), salt: z.string(), roles: z.record(z.string(), Role) });

/** Output of psql and its status; undefined when it failed. */
function answer(section: Buffer | undefined): { readonly text: string; readonly ok: boolean } {
  const text = (section ?? Buffer.alloc(0)).toString('utf8');
  const end = text.lastIndexOf('\n');
  return { text: text.slice(0, Math.max(end, 0)).trim(), ok: text.slice(end + 1) === '0' };
}

function parseOne(key: AuthKey, sections: readonly Buffer[]): AuthFact {
  const data = sections[0]?.toString('utf8') === 'data';
  const head = answer(sections[1]);
  if (!head.ok) return { state: data ? 'down' : 'absent', trouble: head.text.split('\n').slice(-3).join('; '), salt: '', roles: {}, databases: {} };
  const { standby, salt, roles } = Head.parse(JSON.parse(head.text));
  const databases: Record<string, DatabaseFact> = {};
  key.databases.forEach((name, i) => {
    const one = answer(sections[i + 2]);
    // A database that is not there is told by the plan, by its name.
    if (one.ok) databases[name] = Database.parse(JSON.parse(one.text));
  });
  return { state: standby ? 'standby' : 'primary', trouble: '', salt, roles, databases };
}

function parse(keys: readonly AuthKey[], output: ProbeOutput): readonly AuthFact[] {
  const sections = [output.head, ...output.sections];
  let at = 0;
  return keys.map((key) => {
    const mine = sections.slice(at, at + key.databases.length + 2);
    at += key.databases.length + 2;
    return parseOne(key, mine);
  });
}

export const pgbouncerAuth = defineQuery<AuthKey, AuthFact>({
  name: 'pgbouncer-auth',
  id: (key) => [key.socketDir, String(key.port), key.dataDir, key.owner, `${key.schema}.${key.function}`, ...key.roles, ...key.databases.map((d) => `/${d}`)].join(' '),
  describe: (key) => `function ${key.schema}.${key.function} and roles ${key.roles.join(', ')}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  // The salt is new each time.
  same: (a, b) => sameValue({ ...a, salt: '' }, { ...b, salt: '' }),
  show: (fact) => JSON.stringify({ ...fact, salt: '' }),
  volatile: true,
});
