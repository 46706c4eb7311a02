import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { docker, dockerTry, LABEL } from '../../../src/lab/docker.ts';
import { generateHosts, labDown, labExec, labStatus, labUp, ownerOf, readProxyStats, sshArguments, sweep, type Lab, type LabUpOptions } from '../../../src/lab/index.ts';
import { runProgram, type ProgramResult } from '../../../src/lab/process.ts';
import { ownLab, sharedLab } from '../support/lab.ts';

async function ssh(lab: Lab, host: string, command: string, more: { user?: string; input?: string } = {}): Promise<ProgramResult> {
  return runProgram('ssh', sshArguments(lab, host, [command], more.user), { timeoutMs: 30_000, input: more.input ?? '' });
}

async function leftOvers(name: string): Promise<string> {
  const filter = ['--filter', `label=${LABEL.lab}=${name}`];
  return (await docker(['ps', '--all', '--quiet', ...filter])) + (await docker(['network', 'ls', '--quiet', ...filter]));
}

describe('the shared lab, by testcontainers', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await sharedLab();
  });

  it.each(['test-trixie', 'test-bookworm'])('%s is a booted Debian with sshd and sudo', async (host) => {
    const seen = await ssh(lab, host, 'hostname; . /etc/os-release; echo "$VERSION_CODENAME"; sudo -n id -u; systemctl is-system-running');
    expect(seen.stdout.split('\n')).toEqual([host, host.slice('test-'.length), '0', 'running', '']);
  });
  it('is found again, not made anew', async () => {
    const created = async (): Promise<string> => docker(['container', 'inspect', '--format', '{{.Created}}', `${lab.state.name}.test-trixie`]);
    const before = await created();
    await sharedLab();
    expect(await created()).toBe(before);
  });
  it('has hosts that know each other by name, and reach the Debian mirror', async () => {
    expect((await ssh(lab, 'test-trixie', 'getent hosts test-bookworm')).stdout).toContain(lab.state.hosts[1]?.address ?? '?');
    expect((await labExec(lab, 'test-bookworm', ['apt-get', 'update', '-q'], { timeoutMs: 120_000 })).status).toBe(0);
  });
});

