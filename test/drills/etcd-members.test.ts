/** Three etcd members on fresh hosts by the site playbook: made, checked, stopped, reconfigured, taken out, put back, wiped. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const MEMBERS = ['e1', 'e2', 'e3'] as const;
const repository = path.join(import.meta.dirname, '..', '..');
const SITE = ['site.yml'].map((name) => path.join(repository, 'playbooks', name));
const ETCD = [path.join(repository, 'playbooks', 'etcd.yml')];

let lab: Lab;
let project: LabProject;

function writeInventory(members: readonly string[]): void {
  const hosts = Object.fromEntries(MEMBERS.map((name) => [name, { ...hostVariables(lab, name), etcd_address: String(hostVariables(lab, name)['ansible_host']) }]));
  const vars = { time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }], etcd_step_timeout: 60 };
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: { hosts: Object.fromEntries(members.map((m) => [m, null])) } } } }));
}

beforeAll(async () => {
  lab = await labUp({ ...ownLab('etcd'), hosts: [{ name: 'e1', site: 'kochi', release: 'trixie' }, { name: 'e2', site: 'kochi', release: 'trixie' }, { name: 'e3', site: 'delhi', release: 'trixie' }] });
  project = labProject({});
  writeInventory(MEMBERS);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('etcd'));
});

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.role}|${e.task}|${e.resource}`] : [])))].sort();

/** Check, then apply: what is predicted is what is made, nothing is unknown, and a second apply changes nothing. */
async function converge(playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<readonly string[]> {
  const predicted = await run(playbooks, { ...options, mode: 'check' });
  expect([predicted.summary?.total.unknown, predicted.summary?.total.failed]).toEqual([0, 0]);
  const made = await run(playbooks, options);
  expect([...MEMBERS.map((name) => troubleOf(made, name)), made.status]).toEqual(['', '', '', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(playbooks, options);
  expect([again.status, changes(again)]).toEqual([0, []]);
  return changes(made);
}

const memberNames = async (): Promise<readonly string[]> => (await onHost(lab, 'e1', 'care-etcdctl member list')).split('\n').filter((line) => line.endsWith(', false')).map((line) => line.split(', ')[2] ?? '').sort();
const startedAt = (): Promise<readonly string[]> => Promise.all(MEMBERS.map((name) => onHost(lab, name, 'systemctl show -p MainPID --value care-etcd')));

it('makes three voting members of fresh hosts, as predicted, and changes nothing the second time', async () => {
  const before = await Promise.all(MEMBERS.map((name) => onHost(lab, name, 'ls /etc/etcd /etc/care-provision 2>/dev/null; true')));
  expect(before).toEqual(['', '', '']);
  const made = await converge(SITE);
  expect(made.filter((c) => c.endsWith('etcd member e1'))).toHaveLength(1);
  expect(await memberNames()).toEqual(['e1', 'e2', 'e3']);
});

it('is verified as its clients use it', async () => {
  await onHost(lab, 'e1', 'systemctl start care-etcd-snapshot.service');
  const verified = await run(ETCD, { mode: 'verify' });
  expect([...MEMBERS.map((name) => troubleOf(verified, name)), verified.status]).toEqual(['', '', '', 0]);
  // The checks can fail: a snapshot that was changed afterwards is found.
  await onHost(lab, 'e1', 'echo x >>"$(ls /var/lib/etcd-snapshots/*.db | tail -n 1)"');
  expect((await run(ETCD, { mode: 'verify' })).status).toBe(3);
  await onHost(lab, 'e1', 'rm /var/lib/etcd-snapshots/*');
});

it('starts a stopped member, and all after a power cut', async () => {
  await onHost(lab, 'e2', 'systemctl stop care-etcd');
  expect(await converge(ETCD)).toEqual(['e2|etcd|the host is a member|etcd member e2']);
  for (const name of MEMBERS) await onHost(lab, name, 'systemctl stop care-etcd');
  expect(await converge(ETCD)).toHaveLength(3);
  expect(await memberNames()).toEqual(['e1', 'e2', 'e3']);
});

it('restarts one member at a time for a changed option; clients hardly notice', async () => {
  const before = await startedAt();
  const loop = onHost(lab, 'e1', `end=$(( $(date +%s) + 45 )); last=$(date +%s%3N); gap=0
while [ "$(date +%s)" -lt $end ]; do
  if care-etcdctl --command-timeout=3s put /drill x >/dev/null 2>&1; then now=$(date +%s%3N); d=$((now - last)); [ $d -le $gap ] || gap=$d; last=$now; fi
  sleep 0.1
done; echo $gap`);
  const options = { extraVars: { etcd_heartbeat_ms: 150 } };
  const made = await converge(ETCD, options);
  expect(made.filter((c) => c.includes('|restart etcd|'))).toHaveLength(3);
  const after = await startedAt();
  expect(after.every((pid, i) => pid !== before[i])).toBe(true);
  // One election's time, and one try of the client's: a busy machine may need both.
  expect(Number(await loop), 'milliseconds without a write').toBeLessThan(8_000);
});

it('stops at the first member that a bad configuration breaks, and mends it', async () => {
  const bad = await run(ETCD, { extraVars: { etcd_listen_address: '192.0.2.1', etcd_step_timeout: 15 } });
  expect(bad.status).toBe(3);
  const health = await onHost(lab, 'e1', 'care-etcdctl endpoint health 2>&1 | grep -c "is healthy"');
  expect(Number(health)).toBeGreaterThanOrEqual(2);
  const mended = await run(ETCD);
  expect([...MEMBERS.map((name) => troubleOf(mended, name)), mended.status]).toEqual(['', '', '', 0]);
  expect(await memberNames()).toEqual(['e1', 'e2', 'e3']);
});

it('takes a member out that has left the group, stops it, and takes it in again', async () => {
  writeInventory(['e1', 'e2']);
  await converge(ETCD);
  expect(await memberNames()).toEqual(['e1', 'e2']);
  expect(await onHost(lab, 'e3', 'systemctl is-active care-etcd || true')).not.toBe('active');
  writeInventory(MEMBERS);
  await converge(ETCD);
  expect(await memberNames()).toEqual(['e1', 'e2', 'e3']);
  expect(await onHost(lab, 'e3', 'ls -d /var/lib/etcd/care/former-*')).toMatch(/former-/);
});

it('refuses a wiped host until it is said that this was meant', async () => {
  await onHost(lab, 'e3', 'systemctl stop care-etcd; rm -rf /var/lib/etcd/care/member');
  const refused = await run(ETCD);
  expect([refused.status, troubleOf(refused, 'e3')]).toEqual([3, expect.stringContaining('etcd_replace=e3')]);
  const replaced = await run(ETCD, { extraVars: { etcd_replace: 'e3' } });
  expect([troubleOf(replaced, 'e3'), replaced.status]).toEqual(['', 0]);
  expect(await memberNames()).toEqual(['e1', 'e2', 'e3']);
});

it('makes no second cluster when the first is down and a host is empty', async () => {
  await onHost(lab, 'e1', 'systemctl stop care-etcd');
  await onHost(lab, 'e2', 'systemctl stop care-etcd');
  await onHost(lab, 'e3', 'systemctl stop care-etcd; rm -rf /var/lib/etcd/care/member');
  const alone = await run(ETCD, { limit: 'e3' });
  expect([alone.status, troubleOf(alone, 'e3')]).toEqual([3, expect.stringContaining('there may be a cluster')]);
});
