/** Decisions of postgresql_policy. */
import { expect, it } from 'vitest';
import { markOf, NO_TABLE, policyChange, type Policy, type PolicyArgs, type State } from '../../../../src/modules/postgresql_policy/decide.ts';

const tenant: Policy = { name: 'tenant', command: 'ALL', permissive: true, roles: ['care_rw'], using: 'tenant = 1' };
const args = (...policies: Policy[]): PolicyArgs => ({ schema: 'public', table: 'patient', enabled: true, force: false, policies });
const bare: State = { exists: true, enabled: false, forced: false, policies: [] };

it('waits for the table', () => {
  expect(policyChange(args(tenant), NO_TABLE)).toBeUndefined();
});

it('guards a bare table, and has nothing to do afterwards', () => {
  const change = policyChange(args(tenant), bare);
  expect(change?.what).toBe('create policy tenant, enable row-level security');
  expect(change?.statements[2]).toBe('CREATE POLICY "tenant" ON "public"."patient" AS PERMISSIVE FOR ALL TO "care_rw" USING (tenant = 1)');
  expect(policyChange(args(tenant), change?.after ?? NO_TABLE)).toBeUndefined();
});

it('replaces a policy whose declaration or whose text has changed, and drops one that nobody declared', () => {
  const now: State = { ...bare, enabled: true, policies: [{ name: 'by hand', mark: '' }, { name: 'tenant', mark: markOf(tenant) }] };
  expect(policyChange(args(tenant), now)?.what).toBe('drop policy by hand');
  expect(policyChange(args({ ...tenant, using: 'tenant = 2' }), now)?.what).toBe('drop policy by hand, replace policy tenant');
  expect(policyChange(args(tenant), { ...now, policies: [{ name: 'tenant', mark: '' }] })?.what).toBe('replace policy tenant');
});

it('takes row-level security away with the last policy when it is declared so', () => {
  const change = policyChange({ ...args(), enabled: false }, { exists: true, enabled: true, forced: true, policies: [{ name: 'a"b', mark: '' }] });
  expect(change?.statements.slice(1)).toEqual(['DROP POLICY "a""b" ON "public"."patient"', 'ALTER TABLE "public"."patient" DISABLE ROW LEVEL SECURITY', 'ALTER TABLE "public"."patient" NO FORCE ROW LEVEL SECURITY']);
});
