/**
 * Three machines in two sites, 80 ms and 0.1 % loss between them, made by the platform's playbooks: WireGuard between the sites, etcd on encrypted
 * disks. For ten minutes etcd's leader has to stay while all else is tried: what is on the wire and on the disk, and a member that loses its
 * power, that hangs, and that is rebooted by role reboot.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import path from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labExec, labHost, labPower, labUp, type HostSpec, type Lab } from '../../src/lab/index.ts';
import { runProgram } from '../../src/lab/process.ts';
import { guestPaths } from '../../src/lab/vm/names.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { unknownTasks } from '../integration/support/laws.ts';
import { bootId, vmVariables } from '../integration/support/vm-lab.ts';
import type { Result } from '../unit/run/support.ts';
import { watchWire, wireBetween } from './support/wire.ts';

const HOSTS: readonly HostSpec[] = ['vm-a1', 'vm-a2', 'vm-b1'].map((name) => ({ name, site: name.startsWith('vm-a') ? 'kochi' : 'delhi', release: 'trixie', memoryMiB: 1024, disksGiB: [1] }));
const own = { ...ownLab('sites'), driver: 'vm' as const, hosts: HOSTS, wan: { rttMs: 80, lossPercent: 0.1 } };
const names = HOSTS.map((host) => host.name);
const playbook = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
/** Those of the site playbook that have hosts here, in its order. */
const SITE = ['base.yml', 'pki.yml', 'site-mesh.yml', 'disk-encryption.yml', 'etcd.yml'].map(playbook);
/** How long the leader has to stay, in milliseconds. */
const STEADY_MS = 600_000;
const LONG_MS = 900_000;
/** A host in software emulation, beside another one. */
const BOOT_MS = 600_000;

let lab: Lab;
let project: LabProject;
/** Since when a leader has been known, and who. */
let steady: { readonly since: number; readonly raft: Awaited<ReturnType<typeof raft>> };

beforeAll(async () => {
  lab = await labUp(own);
  const recipient = await identityToRecipient(await generateX25519Identity());
  const secret = (): string => `{{ secret "${randomBytes(24).toString('base64url')}" }}`;
  const vars = {
    // Longer than an emulated processor waits for its turn on a busy machine.
    base_watchdog_seconds: 60,
    // One host gives the time to the others, since a lab has no servers of the world.
    time_servers: [labHost(lab, 'vm-a1').address],
    base_kernel_modules: [{ name: 'i6300esb', required: true }], base_watchdog: 'hardware', base_swap: 'off',
    base_unattended_upgrades: false,
    site_mesh_secret: secret(),
    disk_encryption_volumes: [{ name: 'etcd', device: '/dev/disk/by-id/virtio-disk1', mount: '/var/lib/etcd', unlock: 'credential', required_by: ['care-etcd.service'] }],
    disk_encryption_key: secret(), disk_encryption_header_recipients: [recipient], disk_encryption_device_timeout: 300,
    // The heartbeat is the round trip. An election is called after ten of them at the least; here emulated processors pause for seconds on a busy machine.
    etcd_heartbeat_ms: 100, etcd_election_ms: 5000, etcd_step_timeout: 300,
    reboot_windows: [{ from: '00:00', to: '23:59' }],
  };
  const hosts = Object.fromEntries(HOSTS.map(({ name, site }) => [name, { ...vmVariables(lab, name), site, ...(name === 'vm-a1' ? { time_servers: [], time_serve_to: ['172.16.0.0/12', '10.0.0.0/8'] } : {}) }]));
  const all = Object.fromEntries(names.map((name) => [name, null]));
  project = labProject({ 'inventory.yml': JSON.stringify({ all: { vars, hosts, children: { site_mesh: { hosts: all }, disk_encryption: { hosts: all }, etcd: { hosts: all } } } }) });
});
afterAll(async () => {
  await labDown(own);
  project.remove();
});

const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: SITE, ...options });
const outcome = (result: Result): readonly unknown[] => [...names.map((name) => troubleOf(result, name)).filter((trouble) => trouble !== ''), result.status];

