/**
 * Encryption of disks and between sites on Debian 12 and 13: a closed port locks nobody out, keys change while hosts talk, a disk opens by Tang and
 * not without, its key changes, its header is restored. And a wrong clock, which only a machine of its own can have.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labExec, labHost, labPower, labUp, type HostSpec, type Lab } from '../../../src/lab/index.ts';
import { runProgram } from '../../../src/lab/process.ts';
import { interfacePrefix, ruleComment } from '../../../src/lab/vm/names.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import { eventually, labProject, onHost, troubleOf, type LabProject } from '../../integration/support/lab-project.ts';
import { ownLab } from '../../integration/support/lab.ts';
import { bootId, vmVariables } from '../../integration/support/vm-lab.ts';
import type { Result } from '../../unit/run/support.ts';
import { wireBetween } from '../support/wire.ts';

/** The host with the disk, and the Tang server, which is at another site so that the tunnel is needed at boot as well. */
const [CLIENT, SERVER] = ['vm-c1', 'vm-t1'];
const HOSTS: readonly HostSpec[] = [
  { name: CLIENT, site: 'kochi', release: 'bookworm', memoryMiB: 768, disksGiB: [1] },
  { name: SERVER, site: 'delhi', release: 'trixie', memoryMiB: 768 },
];
const own = { ...ownLab('encryption'), driver: 'vm' as const, hosts: HOSTS, wan: { rttMs: 40, lossPercent: 0 } };
const names = HOSTS.map((host) => host.name);
const books = (...files: readonly string[]): readonly string[] => files.map((file) => path.join(import.meta.dirname, '..', '..', '..', 'playbooks', file));
const MESH = books('site-mesh.yml');
const DISKS = books('disk-encryption.yml');
const ALL = books('base.yml', 'site-mesh.yml', 'disk-encryption.yml');
const PLACE = '/srv/records';
const DISK = '/dev/disk/by-id/virtio-disk1';
const LONG_MS = 900_000;

let lab: Lab;
let project: LabProject;
let identity: string;
/** Of the disk. */
let key = randomBytes(24).toString('base64url');
const secret = (text: string): string => `{{ secret "${text}" }}`;
/** What the inventory says, as tests change it. */
const vars: Record<string, unknown> = {
  time_serve_to: ['172.16.0.0/12', '10.0.0.0/8'], time_servers: [], base_unattended_upgrades: false, base_swap: 'off',
  tang_client_networks: ['172.16.0.0/12', '10.0.0.0/8'],
};

/** @param jump the host by which the controller reaches the other one: through the tunnel */
async function writeInventory(jump?: string): Promise<void> {
  const hosts = Object.fromEntries(HOSTS.map(({ name, site }) => {
    const direct = vmVariables(lab, name);
    const way = jump === undefined || jump === name ? {} : { ansible_ssh_common_args: `${String(direct['ansible_ssh_common_args'])} -i ${lab.paths.loginKey} -o ProxyJump=care@${labHost(lab, jump).address}` };
    return [name, { ...direct, ...way, site }];
  }));
  const all = Object.fromEntries(names.map((name) => [name, null]));
  const recipient = await identityToRecipient(identity);
  project.write('inventory.yml', JSON.stringify({ all: { vars: { ...vars, disk_encryption_key: secret(key), disk_encryption_header_recipients: [recipient] }, hosts, children: { site_mesh: { hosts: all }, disk_encryption: { hosts: { [CLIENT]: null } }, tang: { hosts: { [SERVER]: null } } } } }));
}
const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const outcome = (result: Result): readonly unknown[] => [...names.map((name) => troubleOf(result, name)).filter((trouble) => trouble !== ''), result.status];
const opens = async (tried: string): Promise<boolean> => (await labExec(lab, CLIENT, ['cryptsetup', 'open', '--test-passphrase', '--batch-mode', '--key-file=-', DISK], { input: tried, timeoutMs: 120_000 })).status === 0;
const mounted = async (): Promise<boolean> => (await labExec(lab, CLIENT, ['mountpoint', '-q', PLACE])).status === 0;
const reached = async (): Promise<boolean> => (await labExec(lab, CLIENT, ['ping', '-q', '-c', '2', '-W', '2', labHost(lab, SERVER).address])).status === 0;
/** This machine is the way between the sites, and lets WireGuard pass or not. */
const firewall = async (what: '-I' | '-D'): Promise<void> => {
  const rule = ['FORWARD', '-i', `${interfacePrefix(lab.state.name)}+`, '-p', 'udp', '--dport', '51820', '-m', 'comment', '--comment', ruleComment(lab.state.name), '-j', 'DROP'];
  expect((await runProgram('iptables', ['-w', '20', what, ...rule], { timeoutMs: 30_000 })).status).toBe(0);
};

