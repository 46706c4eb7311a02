/** Bounds of partitions: as a task wishes them, as SQL writes them, and as the server shows them (`pg_get_expr(relpartbound)`). */
import { z } from 'zod';
import { listOf, literal, raw, sql, integer, type Sql } from '../../services/postgres/sql.ts';

const Value = z.union([z.string(), z.number(), z.boolean()]).transform(String);
/** One value, or one for each column of the key; MINVALUE and MAXVALUE stand for no bound. */
const Row = z.union([Value.transform((v) => [v]), z.array(Value)]);

export const Bound = z.union(
  [
    z.strictObject({ from: Row, to: Row }).transform((b) => ({ type: 'range' as const, ...b })),
    z.strictObject({ values: z.array(z.union([Value, z.null()])).min(1) }).transform((b) => ({ type: 'list' as const, ...b })),
    z.strictObject({ modulus: z.int().positive(), remainder: z.int().nonnegative() }).transform((b) => ({ type: 'hash' as const, ...b })),
    z.strictObject({ default: z.literal(true) }).transform(() => ({ type: 'default' as const })),
  ],
  { error: 'must have from and to (range), values (list), modulus and remainder (hash), or default: true' },
);
export type Bound = z.output<typeof Bound>;

const END = new Set(['MINVALUE', 'MAXVALUE']);

function valueSql(value: string | null): Sql {
  if (value === null) return raw('NULL');
  return END.has(value) ? raw(value) : literal(value);
}

/** `FOR VALUES FROM ('a') TO ('b')`, or `DEFAULT`. The server makes the values' types of it. */
export function boundSql(bound: Bound): Sql {
  const row = (values: readonly (string | null)[]): Sql => listOf(values.map(valueSql));
  switch (bound.type) {
    case 'range':
      return sql`FOR VALUES FROM (${row(bound.from)}) TO (${row(bound.to)})`;
    case 'list':
      return sql`FOR VALUES IN (${row(bound.values)})`;
    case 'hash':
      return sql`FOR VALUES WITH (MODULUS ${integer(bound.modulus)}, REMAINDER ${integer(bound.remainder)})`;
    case 'default':
      return raw('DEFAULT');
  }
}

/** What the server shows, as a bound; undefined for what is none of the above. */
export function parseBound(text: string): Bound | undefined {
  if (text === 'DEFAULT') return { type: 'default' };
  const hash = /^FOR VALUES WITH \(modulus (\d+), remainder (\d+)\)$/i.exec(text);
  if (hash !== null) return { type: 'hash', modulus: Number(hash[1]), remainder: Number(hash[2]) };
  const reader = new Reader(text);
  if (reader.take('FOR VALUES IN ')) {
    const values = reader.row();
    return values === undefined || !reader.atEnd ? undefined : { type: 'list', values };
  }
  if (!reader.take('FOR VALUES FROM ')) return undefined;
  const from = reader.row();
  if (!reader.take(' TO ')) return undefined;
  const to = reader.row();
  const isRow = (row: readonly (string | null)[] | undefined): row is string[] => row?.every((v) => v !== null) ?? false;
  return isRow(from) && isRow(to) && reader.atEnd ? { type: 'range', from, to } : undefined;
}

class Reader {
  #rest: string;

  constructor(text: string) {
    this.#rest = text;
  }

  get atEnd(): boolean {
    return this.#rest === '';
  }

  take(word: string): boolean {
    if (!this.#rest.startsWith(word)) return false;
    this.#rest = this.#rest.slice(word.length);
    return true;
  }

  /** `('a''b', 5, NULL, MINVALUE)` */
  row(): (string | null)[] | undefined {
    if (!this.take('(')) return undefined;
    const values: (string | null)[] = [];
    for (;;) {
      const match = /^(?:E?'((?:[^']|'')*)'(?:::[a-z0-9_ "().[\]]+?)?|([^,()']+))(,\s*|\))/.exec(this.#rest);
      if (match === null) return undefined;
      this.#rest = this.#rest.slice(match[0].length);
      const quoted = match[1]?.replaceAll("''", "'");
      const word = match[2]?.trim();
      values.push(quoted ?? (word === 'NULL' ? null : (word ?? '')));
      if (match[3] === ')') return values;
    }
  }
}
