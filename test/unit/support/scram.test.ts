import { expect, test } from 'vitest';
import { scramMatches, scramProblem, scramVerifier } from '../../../src/support/scram.ts';

// Made by PostgreSQL 17: CREATE ROLE x PASSWORD 'admin-pw-lab'; SELECT rolpassword FROM pg_authid.
const MADE_BY_POSTGRESQL = 'SCRAM-SHA-256$4096:UaiOegX9CX8hJVYx9VKXwA==$UKNd6bXfkBZb/cSWNi2UVFOD2vNs8b3NkY9cGfBTOj8=:81Djn2d5B8/JQEpU+zYW2UL5OvWvXhzSoCKDeVUvc1s=';

test('a verifier is what PostgreSQL makes of the same salt', () => {
  const salt = Buffer.from(/^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(MADE_BY_POSTGRESQL)?.[1] ?? '', 'base64');
  expect(salt).toHaveLength(16);
  expect(scramVerifier('admin-pw-lab', salt)).toBe(MADE_BY_POSTGRESQL);
});

test('a password is told from another', () => {
  expect(scramMatches(MADE_BY_POSTGRESQL, 'admin-pw-lab')).toBe(true);
  expect(scramMatches(MADE_BY_POSTGRESQL, 'admin-pw-lac')).toBe(false);
  expect(scramMatches('md5abcdef', 'admin-pw-lab')).toBe(false);
  expect(scramMatches('', '')).toBe(false);
});

test('text that SASLprep would change is no password', () => {
  expect(scramProblem('Zz ~!')).toBeUndefined();
  expect(scramProblem('')).toBe('is empty');
  expect(scramProblem('pässword')).toBe('must be printable ASCII');
});
