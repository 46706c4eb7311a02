/** What only machines with kernels, disks and networks of their own can do: three of them in two sites. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labExec, labPower, labSnapshots, labStatus, labUp, ownerOf, sweep, type HostSpec, type Lab, type LabUpOptions } from '../../../src/lab/index.ts';
import { eventually, onHost } from '../../integration/support/lab-project.ts';
import { ownLab } from '../../integration/support/lab.ts';
import { bootId, traces } from '../../integration/support/vm-lab.ts';

const HOSTS: readonly HostSpec[] = [
  { name: 'vm-a1', site: 'kochi', release: 'trixie', memoryMiB: 640, disksGiB: [1, 2] },
  { name: 'vm-a2', site: 'kochi', release: 'trixie', memoryMiB: 512 },
  { name: 'vm-b1', site: 'delhi', release: 'bookworm', memoryMiB: 512 },
];
const own = (more: Pick<LabUpOptions, 'wan' | 'report'> = {}): LabUpOptions & { name: string } => ({ ...ownLab('vm'), driver: 'vm', hosts: HOSTS, ...more });
const report: string[] = [];
let lab: Lab;
beforeAll(async () => {
  lab = await labUp(own({ wan: { rttMs: 80, lossPercent: 0 }, report: (line) => report.push(line) }));
});
afterAll(async () => {
  await labDown(own());
});

/** Average round trip in milliseconds, and loss in per cent. */
async function ping(from: string, to: string, count: number): Promise<{ rtt: number; loss: number }> {
  const seen = await labExec(lab, from, ['ping', '-q', '-c', String(count), '-i', '0.05', to], { timeoutMs: 120_000 });
  return { rtt: Number(/= [\d.]+\/([\d.]+)\//.exec(seen.stdout)?.[1]), loss: Number(/([\d.]+)% packet loss/.exec(seen.stdout)?.[1]) };
}

it('says what runs the machines', () => {
  expect(report.join('\n')).toMatch(/virtual machines run (with KVM|in software emulation, .+: .+)/);
});

it('has kernels with the modules that roles need', async () => {
  const wanted = 'dm_crypt wireguard ip_vs sch_netem softdog';
  for (const host of ['vm-a1', 'vm-b1']) expect(await onHost(lab, host, `for m in ${wanted}; do modprobe $m && printf '%s ' $m; done`)).toBe(wanted);
});

it('has the extra disks, which take a file system and what is written', async () => {
  expect(await onHost(lab, 'vm-a1', 'lsblk -bdno SIZE /dev/disk/by-id/virtio-disk1 /dev/disk/by-id/virtio-disk2')).toBe(`${2 ** 30}\n${2 ** 31}`);
  await onHost(lab, 'vm-a1', 'mkfs.ext4 -q /dev/disk/by-id/virtio-disk1 && mount /dev/disk/by-id/virtio-disk1 /mnt && echo kept >/mnt/file && umount /mnt');
});

it('delays and loses between sites, and nowhere else', async () => {
  // Each direction waits 40 ms; a busy machine adds to it, never takes from it.
  const apart = await ping('vm-a1', 'vm-b1', 20);
  const beside = await ping('vm-a1', 'vm-a2', 20);
  expect(apart.rtt).toBeGreaterThan(80);
  expect(apart.rtt - beside.rtt).toBeGreaterThan(70);
  expect([apart.loss, beside.loss]).toEqual([0, 0]);
  lab = await labUp(own({ wan: { rttMs: 10, lossPercent: 20 } }));
  const lossy = await ping('vm-a1', 'vm-b1', 200);
  // Both ways: 36 % of round trips. Of 200, less than 15 % or more than 60 % do not come by chance.
  expect(lossy.loss).toBeGreaterThan(15);
  expect(lossy.loss).toBeLessThan(60);
  lab = await labUp(own());
  expect((await ping('vm-a1', 'vm-b1', 20)).loss).toBe(0);
});

it('reaches the Debian mirror', async () => {
  expect((await labExec(lab, 'vm-a2', ['apt-get', 'update', '-q', '-o', 'Acquire::Retries=2'], { timeoutMs: 180_000 })).status).toBe(0);
});

it('comes back after a power cut with what was flushed, and without what was not', async () => {
  const before = await bootId(lab, 'vm-a2');
  await onHost(lab, 'vm-a2', 'echo flushed >/root/flushed; sync; echo lost >/root/lost');
  const power = await labPower('vm-a2', lab.state.hosts[1]?.address ?? '');
  await power.cut();
  expect(await power.isOn()).toBe(false);
  expect((await labStatus(own().projectRoot, own().name)).hosts.map((host) => host.machine)).toEqual(['running', 'off', 'running']);
  expect((await labExec(lab, 'vm-a2', ['true'])).status).toBe(255);
  lab = await labUp(own());
  expect(await bootId(lab, 'vm-a2')).not.toBe(before);
  expect(await onHost(lab, 'vm-a2', 'cat /root/flushed; cat /root/lost 2>&1 | grep -c lost$ || true')).toBe('flushed\n0');
});

it('goes back to a snapshot in seconds, in the middle of what it did, with the time of now', async () => {
  const snapshots = labSnapshots(lab);
  const boots = await Promise.all(HOSTS.map(async (host) => bootId(lab, host.name)));
  await onHost(lab, 'vm-a1', 'echo before >/root/state; systemd-run --quiet --unit care-test-sleeper sleep 3600');
  await snapshots.save(lab, 'before');
  await onHost(lab, 'vm-a1', 'echo after >/root/state; systemctl stop care-test-sleeper; sync');
  await (await labPower('vm-b1', lab.state.hosts[2]?.address ?? '')).cut();
  const begun = Date.now();
  await snapshots.restore(lab, 'before', () => undefined);
  expect(Date.now() - begun).toBeLessThan(60_000);
  expect(await onHost(lab, 'vm-a1', 'cat /root/state; systemctl is-active care-test-sleeper')).toBe('before\nactive');
  expect(await Promise.all(HOSTS.map(async (host) => bootId(lab, host.name)))).toEqual(boots);
  expect(Math.abs(Number(await onHost(lab, 'vm-b1', 'date +%s')) - Date.now() / 1000)).toBeLessThan(15);
  expect(await snapshots.list(lab)).toEqual([{ name: 'before', running: true }]);
  await expect(snapshots.restore(lab, 'other', () => undefined)).rejects.toThrow('has no snapshot other');
  lab = await labUp(own());
});

it('is reset by its watchdog when nobody feeds it', async () => {
  const before = await bootId(lab, 'vm-a2');
  // Written to once and never again, and not closed with the letter that would disarm it (Linux: watchdog-api).
  const device = await onHost(lab, 'vm-a2', "modprobe softdog soft_margin=5; grep -lx 'Software Watchdog' /sys/class/watchdog/*/identity | cut -d/ -f5");
  await onHost(lab, 'vm-a2', `systemd-run --quiet sh -c "exec 3>/dev/${device}; echo x >&3; sleep 600"`);
  await eventually(async () => ![before, ''].includes(await bootId(lab, 'vm-a2')), 240_000, () => 'another boot of vm-a2');
});

it('stays off after its own poweroff', async () => {
  const power = await labPower('vm-a2', lab.state.hosts[1]?.address ?? '');
  await labUp(own());
  await labExec(lab, 'vm-a2', ['systemctl', 'poweroff']);
  await eventually(async () => !(await power.isOn()), 120_000, () => 'vm-a2 off');
});

it('is swept when the process that it belongs to was killed, and leaves nothing', async () => {
  const holder = spawn('sleep', ['600']);
  await labDown(own());
  expect(traces(own().name)).toEqual([]);
  const killed = await labUp({ ...ownLab('killed'), driver: 'vm', owner: ownerOf(holder.pid ?? 0), hosts: HOSTS.slice(1, 2) });
  expect(await sweep(own().projectRoot)).not.toContain(killed.state.name);
  expect(traces(killed.state.name).length).toBeGreaterThan(5);
  holder.kill('SIGKILL');
  await once(holder, 'close');
  expect(await sweep(own().projectRoot)).toContain(killed.state.name);
  expect(traces(killed.state.name)).toEqual([]);
  expect(existsSync(killed.paths.directory)).toBe(false);
});
