/** Decisions of postgresql_unlisted. */
import { expect, it } from 'vitest';
import { findings, type Role, type State, type UnlistedArgs } from '../../../../src/modules/postgresql_unlisted/decide.ts';

const role = (name: string, init: Partial<Role> = {}): Role => ({ name, login: true, superuser: false, powers: [], issuers: [], ...init });
const state = (roles: Role[], databases: string[] = []): State => ({ roles: [role('postgres', { superuser: true, powers: ['CREATEROLE'] }), ...roles], databases: ['postgres', ...databases] });
const args: UnlistedArgs = { roles: ['postgres', 'care_app', 'replicator'], databases: ['postgres', 'care'], superusers: ['postgres'], powers: 'revoke', logins: 'report', issuers: [] };

it('takes their powers from superusers that somebody made by hand, listed or not', () => {
  const found = findings(args, state([role('mallory', { superuser: true, powers: ['BYPASSRLS'] }), role('care_app', { superuser: true }), role('replicator', { powers: ['REPLICATION'] })]));
  expect(found.changes.map((c) => c.statement)).toEqual(['ALTER ROLE "mallory" NOSUPERUSER NOBYPASSRLS', 'ALTER ROLE "care_app" NOSUPERUSER']);
  expect([found.superusers, found.logins]).toEqual([[], ['mallory']]);
  expect(findings(args, found.changes.at(-1)?.after ?? state([])).changes).toEqual([]);
});

it('only reports where it was told so', () => {
  const found = findings({ ...args, powers: 'report' }, state([role('mallory', { superuser: true })], ['scratch']));
  expect([found.changes, found.superusers, found.logins, found.databases]).toEqual([[], ['mallory'], ['mallory'], ['scratch']]);
});

it('locks undeclared logins where asked, and never a listed one', () => {
  const found = findings({ ...args, logins: 'lock' }, state([role('mallory'), role('care_app'), role('group', { login: false })]));
  expect([found.changes.map((c) => c.statement), found.logins]).toEqual([['ALTER ROLE "mallory" NOLOGIN'], []]);
});

it('takes logins that were made by one who is to make them for declared, and no others; their powers all the same', () => {
  const giving: UnlistedArgs = { ...args, roles: [...args.roles, 'vault'], logins: 'lock', issuers: [{ name: 'vault', prefix: 'v-' }] };
  const made = [role('v-care-1', { issuers: ['vault'] }), role('v-care-2', { issuers: ['vault'], powers: ['CREATEROLE'] }), role('v-by-hand', { issuers: ['eve'] }), role('mallory', { issuers: ['vault'] })];
  const found = findings(giving, state([role('vault', { powers: ['CREATEROLE'] }), ...made]));
  expect(found.changes.map((c) => c.statement)).toEqual(['ALTER ROLE "v-care-2" NOCREATEROLE', 'ALTER ROLE "v-by-hand" NOLOGIN', 'ALTER ROLE "mallory" NOLOGIN']);
  expect(findings({ ...giving, logins: 'report' }, state(made)).logins).toEqual(['v-by-hand', 'mallory']);
});
