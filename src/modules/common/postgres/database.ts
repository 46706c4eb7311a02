/** What a server says of its databases. */
import { z } from 'zod';
import { byName, definePostgresQuery, type PostgresKey } from './kind.ts';
import { Settings } from './settings.ts';

const Present = z.object({
  name: z.string(),
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** `libc`, `icu` or `builtin`. */
  provider: z.string(),
  tablespace: z.string(),
  connectionLimit: z.int(),
  comment: z.string(),
  /** ALTER DATABASE … SET, by name. */
  settings: Settings,
});
export type PresentDatabase = { readonly exists: true } & Omit<z.output<typeof Present>, 'name'>;
export type Database = { readonly exists: false } | PresentDatabase;

export interface NamedKey extends PostgresKey {
  readonly name: string;
}

/** Settings of a database or role as a JSON object: each stands there as `name=value`. */
export const SETTINGS = (from: string): string =>
  `COALESCE((SELECT pg_catalog.json_object_agg(pg_catalog.split_part(s, '=', 1), pg_catalog.substr(s, pg_catalog.strpos(s, '=') + 1)) FROM ${from}), '{}'::json)`;

const ASK = `SELECT pg_catalog.json_build_object(
  'name', d.datname, 'owner', r.rolname, 'encoding', pg_catalog.pg_encoding_to_char(d.encoding), 'collate', COALESCE(d.datcollate, ''), 'ctype', COALESCE(d.datctype, ''),
  'provider', CASE d.datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
  'tablespace', t.spcname, 'connectionLimit', d.datconnlimit, 'comment', COALESCE(pg_catalog.shobj_description(d.oid, 'pg_database'), ''),
  'settings', ${SETTINGS('pg_catalog.pg_db_role_setting x, pg_catalog.unnest(x.setconfig) AS s WHERE x.setdatabase = d.oid AND x.setrole = 0')}) AS fact
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = ANY ($1::text[])`;

export const database = definePostgresQuery<NamedKey, Database>({
  name: 'postgres-database',
  of: 'server',
  subject: (key) => key.name,
  describe: (key) => `database ${key.name}`,
  ask: (keys, read) => {
    const names = keys.map((k) => k.name);
    return byName<z.output<typeof Present>, Database>(names, read(ASK, [names]), Present, ({ name: _name, ...rest }) => ({ exists: true, ...rest }), { exists: false });
  },
});

/** How many tables of its users' a database holds. */
export const tableCount = definePostgresQuery<PostgresKey, number>({
  name: 'postgres-table-count',
  after: ['postgres-database', 'postgres-schema', 'postgres-extension', 'postgres-partitions'],
  of: 'database',
  subject: () => '',
  describe: (key) => `the tables of database ${key.login.database}`,
  ask: async (keys, read) => {
    const [row] = await read("SELECT pg_catalog.count(*)::int AS fact FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'");
    const count = z.int().parse(row);
    return keys.map(() => count);
  },
});