/** Who leads in which term, as all members have it. An election, even one that the same member wins, counts the term up (raft, section 5.1). */
async function raft(): Promise<readonly { readonly name: string; readonly leads: boolean; readonly term: string }[]> {
  // endpoint, id, version, size, leader, learner, term, …
  const rows = (await onHost(lab, 'vm-a1', 'care-etcdctl endpoint status')).split('\n').map((line) => line.split(', '));
  return names.map((name) => {
    const row = rows.find((cells) => cells[0] === `https://${labHost(lab, name).address}:2379`);
    return { name, leads: row?.[4] === 'true', term: row?.[6] ?? 'none' };
  });
}
/** A member that does not lead; at the other site where that can be, so that its way back is through the tunnel. */
async function follower(): Promise<string> {
  return (await raft()).findLast((member) => !member.leads)?.name ?? '';
}
/** SSH answers long before an emulated host has opened its disks. */
async function booted(victim: string): Promise<void> {
  await labExec(lab, victim, ['systemctl', 'is-system-running', '--wait'], { timeoutMs: BOOT_MS });
}
/** Everything is as the playbook wants it once the host has booted to the end, and nobody had to do anything for that. */
async function converged(victim: string): Promise<void> {
  await booted(victim);
  const checked = await run({ mode: 'check' });
  expect([...outcome(checked), checked.changes, unknownTasks(checked)]).toEqual([0, [], []]);
}

