/** What modules see by the way for the calendars of reports. */
import { afterAll, expect, test } from 'vitest';
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
