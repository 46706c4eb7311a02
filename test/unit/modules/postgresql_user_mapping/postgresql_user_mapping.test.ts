/** Plans of postgresql_user_mapping. */
import { expect, it } from 'vitest';
import { fingerprint } from '../../../../src/services/postgres/login.ts';
import { postgresqlUserMapping } from '../../../../src/modules/postgresql_user_mapping/index.ts';
import { fakeHost, type FakeHost } from '../fake-host.ts';

const args = { db: 'care', server: 's0', user: 'care_shard', password: "it's secret", login_password: 'x' };
const up = { 'postgres-server': { 'care_admin@/var/run/postgresql:5432/care': { ok: true, value: { version: 170006, standby: false, user: 'care_admin', superuser: true, patroni: true } } } };
const withMapping = (value: unknown): FakeHost => ({ facts: { ...up, 'postgres-user-mapping': { [`/var/run/postgresql:5432/care ${JSON.stringify(['s0', 'PUBLIC', 'care_shard', fingerprint("it's secret")])}`]: { ok: true, value } } } });
const plan = (host: FakeHost): unknown => postgresqlUserMapping.prepare(args).plan(fakeHost(host));

it('makes the mapping and shows no password', () => {
  const made = plan(withMapping({ server: true, mapping: 'absent' }));
  expect(made).toMatchObject({ type: 'changes', changes: [{ resource: 'login of PUBLIC at server s0 of care', what: 'as care_shard' }] });
  expect(JSON.stringify(made)).not.toContain('secret');
  expect(JSON.stringify(made)).toContain("password '********'");
});

it('makes one anew that differs, and leaves one that is as wished', () => {
  expect(plan(withMapping({ server: true, mapping: 'differs' }))).toMatchObject({ type: 'changes', changes: [{ what: 'as care_shard, made anew' }] });
  expect(plan(withMapping({ server: true, mapping: 'matches' }))).toEqual({ type: 'ok' });
});

it('misses the server outside check mode only', () => {
  expect(plan(withMapping({ server: false, mapping: 'absent' }))).toMatchObject({ type: 'failed', msg: 'database care has no foreign server s0' });
  expect(plan({ ...withMapping({ server: false, mapping: 'absent' }), check: true })).toMatchObject({ type: 'changes' });
});
