/** A mirror for three hosts of one site: a large file crosses the way to the site once; a bad or lost mirror costs time only. */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['m1', 'm2', 'm3'] as const;
const MIRROR = 'm1';
const SIZE = 20_000_000;
const TOOL = randomBytes(SIZE);
const SHA256 = createHash('sha256').update(TOOL).digest('hex');
const BLOB = `/var/lib/care-artifacts/sha256/${SHA256.slice(0, 2)}/${SHA256}`;
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);

let lab: Lab;
let project: LabProject;
let url = '';

/** Where each host had it from is written down by the host itself: what `register` gives. */
const INSTALL = `- hosts: all
  become: true
  tasks:
    - name: tool
      artifact: { name: tool, version: "1", dest: /opt/tool, mode: "0755", owner: root, group: root }
      register: installed
    - name: where it came from
      copy: { dest: /root/source, content: "{{ installed.source }}\\n", mode: "0600", owner: root, group: root }
      when: installed.changed
`;

beforeAll(async () => {
  lab = await labUp({ ...ownLab('mirror'), hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: name === 'm3' ? ('bookworm' as const) : ('trixie' as const) })) });
  project = labProject({ 'install.yml': INSTALL });
  vi.stubEnv('CARE_ARTIFACTS', path.join(project.dir, 'artifacts'));
  writeFileSync(path.join(project.dir, 'tool'), TOOL);
  project.write('artifacts.yml', `artifacts:\n  - { name: tool, version: "1", source: url, url: "file://@DIR@/tool", license: MIT, sha256: { linux/amd64: ${SHA256}, linux/arm64: ${SHA256} } }\n`);
  url = `https://${String(hostVariables(lab, MIRROR)['ansible_host'])}:8444`;
  const vars = { time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }], artifact_mirrors: [url] };
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts: Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)])), children: { artifact_mirror: { hosts: { [MIRROR]: null } } } } }));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  project.remove();
  await labDown(ownLab('mirror'));
});

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const install = (): string => path.join(project.dir, 'install.yml');
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
const sourceOn = (host: string): Promise<string> => onHost(lab, host, 'cat /root/source');
const sumOn = async (host: string): Promise<string> => (await onHost(lab, host, 'sha256sum /opt/tool')).split(' ')[0] ?? '';

/** Bytes that came to a host's sshd since they were last counted. */
async function overSsh(host: string): Promise<number> {
  const text = await onHost(lab, host, 'nft -j reset counters table inet drill');
  return Number(/"bytes": *(\d+)/.exec(text)?.[1]);
}

it('is made as predicted, with nothing to give yet; a second apply changes nothing; verify passes', async () => {
  const playbooks = ['base.yml', 'pki.yml', 'artifact-mirror.yml'].map(book);
  const predicted = await run(playbooks, { mode: 'check' });
  expect([troubles(predicted), predicted.summary?.total.unknown]).toEqual(['', 0]);
  const made = await run(playbooks);
  if (made.status !== 0) console.log(await onHost(lab, MIRROR, 'journalctl -u care-artifact-mirror -n 30 --no-pager'));
  expect([troubles(made), made.status]).toEqual(['', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(playbooks);
  expect([again.status, changes(again)]).toEqual([0, []]);
  expect((await run(playbooks, { mode: 'verify' })).status).toBe(0);
  for (const host of HOSTS) await onHost(lab, host, 'nft add table inet drill && nft add counter inet drill ssh && nft "add chain inet drill in { type filter hook input priority -300; }" && nft add rule inet drill in tcp dport 22 counter name ssh');
});

it('brings a file over SSH once for the site; the hosts fetch it from the mirror', async () => {
  const playbooks = [book('artifact-mirror.yml'), install()];
  const predicted = await run(playbooks, { mode: 'check' });
  expect([troubles(predicted), predicted.status]).toEqual(['', 2]);
  for (const host of HOSTS) await overSsh(host);
  const made = await run(playbooks);
  expect([troubles(made), made.status]).toEqual(['', 0]);
  expect(changes(made).filter((c) => !c.endsWith('/root/source'))).toEqual(['m1|artefacts /var/lib/care-artifacts', 'm1|file /opt/tool', 'm2|file /opt/tool', 'm3|file /opt/tool']);
  expect(changes(predicted).filter((c) => !c.endsWith('/root/source'))).toEqual(changes(made).filter((c) => !c.endsWith('/root/source')));
  const bytes = await Promise.all(HOSTS.map(overSsh));
  console.log(`bytes to sshd of ${HOSTS.join(', ')} for a file of ${String(SIZE)}: ${bytes.join(', ')}`);
  expect(bytes[0]).toBeGreaterThan(SIZE);
  expect(bytes[0]).toBeLessThan(SIZE * 1.1);
  for (const other of bytes.slice(1)) expect(other).toBeLessThan(SIZE / 20);
  for (const host of HOSTS) expect([await sumOn(host), await sourceOn(host)]).toEqual([SHA256, url]);
  const again = await run(playbooks);
  expect([again.status, changes(again)]).toEqual([0, []]);
  expect((await run(playbooks, { mode: 'verify' })).status).toBe(0);
});

it('a mirror that gives another file is not believed: the controller sends it; verify tells, apply mends', async () => {
  await onHost(lab, MIRROR, `echo bad >${BLOB}`);
  await onHost(lab, 'm2', 'rm /opt/tool');
  expect((await run([install()], { limit: 'm2' })).status).toBe(0);
  expect([await sumOn('m2'), await sourceOn('m2')]).toEqual([SHA256, 'controller']);
  expect((await run([book('artifact-mirror.yml')], { mode: 'verify' })).status).toBe(3);
  expect(changes(await run([book('artifact-mirror.yml'), install()]))).toEqual(['m1|artefacts /var/lib/care-artifacts']);
  expect((await run([book('artifact-mirror.yml')], { mode: 'verify' })).status).toBe(0);
});

it('a host without a certificate of the site, and a mirror that is down, cost time only', async () => {
  await onHost(lab, 'm3', 'rm /opt/tool; mv /etc/care-provision/pki/host.key /root/key');
  expect((await run([install()], { limit: 'm3' })).status).toBe(0);
  expect([await sumOn('m3'), await sourceOn('m3')]).toEqual([SHA256, 'controller']);
  await onHost(lab, 'm3', 'mv /root/key /etc/care-provision/pki/host.key; rm /opt/tool');
  await onHost(lab, MIRROR, 'systemctl stop care-artifact-mirror');
  const begun = Date.now();
  expect((await run([install()], { limit: 'm3' })).status).toBe(0);
  expect(Date.now() - begun).toBeLessThan(60_000);
  expect([await sumOn('m3'), await sourceOn('m3')]).toEqual([SHA256, 'controller']);
  // Nothing of a file that was on its way is left.
  for (const host of HOSTS) expect(await onHost(lab, host, 'ls -A /var/tmp | grep care-mirror || true')).toBe('');
});

it('with the file gone from the controller too, check says so before any host is touched', async () => {
  rmSync(path.join(project.dir, 'tool'));
  rmSync(path.join(project.dir, 'artifacts'), { recursive: true });
  await onHost(lab, 'm2', 'rm /opt/tool');
  await expect(run([install()])).rejects.toMatchObject({ list: [{ code: 'download-failed' }] });
  expect(await onHost(lab, 'm2', 'ls /opt/tool 2>&1 || true')).toContain('No such file');
});
