/** What modules see by the way for the calendars of reports. */
import { afterAll, expect, test } from 'vitest';
import type { HostView } from '../../../src/host/view.ts';
import { modules } from '../../../src/modules/registry.ts';
import { versionInName } from '../../../src/support/observation.ts';
import type { ValueMap } from '../../../src/support/value.ts';
import { testProject } from '../run/support.ts';

function seen(name: string, args: unknown, values: ValueMap): unknown {
  return modules.get(name)?.prepare(args).observes?.(values, undefined);
}

test('certificates: when each ends, and what is wrong with it', () => {
  const certificates = [
    { path: '/a.crt', state: 'valid', not_after: '2027-01-01T00:00:00.000Z' },
    { path: '/b.crt', state: 'expired', not_after: '2026-01-01T00:00:00.000Z' },
    { path: '/c.crt', state: 'absent' },
  ];
  expect(seen('x509_info', { path: '/a.crt' }, { certificates })).toEqual([
    { subject: 'certificate', name: '/a.crt', time: '2027-01-01T00:00:00.000Z' },
    { subject: 'certificate', name: '/b.crt', time: '2026-01-01T00:00:00.000Z', state: 'expired' },
    { subject: 'certificate', name: '/c.crt', state: 'absent' },
  ]);
  expect(seen('x509_certificate', { path: '/a.crt', privatekey_path: '/a.key', authority: '/ca.pem', common_name: 'a' }, { not_after: '2027-01-01T00:00:00.000Z' })).toEqual([{ subject: 'certificate', name: '/a.crt', time: '2027-01-01T00:00:00.000Z' }]);
  // A plan that failed has no values.
  expect(seen('x509_info', { path: '/a.crt' }, {})).toEqual([]);
});

test('backups: the newest of each type in each repository, and that there is no full one', () => {
  const prepared = modules.get('pgbackrest_backup')?.prepare({ stanza: 'care', repositories: [1], unit: 'x.service' });
  const backup = (type: string, stop: number): unknown => ({ label: 'l', type, databaseId: 1, stop });
  const repository = (key: number, backups: readonly unknown[]): unknown => ({ key, code: 0, message: 'ok', cluster: undefined, backups });
  const fact = { configured: true, cluster: undefined, error: undefined, repositories: [repository(1, [backup('full', 1_790_000_000), backup('full', 1_780_000_000), backup('incr', 1_795_000_000)]), repository(2, [])] };
  // Only the one question that the plan has asked.
  const host = { fact: () => fact } as unknown as HostView;
  expect(prepared?.observes?.({}, host)).toEqual([
    { subject: 'backup', name: 'care, repo1, full', time: '2026-09-21T14:13:20.000Z' },
    { subject: 'backup', name: 'care, repo1, incr', time: '2026-11-18T11:06:40.000Z' },
    { subject: 'backup', name: 'care, repo2, full', state: 'absent' },
  ]);
  expect(prepared?.observes?.({}, undefined)).toEqual([]);
});

test('versions: what a server says, and what a name carries', () => {
  expect(seen('postgresql_ping', {}, { is_available: true, server_version: { full: '17.6', major: 17, minor: 6, raw: '170006' } })).toEqual([{ subject: 'version', name: 'postgresql', version: '17.6' }]);
  expect(seen('postgresql_ping', {}, { is_available: false })).toEqual([]);
  expect(seen('package', { name: ['postgresql-18', 'chrony'] }, {})).toEqual([{ subject: 'version', name: 'postgresql', version: '18' }]);
  expect(seen('package', { name: ['postgresql-18'], state: 'absent' }, {})).toEqual([]);
  expect(versionInName('etcd 3.6.16')).toMatchObject({ name: 'etcd', version: '3.6.16' });
  expect(versionInName('Kubernetes v1.36.2')).toMatchObject({ name: 'kubernetes', version: '1.36.2' });
  for (const name of ['postgresql-18-cron', 'linux-6.12', 'etcd', 'constructor 1']) expect(versionInName(name)).toBeUndefined();
});

const project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - ping: {}\n- hosts: all\n  tasks:\n    - ping: {}\n' }, ['one', 'two']);
afterAll(() => {
  project.remove();
});

test('the system of each host is told once a run', async () => {
  const { events } = await project.run();
  const systems = events.filter((event) => event.type === 'observation');
  expect(systems.map((event) => [event.host, event.subject]).sort()).toEqual([['one', 'version'], ['two', 'version']]);
  expect(systems[0]?.version).toMatch(/^\d/);
});
