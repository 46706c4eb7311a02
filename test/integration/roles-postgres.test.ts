/** Role postgres with one member, on Debian 13 and on Debian 12: predicted, applied, applied again, verified. The drills have more members. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import type { Result } from '../unit/run/support.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';

const NEW = 'test-trixie';
const OLD = 'test-bookworm';
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
let lab: Lab;
let project: LabProject;

/** etcd on the new host; a cluster of the given host alone. */
function writeInventory(member: string): void {
  const address = (host: string): string => String(hostVariables(lab, host)['ansible_host']);
  const hosts = Object.fromEntries([NEW, OLD].map((host) => [host, { ...hostVariables(lab, host), etcd_address: address(host), postgres_address: address(host), pki_host_address: address(host) }]));
  const group = (host: string): unknown => ({ hosts: { [host]: null } });
  const vars = {
    etcd_firewall: false, postgres_firewall: false, postgres_allow_small: true, postgres_cluster_name: member === NEW ? 'new' : 'old', postgres_synchronous_mode: 'off', postgres_shared_buffers_mb: 32, postgres_step_timeout: 90,
    postgres_admin_password: '{{ secret "a-password-of-the-test" }}', postgres_rest_password: '{{ secret "another-one-of-the-test" }}',
  };
  project.write('inventory.yml', JSON.stringify({ all: { hosts, vars, children: { etcd: group(NEW), postgres: group(member) } } }));
}

const CLEAN = `systemctl disable --now care-patroni.service care-etcd.service care-etcd-snapshot.timer care-etcd-defrag.timer
systemctl unmask patroni.service etcd.service
export DEBIAN_FRONTEND=noninteractive
apt-get -y -q purge patroni 'postgresql*' etcd-server etcd-client
rm -rf /etc/postgresql* /etc/patroni /var/lib/postgresql /etc/etcd /var/lib/etcd* /etc/systemd/system/care-patroni* /etc/systemd/system/care-etcd* /etc/care-provision/pki /usr/local/share/ca-certificates/care-site-* /usr/local/sbin/care-patronictl
update-ca-certificates
systemctl daemon-reload
true`;

beforeAll(async () => {
  lab = await sharedLab();
  project = labProject({});
  writeInventory(NEW);
});
afterAll(async () => {
  project.remove();
  await Promise.all([NEW, OLD].map((host) => onHost(lab, host, CLEAN)));
});

const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.role}|${e.task}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => [NEW, OLD].map((host) => troubleOf(result, host)).join('');

async function wholeLife(playbooks: readonly string[], member: string): Promise<void> {
  const predicted = await project.run({ playbooks, mode: 'check' });
  expect([troubles(predicted), predicted.status, predicted.summary?.total.unknown]).toEqual(['', 2, 0]);
  const made = await project.run({ playbooks });
  expect([troubles(made), made.status]).toEqual(['', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await project.run({ playbooks });
  expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
  const verified = await project.run({ playbooks: [book('postgres.yml')], mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual(['', 0]);
  await onHost(lab, member, `su postgres -c 'psql -XAtqc "CREATE ROLE mallory SUPERUSER"'`);
  expect((await project.run({ playbooks: [book('postgres.yml')], mode: 'verify' })).status).toBe(3);
}

it('on Debian 13: check predicts what apply makes of a fresh host; a second apply changes nothing; verify passes, and can fail', async () => {
  await wholeLife([book('pki.yml'), book('etcd.yml'), book('postgres.yml')], NEW);
});

it('on Debian 12 the same, with PostgreSQL 15 and Patroni 3.0', async () => {
  // The other host would be asked to leave; it stays what it is.
  writeInventory(OLD);
  await onHost(lab, NEW, 'systemctl disable --now care-patroni; rm /etc/systemd/system/care-patroni.service; systemctl daemon-reload');
  await wholeLife([book('postgres.yml')], OLD);
  expect(await onHost(lab, OLD, `su postgres -c 'psql -XAtqc "SHOW server_version_num"'`)).toMatch(/^15/);
});
