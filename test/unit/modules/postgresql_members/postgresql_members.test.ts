/** Decisions of postgresql_members. */
import { describe, expect, it } from 'vitest';
import { membershipChanges, type MembersArgs, type Membership, type State } from '../../../../src/modules/postgresql_members/decide.ts';

const has = (group: string, member: string, init: Partial<Membership> = {}): Membership => ({ group, member, grantor: '', admin: false, inherit: true, set: true, ...init });
const state = (memberships: Membership[], version = 170000): State => ({ version, memberships });
const declared: MembersArgs = { groups: ['care_ro', 'care_rw'], roles: ['care_app'], members: [{ group: 'care_rw', member: 'care_app', admin: false }], issuers: [] };
const statements = (now: State): readonly string[] => membershipChanges(declared, now).flatMap((c) => c.statements);

it('grants what is missing, and has nothing to do afterwards', () => {
  const [change, ...others] = membershipChanges(declared, state([]));
  expect([change?.statements, others]).toEqual([['GRANT "care_rw" TO "care_app" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE'], []]);
  expect(membershipChanges(declared, change?.after ?? state([]))).toEqual([]);
});

it('revokes an undeclared member of a declared group, and an undeclared group of a declared role', () => {
  const now = state([has('care_ro', 'mallory'), has('care_rw', 'care_app'), has('pg_read_all_data', 'care_app'), has('pg_monitor', 'somebody')]);
  expect(statements(now)).toEqual(['REVOKE "care_ro" FROM "mallory" CASCADE', 'REVOKE "pg_read_all_data" FROM "care_app" CASCADE']);
});

it('leaves nobody the right to pass a membership on', () => {
  expect(statements(state([has('care_rw', 'care_app', { admin: true })]))).toEqual(['REVOKE "care_rw" FROM "care_app" CASCADE', 'GRANT "care_rw" TO "care_app" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE']);
});

it('takes back what each grantor gave; before PostgreSQL 16 there is one gift only', () => {
  const now = [has('care_rw', 'care_app'), has('care_rw', 'mallory', { grantor: 'eve' })];
  expect(statements(state(now))).toEqual(['REVOKE "care_rw" FROM "mallory" GRANTED BY "eve" CASCADE']);
  expect(statements(state(now, 150000))).toEqual(['REVOKE "care_rw" FROM "mallory" CASCADE']);
  expect(statements(state([], 150000))).toEqual(['GRANT "care_rw" TO "care_app"']);
});

it('gives a membership that does not inherit anew', () => {
  expect(membershipChanges(declared, state([has('care_rw', 'care_app', { inherit: false })])).map((c) => c.what)).toEqual(['grant anew, plainly (was: does not inherit)']);
});

describe('a role that gives logins', () => {
  const giving: MembersArgs = { groups: ['care_ro', 'care_rw'], roles: ['vault'], members: [{ group: 'care_ro', member: 'vault', admin: true }], issuers: [{ name: 'vault', prefix: 'v-' }] };
  const passesOn = has('care_ro', 'vault', { admin: true, inherit: false, set: false });
  const given = has('care_ro', 'v-care-1', { grantor: 'vault' });
  const made = has('v-care-1', 'vault', { admin: true, inherit: false, set: false });
  const taken = (...memberships: Membership[]): readonly string[] => membershipChanges(giving, state(memberships)).flatMap((c) => c.statements);

  it('passes memberships on, and has nothing of them itself', () => {
    const [change, ...others] = membershipChanges(giving, state([]));
    expect([change?.statements, others]).toEqual([['GRANT "care_ro" TO "vault" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'], []]);
    expect(membershipChanges(giving, change?.after ?? state([]))).toEqual([]);
    expect(membershipChanges(giving, state([has('care_ro', 'vault')])).map((c) => c.what)).toEqual(['grant anew, to pass it on alone (was: plain)']);
  });

  it('keeps what it has made, and its logins keep what it gave them', () => {
    expect(taken(passesOn, given, made)).toEqual([]);
  });

  it.each<[string, Membership, string]>([
    ['what it may not pass on', has('care_rw', 'v-care-1', { grantor: 'vault' }), 'REVOKE "care_rw" FROM "v-care-1" GRANTED BY "vault" CASCADE'],
    ['what it gave to somebody else', has('care_ro', 'mallory', { grantor: 'vault' }), 'REVOKE "care_ro" FROM "mallory" GRANTED BY "vault" CASCADE'],
    ['what it gave to be passed on', has('care_ro', 'v-care-1', { grantor: 'vault', admin: true }), 'REVOKE "care_ro" FROM "v-care-1" GRANTED BY "vault" CASCADE'],
    ['what another gave to one of its logins', has('care_ro', 'v-care-1', { grantor: 'eve' }), 'REVOKE "care_ro" FROM "v-care-1" GRANTED BY "eve" CASCADE'],
    ['another role that it was made the administrator of', has('replicator', 'vault', { admin: true, inherit: false, set: false }), 'REVOKE "replicator" FROM "vault" CASCADE'],
    ['a login that it may act as', has('v-care-1', 'vault', { admin: true }), 'REVOKE "v-care-1" FROM "vault" CASCADE'],
  ])('%s is revoked', (_what, membership, statement) => {
    expect(taken(passesOn, membership)).toEqual([statement]);
  });
});