beforeAll(async () => {
  lab = await labUp(own);
  identity = await generateX25519Identity();
  project = labProject({});
  await writeInventory();
});
afterAll(async () => {
  await labDown(own);
  project.remove();
});

it('locks nobody out of the other site where UDP is blocked', async () => {
  expect(outcome(await run(books('base.yml')))).toEqual([0]);
  await firewall('-I');
  const blocked = await run(MESH);
  expect(outcome(blocked)).toEqual([0]);
  expect(JSON.stringify(blocked.events)).toContain(`${CLIENT} speaks in the clear with ${SERVER}`);
  expect(await reached()).toBe(true);
  expect((await run(MESH, { mode: 'verify' })).status).toBe(3);
  await firewall('-D');
  // Nobody has to do anything for the rest.
  const through = async (): Promise<boolean> => (await Promise.all(names.map(async (name) => onHost(lab, name, `ip route get ${labHost(lab, names.find((other) => other !== name) ?? '').address}`)))).every((route) => route.includes('dev care-mesh'));
  await eventually(through, 180_000, () => 'routes through the tunnel');
  expect(await reached()).toBe(true);
  const verified = await run(MESH, { mode: 'verify' });
  expect(outcome(verified)).toEqual([0]);
  // From now on, silence is no reason to speak in the clear.
  await firewall('-I');
  const [wire, answer] = await Promise.all([wireBetween(lab, CLIENT, SERVER, 8), reached()]);
  await firewall('-D');
  expect([answer, wire.filter((line) => !line.includes('.51820: UDP'))]).toEqual([false, []]);
}, LONG_MS);

it('refuses a host whose clock is wrong, and takes it again when it is right', async () => {
  await onHost(lab, SERVER, 'date -u -s "+1 hour" >/dev/null');
  const refused = await run(books('base.yml'), { tags: ['time'] });
  expect([troubleOf(refused, CLIENT), troubleOf(refused, SERVER), refused.status]).toEqual(['', expect.stringContaining(`the clock of ${SERVER} was`), 3]);
  await onHost(lab, SERVER, `date -u -s @${String(Math.round(Date.now() / 1000))} >/dev/null`);
  expect(outcome(await run(books('base.yml'), { tags: ['time'] }))).toEqual([0]);
}, LONG_MS);

it('has disks with Tang on Debian 12, and a second apply of all changes nothing', async () => {
  expect(outcome(await run(books('tang.yml')))).toEqual([0]);
  const thp = await onHost(lab, SERVER, 'tang-show-keys 7500');
  vars['disk_encryption_tang_servers'] = [{ url: `http://${labHost(lab, SERVER).address}:7500`, thp }];
  vars['disk_encryption_volumes'] = [{ name: 'records', device: DISK, mount: PLACE, unlock: 'tang' }];
  await writeInventory();
  expect(outcome(await run(DISKS))).toEqual([0]);
  const again = await run(ALL);
  expect([...outcome(again), again.changes]).toEqual([0, []]);
  expect(outcome(await run(ALL, { mode: 'verify' }))).toEqual([0]);
  await onHost(lab, CLIENT, `echo kept >${PLACE}/file; sync`);
}, LONG_MS);

