import { describe, expect, test } from 'vitest';
import { pgbouncerAuthModule } from '../../../../src/modules/pgbouncer_auth/index.ts';
import { pgbouncerAuth, type AuthFact } from '../../../../src/modules/pgbouncer_auth/query.ts';
import { PgbouncerAuthArgs } from '../../../../src/modules/pgbouncer_auth/schema.ts';
import { verifierFor, verifierMatches } from '../../../../src/services/postgres/scram.ts';
import { edits, SOURCE } from '../../../../src/modules/pgbouncer_auth/sql.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { goldenCases } from '../golden.ts';

goldenCases(pgbouncerAuthModule, import.meta.url);

const PASSWORD = 'correct-horse';
const args = PgbouncerAuthArgs.parse({ password: PASSWORD, data_dir: '/d', leader: true, logins: [{ name: 'care_verify', password: 'battery-staple', connection_limit: 20 }] });
const empty: AuthFact = { state: 'primary', trouble: '', salt: '00112233445566778899aabbccddeeff', roles: {}, databases: {} };
const made = edits(args, empty).at(-1)?.after ?? empty;

describe('verifiers', () => {
  test('that PostgreSQL 17 made for a password is one of it', () => {
    // SELECT rolpassword after ALTER ROLE … PASSWORD 'pencil' on PostgreSQL 17.
    const real = 'SCRAM-SHA-256$4096:nrkUH3YO3Z6G4OK3lnNsAg==$YUEdTwd64QyqcZGOz+ytSF8s5pB1ZtyLQ1fLbmufXG0=:Qyw/PDDHskRPZCH//u6rfSDolCQUGHVRHMlFu9f1ybU=';
    expect(verifierMatches(real, 'pencil')).toBe(true);
    expect(verifierMatches(real, 'pencils')).toBe(false);
  });

  test('ours are read back, and nothing else is taken for one', () => {
    const verifier = verifierFor(PASSWORD, Buffer.alloc(16, 7));
    expect(verifierMatches(verifier, PASSWORD)).toBe(true);
    expect(['', 'md5abc', 'SCRAM-SHA-256$4096:x'].map((v) => verifierMatches(v, PASSWORD))).toEqual([false, false, false]);
  });
});

describe('what is made', () => {
  test('of nothing: roles first, then the function; then nothing more', () => {
    expect(edits(args, empty).map((e) => `${e.resource}: ${e.what}`)).toEqual(['role pgbouncer: create', 'role care_verify: create', 'function pgbouncer.get_auth in postgres: create']);
    expect(edits(args, made)).toEqual([]);
  });

  test('roles can do nothing but log in', () => {
    const sql = edits(args, empty)[1]?.sql ?? '';
    expect(sql).toContain('CREATE ROLE care_verify LOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20');
    expect(sql).not.toContain('battery-staple');
    expect(sql).toContain('GRANT CONNECT ON DATABASE postgres TO care_verify;');
  });

  const drifted = (more: Partial<AuthFact['roles'][string]>): AuthFact => ({ ...made, roles: { ...made.roles, pgbouncer: { attributes: ['login'], limit: -1, validUntil: null, verifier: null, memberOf: [], connects: ['postgres'], ...made.roles['pgbouncer'], ...more } } });

  test.each([
    ['attributes', { attributes: ['login', 'superuser'] }, 'attributes login, superuser → login'],
    ['a password', { verifier: new Secret(verifierFor('another-one!', Buffer.alloc(16))) }, 'password'],
    ['an end', { validUntil: '2027-01-01' }, 'no end (was 2027-01-01)'],
    ['a membership', { memberOf: ['pg_read_all_data'] }, 'no member of pg_read_all_data'],
    ['a limit', { limit: 3 }, 'connection limit 3 → -1'],
    ['no right to connect', { connects: [] }, 'may connect to postgres'],
  ])('%s that somebody gave it is mended, and then all is well', (_, more, what) => {
    const found = edits(args, drifted(more));
    expect(found.map((e) => `${e.resource}: ${e.what}`)).toEqual([`role pgbouncer: ${what}`]);
    expect(edits(args, found[0]?.after ?? empty)).toEqual([]);
  });

  test('a password is only set when it is not the right one', () => {
    expect(edits(args, drifted({ limit: 3 }))[0]?.sql).not.toContain('PASSWORD');
    expect(edits(args, drifted({ verifier: null }))[0]?.sql).toContain("PASSWORD 'SCRAM-SHA-256$4096:ABEiM0RVZneImaq7zN3u/w==$");
  });

  test('a membership with a strange name is revoked by its quoted name', () => {
    expect(edits(args, drifted({ memberOf: ['a"b'] }))[0]?.sql).toContain('REVOKE "a""b" FROM pgbouncer;');
  });

  const routine = made.databases['postgres']?.routine ?? null;
  const withDatabase = (more: object): AuthFact => ({ ...made, databases: { postgres: { schemaOwner: 'postgres', schemaAcl: ['pgbouncer=USAGE'], routine, ...more } } });

  test.each([
    ['rights of others in the schema', { schemaAcl: ['PUBLIC=USAGE', 'pgbouncer=USAGE'] }, 'rights in the schema: PUBLIC=USAGE, pgbouncer=USAGE → pgbouncer=USAGE'],
    ['another owner of the schema', { schemaOwner: 'mallory' }, 'owner of the schema mallory → postgres'],
    ['rights of others to call it', { routine: { ...routine, acl: ['PUBLIC=EXECUTE', 'pgbouncer=EXECUTE'] } }, 'rights: PUBLIC=EXECUTE, pgbouncer=EXECUTE → pgbouncer=EXECUTE'],
    ['another text', { routine: { ...routine, source: 'SELECT 1' } }, 'definition'],
    ['no fixed path', { routine: { ...routine, config: [] } }, 'definition'],
    ['no function', { routine: null }, 'create'],
  ])('%s: found and mended', (_, more, what) => {
    const found = edits(args, withDatabase(more));
    expect(found.map((e) => `${e.resource}: ${e.what}`)).toEqual([`function pgbouncer.get_auth in postgres: ${what}`]);
    expect(edits(args, found[0]?.after ?? empty)).toEqual([]);
  });

  test('the function tells no superuser, nobody who could become one, and no password whose time is over', () => {
    expect(SOURCE).toMatch(/s\.rolsuper AND pg_catalog\.pg_has_role\(r\.oid, s\.oid, 'MEMBER'\)/);
    expect(SOURCE).toMatch(/rolvaliduntil > pg_catalog\.now\(\)/);
    expect(SOURCE).toMatch(/NOT r\.rolreplication/);
  });
});

test('verifiers are not shown, and the salt is no difference', () => {
  const query = pgbouncerAuth({ roles: ['pgbouncer'], schema: 'pgbouncer', function: 'get_auth', databases: ['postgres'], owner: 'postgres', socketDir: '/s', port: 1, dataDir: '/d' });
  expect(query.kind.show(made)).not.toContain('$4096:');
  expect(query.kind.same(made, { ...made, salt: 'other' })).toBe(true);
  expect(query.kind.same(made, { ...made, state: 'standby' })).toBe(false);
});
