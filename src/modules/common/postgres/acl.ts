/** What a server says of privileges on its objects. */
import { z } from 'zod';
import { sameValue } from '../../../support/value.ts';
import { byName, definePostgresQuery, type PostgresKey } from './kind.ts';
import { OBJECT_KINDS } from './objects.ts';

export const GRANT_TYPES = ['table', 'sequence', 'function', 'procedure', 'type', 'database', 'schema', 'language', 'foreign_data_wrapper', 'foreign_server', 'tablespace', 'parameter'] as const;
export type GrantType = (typeof GRANT_TYPES)[number];

/** What default privileges may be of, with the letter of pg_default_acl. */
export const DEFAULT_TYPES = { TABLES: 'r', SEQUENCES: 'S', FUNCTIONS: 'f', TYPES: 'T', SCHEMAS: 'n' } as const;
export type DefaultType = keyof typeof DEFAULT_TYPES;

export function isDefaultType(word: string): word is DefaultType {
  return word in DEFAULT_TYPES;
}

export interface Entry {
  /** A role, or PUBLIC. */
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
}
export interface ObjectAcl {
  /** As SQL names it: `"public"."patient"`, `"public"."add"(integer, integer)`. */
  readonly object: string;
  readonly owner: string;
  /** Sorted by grantee and privilege; what the object has by default is written out. */
  readonly entries: readonly Entry[];
}

export interface AclKey extends PostgresKey {
  readonly type: GrantType;
  /** '' where the type stands in no schema. */
  readonly schema: string;
  /** Undefined: all of the type in the schema. A function's with its arguments. */
  readonly name: string | undefined;
}

interface Place {
  /** Rows of `object` (as SQL names it), `owner`, `acl` (written out) for the questions `w(id, schema, name)`. */
  readonly from: string;
}

const quoted = 'pg_catalog.quote_ident';
const inSchema = (table: string, name: string, owner: string, acl: string, letter: string, where: string): Place => ({
  from: `SELECT ${quoted}(n.nspname) || '.' || ${quoted}(o.${name}) AS object, o.${owner} AS owner, COALESCE(o.${acl}, pg_catalog.acldefault('${letter}', o.${owner})) AS acl
FROM pg_catalog.${table} o JOIN pg_catalog.pg_namespace n ON n.oid = o.${table === 'pg_class' ? 'relnamespace' : 'typnamespace'} WHERE n.nspname = w.schema AND (w.name IS NULL OR o.${name} = w.name) AND ${where}`,
});
const routine = (kind: string): Place => ({
  from: `SELECT ${quoted}(n.nspname) || '.' || ${quoted}(o.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(o.oid) || ')' AS object, o.proowner AS owner, COALESCE(o.proacl, pg_catalog.acldefault('f', o.proowner)) AS acl
FROM pg_catalog.pg_proc o JOIN pg_catalog.pg_namespace n ON n.oid = o.pronamespace WHERE n.nspname = w.schema AND (w.name IS NULL OR o.oid = pg_catalog.to_regprocedure(${quoted}(w.schema) || '.' || w.name)::oid) AND o.prokind IN (${kind})`,
});
const plain = (table: string, name: string, owner: string, acl: string, letter: string): Place => ({
  from: `SELECT ${quoted}(o.${name}) AS object, o.${owner} AS owner, COALESCE(o.${acl}, pg_catalog.acldefault('${letter}', o.${owner})) AS acl FROM pg_catalog.${table} o WHERE o.${name} = w.name`,
});

const PLACES: Readonly<Record<GrantType, Place>> = {
  table: inSchema('pg_class', 'relname', 'relowner', 'relacl', 'r', "o.relkind IN ('r', 'p', 'v', 'm', 'f')"),
  sequence: inSchema('pg_class', 'relname', 'relowner', 'relacl', 's', "o.relkind = 'S'"),
  type: inSchema('pg_type', 'typname', 'typowner', 'typacl', 'T', "o.typrelid = 0 AND o.typelem = 0"),
  function: routine("'f', 'a', 'w'"),
  procedure: routine("'p'"),
  database: plain('pg_database', 'datname', 'datdba', 'datacl', 'd'),
  schema: plain('pg_namespace', 'nspname', 'nspowner', 'nspacl', 'n'),
  language: plain('pg_language', 'lanname', 'lanowner', 'lanacl', 'l'),
  foreign_data_wrapper: plain('pg_foreign_data_wrapper', 'fdwname', 'fdwowner', 'fdwacl', 'F'),
  foreign_server: plain('pg_foreign_server', 'srvname', 'srvowner', 'srvacl', 'S'),
  tablespace: plain('pg_tablespace', 'spcname', 'spcowner', 'spcacl', 't'),
  // A parameter stands in the catalogue only while somebody has a privilege on it.
  parameter: { from: `SELECT s.name AS object, 10::oid AS owner, COALESCE((SELECT p.paracl FROM pg_catalog.pg_parameter_acl p WHERE p.parname = pg_catalog.lower(s.name)), pg_catalog.acldefault('p', 10::oid)) AS acl FROM pg_catalog.pg_settings s WHERE pg_catalog.lower(s.name) = pg_catalog.lower(w.name)` },
};

