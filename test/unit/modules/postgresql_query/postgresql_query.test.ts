import { expect, test } from 'vitest';
import { hasChanged, questionsOf, registeredOf, saysYes } from '../../../../src/modules/postgresql_query/statement.ts';
import { postgresqlQuery } from '../../../../src/modules/postgresql_query/index.ts';
import type { Answered } from '../../../../src/services/postgres/client.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlQuery, import.meta.url);

function answered(command: string, rowCount: number, rows: Answered['rows'] = [], columns: readonly string[] = []): Answered {
  return { command, rowCount, rows, columns };
}

test('values take the places that Ansible writes', () => {
  expect(questionsOf({ query: ["SELECT %s, '100%%', %s"], positional_args: ["it's", new Secret('hunter2')] })).toEqual([{ text: "SELECT $1, '100%', $2", values: ["it's", 'hunter2'] }]);
  expect(questionsOf({ query: ['SELECT %(a)s, %(b)s, %(a)s'], named_args: { a: 1, b: null } })).toEqual([{ text: 'SELECT $1, $2, $1', values: [1, null] }]);
  expect(questionsOf({ query: ['SELECT $2, $1'], positional_args: [1, 2] })).toEqual([{ text: 'SELECT $2, $1', values: [1, 2] }]);
  expect(questionsOf({ query: ["SELECT '100%s'", 'SELECT 2'] })).toEqual([{ text: "SELECT '100%s'", values: [] }, { text: 'SELECT 2', values: [] }]);
});

test('what the server says that it did is what counts as changed', () => {
  expect([answered('SELECT', 3), answered('UPDATE', 0), answered('UPDATE', 1), answered('CREATE', 0)].map((a) => hasChanged([a]))).toEqual([false, false, true, true]);
});

test('rows become values', () => {
  const rows = [{ t: new Date(0), b: Buffer.from('ab'), n: null, l: [1, { x: 2n }] }];
  expect(registeredOf([answered('SELECT', 1, rows, ['t'])], [{ text: 'q', values: [] }])).toMatchObject({ query_result: [{ t: '1970-01-01T00:00:00.000Z', b: '\\x6162', n: null, l: [1, { x: '2' }] }], rowcount: 1, statusmessage: 'SELECT 1', query: 'q' });
});

test.each([[undefined, false], [[], false], [[{ a: false }], false], [[{ a: null }], false], [[{ a: '0' }], false], [[{ a: 0 }], false], [[{ a: true }], true], [[{ a: 1 }], true], [[{ a: 'x' }], true]] as const)('%j answers %s', (rows, yes) => {
  expect(saysYes(rows === undefined ? undefined : answered('SELECT', rows.length, rows, ['a']))).toBe(yes);
});