describe('a lab of its own', () => {
  const own = (): LabUpOptions & { name: string } => ({ ...ownLab('own'), hosts: generateHosts(1, 'own-') });
  const host = 'own-a1';
  let lab: Lab;
  beforeAll(async () => {
    lab = await labUp(own());
  });
  afterAll(async () => {
    await labDown(own());
  });

  it('writes an inventory that leads to the host', () => {
    expect(parse(readFileSync(lab.state.inventoryFile, 'utf8'))).toMatchObject({ all: { hosts: { [host]: { ansible_host: lab.state.hosts[0]?.address, ansible_port: 22, ansible_user: 'care' } } } });
  });
  it('refuses root, passwords, and a host key that is not the pinned one', async () => {
    expect((await ssh(lab, host, 'true', { user: 'root' })).stderr).toContain('Permission denied (publickey)');
    await labExec(lab, host, ['sh', '-c', 'mv /etc/ssh/ssh_host_ed25519_key /root/kept && ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh']);
    expect((await ssh(lab, host, 'true')).stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    await labExec(lab, host, ['sh', '-c', 'mv /root/kept /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh']);
    expect((await ssh(lab, host, 'true')).status).toBe(0);
  });
  it('has a user whose sudo asks for a password', async () => {
    expect((await ssh(lab, host, 'sudo -n id -u', { user: 'carepw' })).status).not.toBe(0);
    const password = readFileSync(lab.paths.password, 'utf8');
    expect((await ssh(lab, host, 'sudo -S -p "" id -u', { user: 'carepw', input: password })).stdout).toBe('0\n');
  });
  it('keeps no seed on the host, and lets files under /etc be replaced by rename', async () => {
    const seen = await labExec(lab, host, ['sh', '-c', 'ls /etc/care-lab; for f in hosts hostname resolv.conf; do cp /etc/$f /etc/$f.new && mv /etc/$f.new /etc/$f || exit 1; done']);
    expect(seen).toMatchObject({ status: 0, stdout: '' });
    expect(seen.stderr).toContain('No such file');
  });
  it('owns its network sysctls and none of the machine\'s', async () => {
    const machine = readFileSync('/proc/sys/net/ipv4/ip_default_ttl', 'utf8');
    expect((await labExec(lab, host, ['sysctl', '-w', 'net.ipv4.ip_default_ttl=77'])).status).toBe(0);
    expect(readFileSync('/proc/sys/net/ipv4/ip_default_ttl', 'utf8')).toBe(machine);
    const swappiness = readFileSync('/proc/sys/vm/swappiness', 'utf8');
    expect((await labExec(lab, host, ['sysctl', '-w', 'vm.swappiness=1'])).stderr).toContain('denied');
    expect(readFileSync('/proc/sys/vm/swappiness', 'utf8')).toBe(swappiness);
    expect((await labExec(lab, host, ['date', '-s', '2020-01-01'])).stderr).toContain('Operation not permitted');
  });
  it('reboots, with a boot_id of its own each time, and is the same host afterwards', async () => {
    const boot = async (): Promise<string> => (await labExec(lab, host, ['cat', '/proc/sys/kernel/random/boot_id'])).stdout;
    const before = await boot();
    await labExec(lab, host, ['sh', '-c', 'echo 10.0.0.1 other >>/etc/hosts; systemctl reboot']);
    let after = '';
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline && (after === '' || after === before)) {
      await sleep(300);
      after = await boot();
    }
    expect(after).not.toBe(before);
    lab = await labUp(own());
    expect((await ssh(lab, host, 'tail -n 1 /etc/hosts')).stdout).toBe('10.0.0.1 other\n');
  });
  it('is put far away, and counts what passes', async () => {
    const far = await labUp({ ...own(), rttMs: 60 });
    expect(far.state.hosts[0]?.sshAddress).toBe('127.0.0.1');
    const begun = performance.now();
    expect((await ssh(far, host, 'echo here')).stdout).toBe('here\n');
    expect(performance.now() - begun).toBeGreaterThan(5 * 60);
    const stats = (await readProxyStats(far.state.proxy?.statsPort ?? 0)).get(host);
    expect(stats?.connections).toBe(1);
    expect(stats?.turns).toBeGreaterThan(10);
    expect(await labStatus(far.paths.directory.replace(/\/\.care\/.*/, ''), far.state.name)).toMatchObject({ proxyAlive: true, hosts: [{ machine: 'running' }] });
  });
  it.skipIf(!existsSync('/sys/fs/cgroup/freezer'))('is not kept alive by a process frozen inside (cgroup v1)', async () => {
    const frozen = { ...ownLab('frozen'), hosts: generateHosts(1, 'frozen-') };
    const inside = 'set -e; group=/sys/fs/cgroup/freezer/x; mkdir $group; sleep 600 & echo $! >$group/cgroup.procs; echo FROZEN >$group/freezer.state';
    expect((await labExec(await labUp(frozen), 'frozen-a1', ['sh', '-c', inside])).status).toBe(0);
    expect(await labDown(frozen)).toBe(1);
    expect(await leftOvers(frozen.name)).toBe('');
  });
  it('leaves nothing when it goes', async () => {
    const proxy = Number((await labUp({ ...own(), rttMs: 10 })).state.proxy?.owner.split(':')[0]);
    expect(existsSync(`/proc/${proxy}`)).toBe(true);
    expect(await labDown(own())).toBe(1);
    expect(await leftOvers(own().name)).toBe('');
    expect(existsSync(lab.paths.directory)).toBe(false);
    expect(existsSync(lab.state.inventoryFile)).toBe(false);
    expect(existsSync(`/proc/${proxy}`)).toBe(false);
    expect(await labDown(own())).toBe(0);
  });
});

describe('a lab whose process was killed', () => {
  it('is swept by whoever comes next', async () => {
    const name = ownLab('killed').name;
    const holder = spawn('sleep', ['600']);
    const lab = await labUp({ ...ownLab('killed'), owner: ownerOf(holder.pid ?? 0), hosts: generateHosts(1, 'killed-') });
    const root = ownLab('killed').projectRoot;
    expect(await sweep(root)).not.toContain(name);
    holder.kill('SIGKILL');
    await once(holder, 'close');
    expect(await sweep(root)).toContain(name);
    expect(await leftOvers(name)).toBe('');
    expect((await dockerTry(['container', 'inspect', `${name}.killed-a1`])).status).not.toBe(0);
    expect(existsSync(lab.paths.directory)).toBe(false);
  });
});
