/** What a server says of a partitioned table. */
import { z } from 'zod';
import { escapeIdentifier, escapeLiteral } from '../../services/postgres/sql.ts';
import { definePostgresQuery, type PostgresKey, type Read } from '../common/postgres/kind.ts';
import { OBJECT_KINDS } from '../common/postgres/objects.ts';
import type { QualifiedName } from '../common/postgres/names.ts';
import { parseBound, type Bound } from './bounds.ts';

export interface WishedPartition extends QualifiedName {
  /** Undefined: it is only asked what it is now. */
  readonly bound: Bound | undefined;
}

export interface PartitionsKey extends PostgresKey {
  readonly table: QualifiedName;
  /** The partitions that a task names. */
  readonly wished: readonly WishedPartition[];
}

const Table = z.object({
  kind: z.enum(['partitioned', 'table', 'other']),
  owner: z.string(),
  /** `range`, `list`, `hash`; '' when it is not partitioned. */
  method: z.string(),
  /** As pg_get_partkeydef shows it: `RANGE (created)`. */
  key: z.string(),
  /** Types of the key's columns, in order; '' for an expression. */
  types: z.array(z.string()),
  partitions: z.array(z.object({ schema: z.string(), name: z.string(), bound: z.string() })),
});

const Named = z.object({ id: z.string(), exists: z.boolean(), rows: z.boolean(), parent: z.string() });

export interface Partition extends QualifiedName {
  /** As the server shows it. */
  readonly bound: string;
}
/** A table that a task names as a partition, whatever it is now. */
export interface NamedTable extends QualifiedName {
  readonly exists: boolean;
  readonly hasRows: boolean;
  /** The table that it is a partition of, as SQL names it; '' when of none. */
  readonly parent: string;
  /** The bound that is wished, in the server's own way of writing its values. */
  readonly wished: Bound | undefined;
}
export type Partitioned =
  | { readonly exists: false; readonly named: readonly NamedTable[] }
  | { readonly exists: true; readonly kind: 'partitioned' | 'table' | 'other'; readonly owner: string; readonly method: string; readonly key: string; readonly partitions: readonly Partition[]; readonly named: readonly NamedTable[] };

const TABLE = `SELECT pg_catalog.json_build_object('kind', CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'r' THEN 'table' ELSE 'other' END, 'owner', o.rolname,
  'method', CASE p.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' ELSE '' END,
  'key', COALESCE(pg_catalog.pg_get_partkeydef(c.oid), ''),
  'types', COALESCE((SELECT pg_catalog.json_agg(COALESCE(pg_catalog.format_type(a.atttypid, a.atttypmod), '') ORDER BY k.at) FROM pg_catalog.unnest(p.partattrs) WITH ORDINALITY AS k(attnum, at) LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum AND k.attnum > 0), '[]'::json),
  'partitions', COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('schema', xn.nspname, 'name', x.relname, 'bound', pg_catalog.pg_get_expr(x.relpartbound, x.oid)) ORDER BY xn.nspname, x.relname)
    FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class x ON x.oid = i.inhrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace WHERE i.inhparent = c.oid AND x.relispartition), '[]'::json)) AS fact
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_roles o ON o.oid = c.relowner LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid
WHERE n.nspname = $1 AND c.relname = $2`;

export const partitions = definePostgresQuery<PartitionsKey, Partitioned>({
  name: 'postgres-partitions',
  of: 'database',
  subject: (key) => `${key.table.schema} ${key.table.name}${key.wished.map((w) => ` ${JSON.stringify([w.schema, w.name, w.bound ?? null])}`).join('')}`,
  describe: (key) => `table ${key.table.schema}.${key.table.name} and its partitions`,
  after: OBJECT_KINDS.filter((kind) => kind !== 'postgres-partitions'),
  same: tookAsWished,
  ask: (keys, read) => Promise.all(keys.map((key) => askOne(key, read))),
});