const Entries = z.array(z.object({ grantee: z.string(), privilege: z.string(), grantable: z.boolean() })).transform((list) => sortEntries(list));
const Row = z.object({ name: z.string(), objects: z.array(z.object({ object: z.string(), owner: z.string(), entries: Entries })) });

/** Written out as JSON; a grantee without a role is PUBLIC. */
const ENTRIES = (acl: string): string =>
  `COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('grantee', e.grantee, 'privilege', e.privilege, 'grantable', e.grantable)) FROM (
    SELECT COALESCE(g.rolname, 'PUBLIC') AS grantee, x.privilege_type AS privilege, pg_catalog.bool_or(x.is_grantable) AS grantable
    FROM pg_catalog.aclexplode(${acl}) x LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee GROUP BY 1, 2) e), '[]'::json)`;

export function sortEntries(entries: readonly Entry[]): readonly Entry[] {
  const key = (e: Entry): string => `${e.grantee}\0${e.privilege}`;
  return [...entries].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** The objects that a name, or a whole schema, stands for, with their privileges; empty when there is none. */
export const acl = definePostgresQuery<AclKey, readonly ObjectAcl[]>({
  name: 'postgres-acl',
  of: 'database',
  subject: (key) => `${key.type} ${key.schema} ${key.name ?? '*'}`,
  describe: (key) => `privileges on ${key.type} ${key.name ?? `* in schema ${key.schema}`}`,
  after: [...OBJECT_KINDS, 'postgres-owner', 'postgres-default-acl'],
  // Objects that came meanwhile are nobody's claim.
  same: (expected, observed) => expected.every((e) => observed.some((o) => sameValue(e.entries, o.entries) && e.object === o.object)),
  ask: async (keys, read) => {
    const id = (key: AclKey): string => JSON.stringify([key.type, key.schema, key.name ?? null]);
    const answers = new Map<string, readonly ObjectAcl[]>();
    for (const type of new Set(keys.map((k) => k.type))) {
      const mine = keys.filter((k) => k.type === type);
      const rows = read(
        `SELECT pg_catalog.json_build_object('name', w.id, 'objects', COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('object', o.object, 'owner', r.rolname, 'entries', ${ENTRIES('o.acl')}) ORDER BY o.object)
FROM (${PLACES[type].from}) o JOIN pg_catalog.pg_roles r ON r.oid = o.owner), '[]'::json)) AS fact
FROM (SELECT u.id, u.schema, CASE WHEN u.every THEN NULL ELSE u.name END AS name FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[]) AS u(id, schema, name, every)) w`,
        [mine.map(id), mine.map((k) => k.schema), mine.map((k) => k.name ?? ''), mine.map((k) => String(k.name === undefined))],
      );
      const found = await byName<z.output<typeof Row>, readonly ObjectAcl[]>(mine.map(id), rows, Row, (row) => row.objects, []);
      mine.forEach((key, i) => answers.set(id(key), found[i] ?? []));
    }
    return keys.map((k) => answers.get(id(k)) ?? []);
  },
});

export interface DefaultAclKey extends PostgresKey {
  /** Who makes the objects. */
  readonly role: string;
  /** '' for all schemas. */
  readonly schema: string;
  readonly objects: DefaultType;
}

const DefaultRow = z.object({ name: z.string(), entries: Entries });

/** What objects that a role will make get (ALTER DEFAULT PRIVILEGES); for all schemas with what is built in, for one schema what is added to it. */
export const defaultAcl = definePostgresQuery<DefaultAclKey, readonly Entry[]>({
  name: 'postgres-default-acl',
  of: 'database',
  subject: (key) => `${key.role} ${key.schema} ${key.objects}`,
  describe: (key) => `default privileges on ${key.objects.toLowerCase()} of role ${key.role}${key.schema === '' ? '' : ` in schema ${key.schema}`}`,
  after: ['postgres-database', 'postgres-role', 'postgres-schema'],
  ask: (keys, read) => {
    const ids = keys.map((k) => JSON.stringify([k.role, k.schema, k.objects]));
    return byName<z.output<typeof DefaultRow>, readonly Entry[]>(
      ids,
      read(
        `SELECT pg_catalog.json_build_object('name', w.id, 'entries', ${ENTRIES("COALESCE(d.defaclacl, CASE WHEN w.schema = '' THEN pg_catalog.acldefault(CASE w.letter WHEN 'S' THEN 's' ELSE w.letter END::\"char\", r.oid) END)")}) AS fact
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w(id, role, schema, letter)
JOIN pg_catalog.pg_roles r ON r.rolname = w.role
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
LEFT JOIN pg_catalog.pg_default_acl d ON d.defaclrole = r.oid AND d.defaclnamespace = COALESCE(n.oid, 0) AND d.defaclobjtype = w.letter::"char" AND (w.schema = '' OR n.oid IS NOT NULL)`,
        [ids, keys.map((k) => k.role), keys.map((k) => k.schema), keys.map((k) => DEFAULT_TYPES[k.objects])],
      ),
      DefaultRow,
      (row) => row.entries,
      [],
    );
  },
});
