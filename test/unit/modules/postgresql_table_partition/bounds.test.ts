import { expect, test } from 'vitest';
import { Bound, boundSql, parseBound } from '../../../../src/modules/postgresql_table_partition/bounds.ts';

/** As pg_get_expr of PostgreSQL 17 shows them. */
test.each([
  ["FOR VALUES FROM ('2026-01-01 00:00:00+00') TO (MAXVALUE)", { type: 'range', from: ['2026-01-01 00:00:00+00'], to: ['MAXVALUE'] }],
  ["FOR VALUES FROM (1, 'a') TO (10, 'b, (c)')", { type: 'range', from: ['1', 'a'], to: ['10', 'b, (c)'] }],
  ["FOR VALUES IN ('it''s', NULL, 5)", { type: 'list', values: ["it's", null, '5'] }],
  ["FOR VALUES IN ('a'::text, 'b')", { type: 'list', values: ['a', 'b'] }],
  ['FOR VALUES WITH (modulus 4, remainder 1)', { type: 'hash', modulus: 4, remainder: 1 }],
  ['DEFAULT', { type: 'default' }],
  ['something else', undefined],
  ["FOR VALUES IN ('a'", undefined],
] as const)('%s is read', (text, bound) => {
  expect(parseBound(text)).toEqual(bound);
});

test.each([{ from: '2026-01-01', to: ['MAXVALUE'] }, { values: ['kochi', "it's", null, 5] }, { modulus: 2, remainder: 1 }, { default: true }])('what is written of %j is read as the same', (given) => {
  const bound = Bound.parse(given);
  expect(parseBound(boundSql(bound).shown)).toEqual(bound);
});