/** Whether a change took. A bound was claimed in the task's words; by now the server says what these come to. */
function tookAsWished(expected: Partitioned, observed: Partitioned): boolean {
  if (!expected.exists || !observed.exists) return expected.exists === observed.exists;
  if (expected.kind !== observed.kind || expected.owner !== observed.owner || expected.partitions.length !== observed.partitions.length) return false;
  return expected.partitions.every((e) => {
    const o = observed.partitions.find((p) => p.schema === e.schema && p.name === e.name);
    if (o === undefined) return false;
    const is = JSON.stringify(parseBound(o.bound));
    const wished = observed.named.find((n) => n.schema === e.schema && n.name === e.name)?.wished;
    return is === JSON.stringify(parseBound(e.bound)) || (wished !== undefined && is === JSON.stringify(wished));
  });
}

async function askOne(key: PartitionsKey, read: Read): Promise<Partitioned> {
  const [row] = await read(TABLE, [key.table.schema, key.table.name]);
  const table = row === undefined ? undefined : Table.parse(row);
  const named = await askNamed(key, table?.types ?? [], read);
  if (table === undefined) return { exists: false, named };
  const { types: _types, ...rest } = table;
  return { exists: true, ...rest, named };
}

async function askNamed(key: PartitionsKey, types: readonly string[], read: Read): Promise<readonly NamedTable[]> {
  if (key.wished.length === 0) return [];
  const qualified = (w: QualifiedName): string => `${escapeIdentifier(w.schema)}.${escapeIdentifier(w.name)}`;
  const ids = key.wished.map(qualified);
  const found = new Map(
    (
      await read(
        `SELECT pg_catalog.json_build_object('id', w.id, 'exists', c.oid IS NOT NULL,
  'rows', COALESCE((pg_catalog.query_to_xml('SELECT 1 FROM ' || c.oid::regclass || ' LIMIT 1', false, false, ''))::text LIKE '%<row%', false),
  'parent', COALESCE((SELECT i.inhparent::regclass::text FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition), '')) AS fact
FROM pg_catalog.unnest($1::text[]) AS w(id) LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.id)::oid AND c.relkind IN ('r', 'p', 'f')`,
        [ids],
      )
    )
      .map((row) => Named.parse(row))
      .map((row) => [row.id, row]),
  );
  const bounds = await normalised(key.wished, types, read);
  return key.wished.map((w, i) => {
    const row = found.get(ids[i] ?? '');
    return { schema: w.schema, name: w.name, exists: row?.exists ?? false, hasRows: row?.rows ?? false, parent: row?.parent ?? '', wished: bounds[i] };
  });
}

/** The values of wished bounds as the server writes them: `2026-01-01` of a timestamptz becomes `2026-01-01 00:00:00+00`. */
async function normalised(wished: readonly WishedPartition[], types: readonly string[], read: Read): Promise<readonly (Bound | undefined)[]> {
  const texts = wished.flatMap((w, i) => valuesOf(w.bound).map(({ column, value }) => ({ partition: i, type: types[column] ?? '', value })));
  const cast = texts.filter((t) => t.type !== '' && t.value !== null && t.value !== 'MINVALUE' && t.value !== 'MAXVALUE');
  if (cast.length === 0) return wished.map((w) => w.bound);
  // The types are the server's own words; the values are literals.
  const [row] = await read(`SELECT pg_catalog.json_build_array(${cast.map((t) => `(${escapeLiteral(t.value ?? '')}::${t.type})::text`).join(', ')}) AS fact`);
  const shown = z.array(z.string()).parse(row);
  let at = 0;
  const next = (value: string | null, column: number): string | null => {
    if (value === null || value === 'MINVALUE' || value === 'MAXVALUE' || (types[column] ?? '') === '') return value;
    at += 1;
    return shown[at - 1] ?? value;
  };
  return wished.map((w) => {
    const { bound } = w;
    if (bound?.type === 'range') return { ...bound, from: bound.from.map((v, i) => next(v, i) ?? v), to: bound.to.map((v, i) => next(v, i) ?? v) };
    if (bound?.type === 'list') return { ...bound, values: bound.values.map((v) => next(v, 0)) };
    return bound;
  });
}

function valuesOf(bound: Bound | undefined): readonly { readonly column: number; readonly value: string | null }[] {
  if (bound?.type === 'range') return [...bound.from, ...bound.to].map((value, i) => ({ column: i % bound.from.length, value }));
  if (bound?.type === 'list') return bound.values.map((value) => ({ column: 0, value }));
  return [];
}
