/** Objects of a database by type and name: where the catalogue has them, and what SQL calls them. */
import { z } from 'zod';
import type { PostgresKey } from './kind.ts';
import { byName, definePostgresQuery } from './kind.ts';
import { splitQualified } from './names.ts';
import { ident, raw, sql, type Sql } from '../../../services/postgres/sql.ts';

export const OBJECT_TYPES = ['table', 'view', 'matview', 'sequence', 'foreign_table', 'function', 'procedure', 'aggregate', 'type', 'domain', 'schema', 'database', 'foreign_server', 'foreign_data_wrapper', 'language', 'tablespace', 'publication'] as const;
export type ObjectType = (typeof OBJECT_TYPES)[number];

interface Place {
  /** After ALTER. */
  readonly keyword: string;
  /** A SELECT of `owner` for the object named `w.schema`, `w.name` (with its arguments for functions). */
  readonly from: string;
  readonly inSchema: boolean;
}

const relation = (keyword: string, kinds: string): Place => ({
  keyword,
  inSchema: true,
  from: `SELECT c.relowner AS owner FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = w.schema AND c.relname = w.name AND c.relkind IN (${kinds})`,
});
/** Functions are found by their signature as the server itself reads it; `to_regprocedure` knows no error. */
const routine = (keyword: string, kind: string): Place => ({
  keyword,
  inSchema: true,
  from: `SELECT p.proowner AS owner FROM pg_catalog.pg_proc p WHERE p.oid = pg_catalog.to_regprocedure(pg_catalog.quote_ident(w.schema) || '.' || w.name)::oid AND p.prokind IN (${kind})`,
});
const typed = (keyword: string, kinds: string): Place => ({
  keyword,
  inSchema: true,
  from: `SELECT t.typowner AS owner FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = w.schema AND t.typname = w.name AND t.typtype IN (${kinds})`,
});
const plain = (keyword: string, table: string, name: string, owner: string): Place => ({ keyword, inSchema: false, from: `SELECT o.${owner} AS owner FROM pg_catalog.${table} o WHERE o.${name} = w.name` });

const PLACES: Readonly<Record<ObjectType, Place>> = {
  table: relation('TABLE', "'r', 'p'"),
  view: relation('VIEW', "'v'"),
  matview: relation('MATERIALIZED VIEW', "'m'"),
  sequence: relation('SEQUENCE', "'S'"),
  foreign_table: relation('FOREIGN TABLE', "'f'"),
  function: routine('FUNCTION', "'f', 'w'"),
  procedure: routine('PROCEDURE', "'p'"),
  aggregate: routine('AGGREGATE', "'a'"),
  type: typed('TYPE', "'c', 'e', 'r', 'b', 'm'"),
  domain: typed('DOMAIN', "'d'"),
  schema: plain('SCHEMA', 'pg_namespace', 'nspname', 'nspowner'),
  database: plain('DATABASE', 'pg_database', 'datname', 'datdba'),
  foreign_server: plain('SERVER', 'pg_foreign_server', 'srvname', 'srvowner'),
  foreign_data_wrapper: plain('FOREIGN DATA WRAPPER', 'pg_foreign_data_wrapper', 'fdwname', 'fdwowner'),
  language: plain('LANGUAGE', 'pg_language', 'lanname', 'lanowner'),
  tablespace: plain('TABLESPACE', 'pg_tablespace', 'spcname', 'spcowner'),
  publication: plain('PUBLICATION', 'pg_publication', 'pubname', 'pubowner'),
};

export interface ObjectName {
  readonly type: ObjectType;
  /** `public` where the type stands in no schema. */
  readonly schema: string;
  /** A function's with its arguments: `add(integer, integer)`. */
  readonly name: string;
}

