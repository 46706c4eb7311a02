import { expect, test } from 'vitest';
import { RoleDeclaration, roleSteps, type RoleState } from '../../../../src/modules/patroni_roles/declaration.ts';
import { patroniRoles } from '../../../../src/modules/patroni_roles/index.ts';
import { verifierFor } from '../../../../src/services/postgres/scram.ts';
import { goldenCases } from '../golden.ts';

goldenCases(patroniRoles, import.meta.url);

const SALT = Buffer.alloc(16, 7);
const state: RoleState = { name: 'x', superuser: false, replication: false, login: true, createRole: false, createDb: false, bypassRls: false, verifier: undefined, memberOf: [], execute: [] };
const sql = (more: Record<string, unknown>, now: RoleState | undefined): readonly string[] => roleSteps(RoleDeclaration.parse({ name: 'x', ...more }), now).map((s) => s.statement(() => SALT));

test('a role that is as declared is left', () => {
  expect(sql({}, state)).toEqual([]);
  expect(sql({ password: 'right' }, { ...state, verifier: verifierFor('right', SALT) })).toEqual([]);
});

test('a role is made, with its memberships and functions', () => {
  expect(sql({ login: false, member_of: ['pg_monitor'], execute: ['pg_catalog.pg_ls_dir(text)'] }, undefined)).toEqual([
    'CREATE ROLE "x" NOSUPERUSER NOREPLICATION NOLOGIN NOCREATEROLE NOCREATEDB NOBYPASSRLS',
    'GRANT "pg_monitor" TO "x"',
    'GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO "x"',
  ]);
});

test('a password is changed when the verifier is of another, and taken away when none is declared', () => {
  const wrong = { ...state, verifier: verifierFor('wrong', Buffer.alloc(16, 1)) };
  expect(sql({ password: 'right' }, wrong)).toEqual([`ALTER ROLE "x" PASSWORD '${verifierFor('right', SALT)}'`]);
  expect(sql({}, wrong)).toEqual(['ALTER ROLE "x" PASSWORD NULL']);
});

test.each(['X', 'a"b', 'x;y', ''])('the name %j is refused', (name) => {
  expect(RoleDeclaration.safeParse({ name }).success).toBe(false);
});
