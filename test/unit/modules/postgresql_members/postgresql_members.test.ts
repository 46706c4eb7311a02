/** Decisions of postgresql_members. */
import { expect, it } from 'vitest';
import { membershipChanges, type Membership, type State } from '../../../../src/modules/postgresql_members/decide.ts';

const has = (group: string, member: string, init: Partial<Membership> = {}): Membership => ({ group, member, grantor: '', admin: false, inherit: true, set: true, ...init });
const state = (memberships: Membership[], version = 170000): State => ({ version, memberships });
const declared = { groups: ['care_ro', 'care_rw'], roles: ['care_app'], members: [{ group: 'care_rw', member: 'care_app' }] };
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
