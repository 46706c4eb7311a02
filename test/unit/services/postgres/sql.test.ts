import pg from 'pg';
import { expect, test } from 'vitest';
import { escapeIdentifier, escapeLiteral, hidden, ident, listOf, literal, raw, secretLiteral, sql } from '../../../../src/services/postgres/sql.ts';
import { Secret } from '../../../../src/support/secret.ts';

const EVIL = ['care', '', 'a"b', "it's", 'back\\slash', `'; DROP TABLE patient; --`, '""', "\\'", 'ünï ☃ 😀', 'new\nline', '$$', 'U&"\\0041"'];

test.each(EVIL)('%j is quoted as the driver quotes it', (text) => {
  expect(escapeIdentifier(text)).toBe(pg.escapeIdentifier(text));
  expect(escapeLiteral(text)).toBe(pg.escapeLiteral(text));
});

test('a NUL is refused, which PostgreSQL would end the text at', () => {
  expect(() => escapeIdentifier('a\0b')).toThrow(RangeError);
  expect(() => escapeLiteral('a\0b')).toThrow(RangeError);
});

test('statements are put together from quoted parts', () => {
  const statement = sql`GRANT ${listOf([raw('SELECT'), raw('INSERT')])} ON ${ident('public', 'a"b')} TO ${ident('x')} -- ${literal("it's")}`;
  expect(statement.shown).toBe(`GRANT SELECT, INSERT ON "public"."a""b" TO "x" -- 'it''s'`);
  expect(statement.render()).toBe(statement.shown);
});

test('a secret is sent and not shown, and made anew each time it is sent', () => {
  let times = 0;
  const statement = sql`ALTER ROLE ${ident('x')} PASSWORD ${secretLiteral(() => `salt ${String((times += 1))}`)}, ${hidden(new Secret("hunter'2"))}`;
  expect(statement.shown).toBe(`ALTER ROLE "x" PASSWORD '********', '********'`);
  expect(statement.render()).toBe(`ALTER ROLE "x" PASSWORD 'salt 1', 'hunter''2'`);
  expect(statement.render()).toContain("'salt 2'");
});
