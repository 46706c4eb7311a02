/**
 * The drills themselves, as the program runs them, on a cluster of three fresh hosts: a switchover and the loss of the leader's
 * host; and that what must be refused is. Times are those of the targets, which leave room for a slow machine.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { drilled, type Drilled } from './support/drilled.ts';

const MEMBERS = ['d1', 'd2', 'd3'] as const;
const PLAYBOOKS = ['pki', 'etcd', 'postgres', 'postgres-proxy'].map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', `${name}.yml`));

let lab: Lab;
let project: LabProject;
const drill = (name: string, ...more: readonly string[]): Promise<Drilled> => drilled(project, name, ...more);

function writeInventory(file: string, drills: string): void {
  const hosts = Object.fromEntries(MEMBERS.map((name) => {
    const variables = hostVariables(lab, name);
    const address = String(variables['ansible_host']);
    return [name, { ...variables, lab_address: address, postgres_address: address, etcd_address: address, pki_host_address: address }];
  }));
  const vars = {
    drills, base_firewall: false, postgres_client_networks: ['172.16.0.0/12', '10.0.0.0/8'], postgres_shared_buffers_mb: 64,
    postgres_admin_password: '{{ secret "admin-password-of-the-lab" }}', postgres_rest_password: '{{ secret "rest-password-of-the-lab" }}', pgbouncer_auth_password: '{{ secret "auth-password-of-the-lab" }}', pgbouncer_verify_password: '{{ secret "verify-password-of-the-lab" }}',
  };
  const group = { hosts: Object.fromEntries(MEMBERS.map((name) => [name, null])) };
  project.write(file, JSON.stringify({ all: { vars, hosts, children: { etcd: group, postgres: group, postgres_proxy: group } } }));
}

beforeAll(async () => {
  lab = await labUp({ ...ownLab('drill'), hosts: MEMBERS.map((name) => ({ name, site: name === 'd3' ? 'delhi' : 'kochi', release: 'trixie' as const })) });
  project = labProject({});
  writeInventory('inventory.yml', 'allowed');
  writeInventory('unmarked.yml', 'no');
  const made = await project.run({ playbooks: PLAYBOOKS });
  expect([...MEMBERS.map((name) => troubleOf(made, name)), made.status]).toEqual(['', '', '', 0]);
}, 1_800_000);
afterAll(async () => {
  project.remove();
  await labDown(ownLab('drill'));
});

const drillDatabases = (): Promise<readonly string[]> => Promise.all(MEMBERS.map((name) => onHost(lab, name, "runuser -u postgres -- psql -XAtc \"SELECT datname FROM pg_database WHERE datname = 'care_drill' UNION ALL SELECT rolname FROM pg_roles WHERE rolname = 'care_drill'\"")));

it('hands over within five seconds, loses nothing, and leaves nothing behind', async () => {
  const report = path.join(project.dir, 'report.html');
  const { status, summary, events, stderr } = await drill('postgres-switchover', 'inventory.yml', '--report', report);
  expect([status, summary.misses, stderr]).toEqual([0, [], '']);
  expect(summary).toMatchObject({ drill: 'postgres-switchover', met: true, lost: 0, two_primaries: 0, target: { gap_ms: 5000, lost: 0 }, runs: 1, status: 0 });
  expect(summary.acknowledged).toBeGreaterThan(100);
  expect(summary.gap_ms).toBeGreaterThan(0);
  expect(events[0]?.what).toContain('through the write endpoint');
  expect(existsSync(report) && readFileSync(report, 'utf8')).toContain('postgres-switchover');
  expect(await drillDatabases()).toEqual(['', '', '']);
});

it('outlives the loss of the leader’s host within thirty seconds, loses nothing, and has the host back', async () => {
  const { status, summary, events } = await drill('postgres-leader-host-loss', 'inventory.yml');
  expect([status, summary.misses]).toEqual([0, []]);
  expect(summary).toMatchObject({ met: true, lost: 0, two_primaries: 0 });
  // It cannot be less than a lock that must first run out, unless nothing was broken.
  expect(summary.gap_ms).toBeGreaterThan(5000);
  expect(events.map((e) => e.kind)).toContain('leader');
  expect(await drillDatabases()).toEqual(['', '', '']);
  const db = await project.start(['db', 'status', 'inventory.yml', '--output', 'json']).ended;
  expect([db.status, JSON.parse(db.stdout)]).toEqual([0, expect.objectContaining({ healthy: true, problems: [] })]);
});

it('refuses hosts that are not marked before it touches them, and a cluster that is not healthy before it breaks more', async () => {
  const unmarked = await drill('postgres-leader-host-loss', 'unmarked.yml');
  expect([unmarked.status, unmarked.summary.met, unmarked.events]).toEqual([65, false, []]);
  expect(unmarked.stderr).toContain('drills are not allowed on d1, d2, d3');

  const before = await onHost(lab, 'd1', 'systemctl show -p MainPID --value care-patroni');
  const paused = await project.start(['db', 'pause', 'inventory.yml', '--yes']).ended;
  expect([paused.status, paused.stderr]).toEqual([0, expect.stringContaining('nobody takes over')]);
  const refused = await drill('postgres-leader-host-loss', 'inventory.yml');
  expect([refused.status, refused.summary.met, refused.events]).toEqual([3, false, []]);
  expect(refused.stderr).toContain('the cluster is paused');
  const status = await project.start(['db', 'status', 'inventory.yml']).ended;
  expect([status.status, status.stdout]).toEqual([3, expect.stringContaining('NOT HEALTHY')]);
  expect((await project.start(['db', 'resume', 'inventory.yml', '--yes']).ended).status).toBe(0);
  expect(await onHost(lab, 'd1', 'systemctl show -p MainPID --value care-patroni')).toBe(before);
});

it('operates the cluster with guards: no terminal, no yes; the leader is not made anew; a switchover is waited for', async () => {
  const unasked = await project.start(['db', 'switchover', 'inventory.yml']).ended;
  expect([unasked.status, unasked.stderr]).toEqual([64, expect.stringContaining('--yes')]);
  const seen = async (): Promise<{ readonly leader: string }> => JSON.parse((await project.start(['db', 'status', 'inventory.yml', '--output', 'json']).ended).stdout) as { leader: string };
  const { leader } = await seen();
  const refused = await project.start(['db', 'reinit', 'inventory.yml', leader, '--yes']).ended;
  expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining(`${leader} takes writes`)]);
  const forced = await project.start(['db', 'failover', 'inventory.yml', '--candidate', MEMBERS.find((m) => m !== leader) ?? '', '--yes']).ended;
  expect([forced.status, forced.stderr]).toEqual([3, expect.stringContaining('--force care')]);
  const candidate = MEMBERS.find((m) => m !== leader) ?? '';
  const switched = await project.start(['db', 'switchover', 'inventory.yml', '--candidate', candidate, '--yes', '--output', 'json']).ended;
  expect([switched.status, JSON.parse(switched.stdout)]).toEqual([0, expect.objectContaining({ after: expect.objectContaining({ leader: candidate }) as unknown })]);
  expect((await seen()).leader).toBe(candidate);
  const made = await project.start(['db', 'reinit', 'inventory.yml', leader, '--yes']).ended;
  expect([made.status, made.stdout]).toEqual([0, expect.stringContaining('done in')]);
});