it('converges by the playbooks, and a second apply changes nothing', async () => {
  expect(outcome(await run())).toEqual([0]);
  steady = { since: Date.now(), raft: await raft() };
  expect([steady.raft.filter((member) => member.leads).length, new Set(steady.raft.map((member) => member.term)).size]).toEqual([1, 1]);
  const again = await run();
  expect([...outcome(again), again.changes]).toEqual([0, []]);
  expect((await onHost(lab, 'vm-b1', 'care-etcdctl member list')).split('\n').filter((line) => line.includes(', started, ') && line.endsWith(', false'))).toHaveLength(3);
  const far = await labExec(lab, 'vm-a1', ['ping', '-q', '-c', '10', '-i', '0.2', labHost(lab, 'vm-b1').address], { timeoutMs: 60_000 });
  expect(Number(/= ([\d.]+)\//.exec(far.stdout)?.[1])).toBeGreaterThan(80);
}, 2 * LONG_MS);

it('is verified by what each role tries', async () => {
  expect(outcome(await run({ mode: 'verify' }))).toEqual([0]);
}, LONG_MS);

const inTheClear = (wire: readonly string[]): readonly string[] => wire.filter((line) => !/^IP \d+\.\d+\.\d+\.\d+\.51820 > \d+\.\d+\.\d+\.\d+\.51820: UDP, length \d+$/.test(line));

it('has nothing of IP between the sites but WireGuard', async () => {
  const [a1, b1] = [labHost(lab, 'vm-a1').address, labHost(lab, 'vm-b1').address];
  const talk = onHost(lab, 'vm-b1', `for n in 1 2 3 4 5 6; do care-etcdctl --endpoints=https://${a1}:2379 put /care-test/$n ${'x'.repeat(500)} >/dev/null; done; ping -q -c 5 -i 0.2 ${a1} >/dev/null`);
  const [wire] = await Promise.all([wireBetween(lab, 'vm-b1', 'vm-a1', 20), talk]);
  expect(inTheClear(wire)).toEqual([]);
  expect(wire.length).toBeGreaterThan(50);
  // What passes the tunnel by is seen: packets with the mark that only WireGuard's own have.
  const [beside] = await Promise.all([wireBetween(lab, 'vm-b1', 'vm-a1', 10), sleep(3000).then(async () => labExec(lab, 'vm-b1', ['ping', '-q', '-c', '3', '-W', '1', '-m', String(0xca6e), a1]))]);
  expect(beside.filter((line) => line.startsWith(`IP ${b1} > ${a1}: ICMP echo request`)).length).toBeGreaterThan(0);
});

it('has nothing on the raw disk of what is written to the encrypted one', async () => {
  const canary = (): string => `care-canary-${randomBytes(16).toString('hex')}`;
  const [hidden, value, plain] = [canary(), canary(), canary()];
  await onHost(lab, 'vm-b1', `echo ${hidden} >/var/lib/etcd/care-canary; care-etcdctl put /care-test/canary ${value} >/dev/null; echo ${plain} >/root/care-canary; sync`);
  const paths = guestPaths(lab.paths, lab.state.name, 'vm-b1');
  const found = async (text: string, file: string): Promise<boolean> => (await runProgram('grep', ['-q', '-a', '-F', '-e', text, file], { timeoutMs: 120_000 })).status === 0;
  expect([await found(hidden, paths.disk(0)), await found(value, paths.disk(0))]).toEqual([false, false]);
  // The same search finds what lies in the clear.
  expect(await found(plain, paths.root)).toBe(true);
  // And the value is on the encrypted disk, as its host sees it.
  expect(await onHost(lab, 'vm-b1', `grep -rlaF -e ${value} /var/lib/etcd/care/member | wc -l`)).not.toBe('0');
  await onHost(lab, 'vm-b1', 'rm /var/lib/etcd/care-canary /root/care-canary');
});

it('keeps to the tunnel when networkd is restarted, which takes away what it does not know by default', async () => {
  const ways = (): Promise<string> => onHost(lab, 'vm-b1', 'ip rule show; ip route show table 51822');
  const before = await ways();
  expect(before).toContain('lookup 51822');
  await onHost(lab, 'vm-b1', 'systemctl restart systemd-networkd');
  expect(await ways()).toBe(before);
});

it('comes back converged when a member loses its power, and says nothing in the clear on the way', async () => {
  const victim = await follower();
  const before = await bootId(lab, victim);
  await (await labPower(victim, labHost(lab, victim).address)).cut();
  expect((await labExec(lab, names.find((name) => name !== victim) ?? '', ['care-etcdctl', '--command-timeout=20s', 'put', '/care-test/without', victim])).status).toBe(0);
  const watching = watchWire(lab, 'vm-b1', 'vm-a1');
  lab = await labUp(own);
  expect(await bootId(lab, victim)).not.toBe(before);
  // etcd talks at the end of the boot.
  await booted(victim);
  const wire = await watching.stop();
  expect(inTheClear(wire)).toEqual([]);
  expect(wire.length).toBeGreaterThan(0);
  await converged(victim);
}, LONG_MS);

it('is reset by the watchdog when a member hangs, and comes back converged', async () => {
  const victim = await follower();
  const before = await bootId(lab, victim);
  expect(await onHost(lab, victim, 'cat /sys/class/watchdog/watchdog0/identity /sys/class/watchdog/watchdog0/state')).toBe('i6300ESB timer\nactive');
  // A panic ends in a loop with interrupts off (kernel.panic is 0): nothing but the device can help.
  await onHost(lab, victim, "echo 0 >/proc/sys/kernel/panic; systemd-run --quiet --on-active=2 sh -c 'echo c >/proc/sysrq-trigger'");
  await eventually(async () => (await labExec(lab, victim, ['true'], { timeoutMs: 5000 })).status !== 0, 60_000, () => `${victim} hangs`);
  await eventually(async () => ![before, ''].includes(await bootId(lab, victim)), BOOT_MS, () => `another boot of ${victim}`);
  lab = await labUp(own);
  await converged(victim);
}, LONG_MS);

it('reboots a member for which a reboot is due, by role reboot, and no other', async () => {
  const victim = await follower();
  await onHost(lab, victim, 'echo linux-image-test >/run/reboot-required.pkgs; touch /run/reboot-required');
  const before = await Promise.all(names.map(async (name) => bootId(lab, name)));
  const result = await run({ playbooks: [playbook('reboot.yml')] });
  expect(outcome(result)).toEqual([0]);
  const after = await Promise.all(names.map(async (name) => bootId(lab, name)));
  expect(names.filter((_, index) => before[index] !== after[index])).toEqual([victim]);
  expect((await run({ playbooks: [playbook('reboot.yml')] })).changes).toEqual([]);
}, LONG_MS);

it('has kept the leader of etcd for ten minutes', async () => {
  await sleep(Math.max(0, steady.since + STEADY_MS - Date.now()));
  expect(await raft()).toEqual(steady.raft);
}, LONG_MS);