/** `table`, `schema.table`, `schema.add(int, int)`. Undefined when it is no name of that type. */
export function objectName(type: ObjectType, text: string): ObjectName | undefined {
  const place = PLACES[type];
  const open = text.indexOf('(');
  const isRoutine = ['function', 'procedure', 'aggregate'].includes(type);
  if (isRoutine && (open === -1 || !/^\([A-Za-z0-9_ ,.:"[\]]*\)$/.test(text.slice(open)))) return undefined;
  const parts = splitQualified(isRoutine ? text.slice(0, open) : text);
  if (parts === undefined || parts.length > (place.inSchema ? 2 : 1)) return undefined;
  const [first = '', second] = parts;
  const [schema, name] = second === undefined ? ['public', first] : [first, second];
  return { type, schema, name: isRoutine ? `${quoted(name)}${text.slice(open).replaceAll(':', ',')}` : name };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function showObject(object: ObjectName): string {
  const { inSchema, keyword } = PLACES[object.type];
  return `${keyword.toLowerCase()} ${inSchema && object.schema !== 'public' ? `${object.schema}.` : ''}${object.name.replaceAll(/^"([a-z_][a-z0-9_]*)"\(/g, '$1(')}`;
}

/** As SQL names it after its keyword. */
export function objectSql(object: ObjectName): Sql {
  const { inSchema } = PLACES[object.type];
  // A signature was checked when it was read, and its name is quoted already.
  const name = object.name.endsWith(')') && ['function', 'procedure', 'aggregate'].includes(object.type) ? raw(object.name) : ident(object.name);
  return inSchema ? sql`${ident(object.schema)}.${name}` : name;
}

export function objectKeyword(type: ObjectType): Sql {
  return raw(PLACES[type].keyword);
}

/** Kinds of questions about objects that may come and go. */
export const OBJECT_KINDS = ['postgres-database', 'postgres-role', 'postgres-schema', 'postgres-extension', 'postgres-partitions'];

export interface OwnerKey extends PostgresKey {
  readonly object: ObjectName;
}

const Row = z.object({ name: z.string(), owner: z.string().nullable() });

/** Who owns an object; null when there is none. */
export const ownerOf = definePostgresQuery<OwnerKey, string | null>({
  name: 'postgres-owner',
  after: OBJECT_KINDS,
  of: 'database',
  subject: (key) => `${key.object.type} ${key.object.schema} ${key.object.name}`,
  describe: (key) => `the owner of ${showObject(key.object)}`,
  ask: async (keys, read) => {
    const id = (object: ObjectName): string => JSON.stringify([object.type, object.schema, object.name]);
    const answers = new Map<string, string | null>();
    for (const type of new Set(keys.map((k) => k.object.type))) {
      const mine = keys.filter((k) => k.object.type === type);
      const ids = mine.map((k) => id(k.object));
      const rows = read(
        `SELECT pg_catalog.json_build_object('name', w.id, 'owner', r.rolname) AS fact FROM unnest($1::text[], $2::text[], $3::text[]) AS w(id, schema, name)
LEFT JOIN LATERAL (${PLACES[type].from}) o ON true LEFT JOIN pg_catalog.pg_roles r ON r.oid = o.owner`,
        [ids, mine.map((k) => k.object.schema), mine.map((k) => k.object.name)],
      );
      const owners = await byName<z.output<typeof Row>, string | null>(ids, rows, Row, (row) => row.owner, null);
      ids.forEach((each, i) => answers.set(each, owners[i] ?? null));
    }
    return keys.map((k) => answers.get(id(k.object)) ?? null);
  },
});

/** How many objects of this database, and of the whole server, a role owns. */
export const ownedBy = definePostgresQuery<PostgresKey & { readonly name: string }, number>({
  name: 'postgres-owned-by',
  after: [...OBJECT_KINDS, 'postgres-owner'],
  of: 'database',
  subject: (key) => key.name,
  describe: (key) => `what role ${key.name} owns in database ${key.login.database}`,
  ask: async (keys, read) => {
    const names = keys.map((k) => k.name);
    const Count = z.object({ name: z.string(), count: z.int() });
    return byName<z.output<typeof Count>, number>(
      names,
      read(
        `SELECT pg_catalog.json_build_object('name', r.rolname, 'count', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_shdepend s
  WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = r.oid AND s.deptype = 'o' AND s.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())))) AS fact
FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($1::text[])`,
        [names],
      ),
      Count,
      (row) => row.count,
      0,
    );
  },
});