it('opens the disk by Tang at boot, not before a server answers, and without anybody', async () => {
  await onHost(lab, SERVER, 'systemctl stop tangd.socket');
  const before = await bootId(lab, CLIENT);
  const power = await labPower(CLIENT, labHost(lab, CLIENT).address);
  await power.cut();
  await power.on();
  await eventually(async () => ![before, ''].includes(await bootId(lab, CLIENT)), 300_000, () => 'another boot');
  await eventually(async () => (await labExec(lab, CLIENT, ['systemctl', 'is-active', '-q', 'clevis-luks-askpass.path'])).status === 0, 180_000, () => 'clevis waits for what is asked');
  // It is shut, and nothing is written beside it in the clear.
  expect(await onHost(lab, CLIENT, `test -e /dev/mapper/records || echo shut; touch ${PLACE}/beside 2>/dev/null || echo refused`)).toBe('shut\nrefused');
  await onHost(lab, SERVER, 'systemctl start tangd.socket');
  await eventually(mounted, 300_000, () => `${PLACE} mounted`);
  expect(await onHost(lab, CLIENT, `cat ${PLACE}/file`)).toBe('kept');
  lab = await labUp(own);
  const checked = await run(ALL, { mode: 'check' });
  expect([...outcome(checked), checked.changes]).toEqual([0, []]);
}, LONG_MS);

it('changes the key of a disk: the former one opens nothing any more', async () => {
  const former = key;
  key = randomBytes(24).toString('base64url');
  vars['disk_encryption_former_key'] = secret(former);
  await writeInventory();
  expect(outcome(await run(DISKS))).toEqual([0]);
  expect([await opens(former), await opens(key)]).toEqual([false, true]);
  delete vars['disk_encryption_former_key'];
  await writeInventory();
  const again = await run(DISKS);
  expect([...outcome(again), again.changes]).toEqual([0, []]);
  expect(outcome(await run(DISKS, { mode: 'verify' }))).toEqual([0]);
}, LONG_MS);

it('refuses a disk whose header is lost, and has it back from the backup on the controller', async () => {
  await onHost(lab, CLIENT, `umount ${PLACE} && cryptsetup close records && dd if=/dev/zero of=${DISK} bs=1M count=16 conv=fsync status=none && udevadm settle`);
  const refused = await run(DISKS);
  expect([troubleOf(refused, CLIENT), refused.status]).toEqual([expect.stringMatching(/shows no LUKS header, and this host has had a volume records/), 3]);
  expect(refused.changes).toEqual([]);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  // 16 MiB: too much for the guest's agent.
  writeFileSync(path.join(project.dir, 'header'), await decrypter.decrypt(readFileSync(path.join(project.dir, '.care', 'disk-encryption', `${CLIENT}-records.header.age`))), { mode: 0o600 });
  project.write('restore.yml', `- hosts: ${CLIENT}
  tasks:
    - { copy: { src: "@DIR@/header", dest: /run/header, mode: "0600" } }
    - { command: cryptsetup luksHeaderRestore --batch-mode ${DISK} --header-backup-file /run/header }
    - { file: { path: /run/header, state: absent } }
`);
  expect(outcome(await run([path.join(project.dir, 'restore.yml')]))).toEqual([0]);
  expect(outcome(await run(DISKS))).toEqual([0]);
  expect(await onHost(lab, CLIENT, `cat ${PLACE}/file`)).toBe('kept');
  expect(outcome(await run(DISKS, { mode: 'verify' }))).toEqual([0]);
}, LONG_MS);

it('changes the private key of a host that the controller reaches through the tunnel, in seconds', async () => {
  await writeInventory(SERVER);
  const former = await onHost(lab, CLIENT, 'wg show care-mesh public-key');
  // 0.2 s between packets: the longest gap is read from the numbers of those that came back.
  const pings = labExec(lab, SERVER, ['ping', '-n', '-i', '0.2', '-w', '90', labHost(lab, CLIENT).address], { timeoutMs: 120_000 });
  const rotated = await run(MESH, { extraVars: { site_mesh_rotate: CLIENT } });
  expect(outcome(rotated)).toEqual([0]);
  expect(await onHost(lab, CLIENT, 'wg show care-mesh public-key')).not.toBe(former);
  await labExec(lab, SERVER, ['pkill', '-INT', '-x', 'ping']);
  const numbers = [...(await pings).stdout.matchAll(/icmp_seq=(\d+)/g)].map((match) => Number(match[1]));
  const gap = Math.max(...numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0))) * 0.2;
  console.log(`site_mesh_rotate: ${String(numbers.length)} packets came back, the longest gap was ${gap.toFixed(1)} s`);
  expect(numbers.length).toBeGreaterThan(20);
  expect(gap).toBeLessThan(15);
  const again = await run(MESH);
  expect([...outcome(again), again.changes]).toEqual([0, []]);
}, LONG_MS);
