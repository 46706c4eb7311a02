/** The system modules on real Debian 12 and 13 hosts: what they say is done, and is done once. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labUp, type Lab, type LabUpOptions } from '../../src/lab/index.ts';
import { runProgram } from '../../src/lab/process.ts';
import { FactStore } from '../../src/host/fact-store.ts';
import type { LocalFile } from '../../src/host/view.ts';
import { ownLab } from './support/lab.ts';
import { ModuleHost } from './support/module-host.ts';
import { scriptOf } from '../unit/modules/script-of.ts';

const RELEASES = ['trixie', 'bookworm'] as const;
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmE0gDJyEvNSFVmM7ZEtBi4ZKvCVTBcRXRWnq6CNvtT amina';
const OTHER = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHl2fLPVWkWkXd4pFZ4tr9lb0RCf6ELyMYxsvnD9GV0s jose';

const options = (): LabUpOptions & { name: string } => ({
  ...ownLab('modules'),
  hosts: RELEASES.map((release) => ({ name: `mod-${release}`, site: 'kochi', release })),
});

let lab: Lab;
let folder: string;
let debFile: LocalFile;

/** A package made here, so that a .deb of the controller can be tried without a mirror. */
async function makeDeb(): Promise<LocalFile> {
  const path = join(folder, 'care-trial_1.2-3_all.deb');
  const made = await runProgram('sh', ['-c', `cd "$1" && mkdir -p root/DEBIAN root/usr/share/care-trial && echo hello >root/usr/share/care-trial/hello && printf 'Package: care-trial\\nVersion: 1.2-3\\nArchitecture: all\\nMaintainer: nobody <nobody@example.org>\\nDescription: trial\\n' >root/DEBIAN/control && dpkg-deb --root-owner-group -b root "$2"`, 'sh', folder, path], { timeoutMs: 30_000 });
  if (made.status !== 0) throw new Error(made.stderr);
  const bytes = readFileSync(path);
  return { path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), mode: '0644', bytes: () => bytes };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'care-modules-'));
  debFile = await makeDeb();
  lab = await labUp(options());
});
afterAll(async () => {
  await labDown(options());
  rmSync(folder, { recursive: true, force: true });
});

describe.each(RELEASES)('on %s', (release) => {
  let host: ModuleHost;
  beforeAll(() => {
    host = new ModuleHost(lab, `mod-${release}`, { 'care-trial_1.2-3_all.deb': debFile });
  });

  it('installs packages on a host without lists, starts nothing by it, then enables and starts in one change', async () => {
    await host.shell('rm -rf /var/lib/apt/lists/* /var/lib/apt/periodic/update-success-stamp');
    expect(await host.converge(['package', { name: ['cron', 'busybox-syslogd'] }])).toEqual(['package cron', 'package busybox-syslogd']);
    expect((await host.shell('systemctl is-active cron.service; systemctl is-enabled cron.service; ls /usr/sbin/policy-rc.d')).stdout).toBe('inactive\nenabled\n');
    expect(await host.converge(['systemd', { name: 'cron', state: 'started', enabled: true }])).toEqual(['unit cron.service']);
    expect((await host.shell('systemctl is-active cron.service')).stdout).toBe('active\n');
  });

  it('predicts the start of a unit whose package is yet to come, as one change', async () => {
    expect(await host.converge(['package', { name: 'chrony' }], ['systemd', { name: 'chrony', enabled: true }])).toEqual(['package chrony']);
  });

  it('takes a virtual package as there, and holds, unholds, removes and purges', async () => {
    expect(await host.converge(['package', { name: 'awk' }])).toEqual([]);
    expect(await host.converge(['package', { name: 'chrony', hold: true }])).toEqual(['package chrony']);
    expect((await host.shell('apt-mark showhold')).stdout).toBe('chrony\n');
    expect(await host.converge(['package', { name: 'chrony', hold: false }])).toEqual(['package chrony']);
    expect(await host.converge(['package', { name: 'busybox-syslogd', state: 'absent' }])).toEqual(['package busybox-syslogd']);
    expect(await host.converge(['package', { name: ['chrony', 'busybox-syslogd'], state: 'absent', purge: true }])).toContain('package chrony');
  });

  it('leaves policy-rc.d of a killed run without effect, and sweeps it', async () => {
    await host.shell(`printf '#!/bin/sh\\n# care-provision: temporary\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d`);
    expect(await host.converge(['package', { name: 'bc' }])).toEqual(['package bc']);
    expect((await host.shell('ls /usr/sbin/policy-rc.d')).stdout).toBe('');
  });

  it('pins an exact version, and says which package is not to be had', async () => {
    const version = (await host.shell("apt-cache madison bc | head -n 1 | cut -d '|' -f 2 | tr -d ' '")).stdout.trim();
    expect(await host.converge(['package', { name: `bc=${version}` }])).toEqual([]);
    const plan = await host.plan(['package', { name: 'no-such-package-at-all' }], new FactStore(false), false);
    if (plan.type !== 'changes') throw new Error(plan.type);
    const ran = await host.run(scriptOf(plan.changes[0]));
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('Unable to locate package no-such-package-at-all');
  });

  it('installs a .deb of the controller', async () => {
    expect(await host.converge(['apt', { deb: 'care-trial_1.2-3_all.deb' }])).toEqual(['package care-trial']);
    expect((await host.shell('cat /usr/share/care-trial/hello')).stdout).toBe('hello\n');
  });

  it('finishes an interrupted installation', async () => {
    await host.shell("sed -i '/^Package: care-trial$/,/^$/s/^Status: .*/Status: install ok unpacked/' /var/lib/dpkg/status");
    expect(await host.converge(['package', { name: 'care-trial' }])).toEqual(['package care-trial']);
  });

  it('makes groups and users, with their files', async () => {
    const tasks = [
      ['group', { name: 'hospital', gid: 4711 }],
      ['user', { name: 'amina', uid: 4712, groups: ['hospital', 'adm'], shell: '/bin/bash', comment: 'Amina Rao', password: '$y$j9T$abcdefgh$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', expires: '2030-01-31' }],
      ['authorized_key', { user: 'amina', key: KEY, key_options: 'no-pty' }],
    ] as const;
    expect(await host.converge(...tasks)).toEqual(['group hospital', 'user amina', 'directory /home/amina/.ssh', 'file /home/amina/.ssh/authorized_keys']);
    expect((await host.shell('id amina; stat -c "%a %U %G" /home/amina/.ssh /home/amina/.ssh/authorized_keys; getent shadow amina')).stdout).toBe(
      'uid=4712(amina) gid=4712(amina) groups=4712(amina),4(adm),4711(hospital)\n700 amina amina\n600 amina amina\namina:$y$j9T$abcdefgh$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:' +
        (await host.shell('getent shadow amina | cut -d: -f3-')).stdout,
    );
    expect(await host.converge(['user', { name: 'amina', groups: ['hospital'], password_lock: true, shell: '/bin/sh', expires: -1 }])).toEqual(['user amina']);
    expect(await host.converge(['user', { name: 'amina', groups: ['adm'], append: true, password_lock: false }])).toEqual(['user amina']);
    expect(await host.converge(['authorized_key', { user: 'amina', key: OTHER, exclusive: true }])).toEqual(['file /home/amina/.ssh/authorized_keys']);
    expect((await host.shell('cat /home/amina/.ssh/authorized_keys')).stdout).toBe(`${OTHER}\n`);
    expect(await host.converge(['user', { name: 'amina', state: 'absent', remove: true }], ['group', { name: 'hospital', state: 'absent' }])).toEqual(['user amina', 'group hospital']);
  });

  it('makes a system user with a home of its own, and mends a lost home', async () => {
    expect(await host.converge(['user', { name: 'care-app', system: true, home: '/var/lib/care-app', shell: '/usr/sbin/nologin' }])).toEqual(['user care-app']);
    await host.shell('rm -r /var/lib/care-app');
    expect(await host.converge(['user', { name: 'care-app' }])).toEqual(['directory /var/lib/care-app']);
  });

  it('keeps jobs in crontabs and in /etc/cron.d', async () => {
    await host.shell("printf '#Ansible: old\\n0 1 * * * true\\n' | crontab -");
    expect(await host.converge(['cron', { name: 'nightly', minute: '15', hour: 2, job: 'echo "a%b" >/dev/null' }], ['cron', { name: 'old', state: 'absent' }])).toEqual(['cron nightly of root', 'cron old of root']);
    expect((await host.shell('crontab -l')).stdout).toBe('#Ansible: nightly\n15 2 * * * echo "a%b" >/dev/null\n');
    expect(await host.converge(['cron', { name: 'PATH', env: true, job: '/usr/bin:/bin', cron_file: 'care' }], ['cron', { name: 'x', special_time: 'daily', user: 'root', job: 'true', cron_file: 'care' }])).toEqual(['file /etc/cron.d/care', 'file /etc/cron.d/care']);
    expect((await host.shell('cat /etc/cron.d/care')).stdout).toBe('PATH="/usr/bin:/bin"\n#Ansible: x\n@daily root true\n');
  });

  it('sets kernel parameters now and at boot, and says when the kernel takes none', async () => {
    const before = (await host.shell('cat /proc/sys/net/ipv4/ip_local_port_range')).stdout.trim();
    expect(before).toBe('32768\t60999');
    expect(await host.converge(['sysctl', { name: 'net.ipv4.ip_local_port_range', value: '30000 60000' }])).toEqual(['file /etc/sysctl.d/90-care.conf', 'sysctl net.ipv4.ip_local_port_range']);
    expect((await host.shell('cat /etc/sysctl.d/90-care.conf')).stdout).toBe('net.ipv4.ip_local_port_range = 30000 60000\n');
    const swappiness = { name: 'vm.swappiness', value: 1 };
    expect(await host.plan(['sysctl', swappiness], new FactStore(false), false)).toMatchObject({ type: 'failed', msg: expect.stringContaining('cannot be written on this host') as unknown });
    expect(await host.converge(['sysctl', { ...swappiness, ignoreerrors: true }])).toEqual(['file /etc/sysctl.d/90-care.conf']);
  });

  it('knows what the kernel has built in', async () => {
    expect(await host.plan(['kernel_module', { name: 'no_such_module' }], new FactStore(false), false)).toMatchObject({ type: 'failed' });
    expect(await host.converge(['kernel_module', { name: 'overlay', unavailable: 'ignore' }])).toEqual(['file /etc/modules-load.d/care-overlay.conf']);
  });

  it('names the host, its peers and its zone', async () => {
    await host.shell('command -v locale-gen || true; apt-get install -y -q tzdata >/dev/null 2>&1');
    const tasks = [
      ['hosts_entry', { address: '192.0.2.77', names: ['db7.example.org', 'db7'] }],
      ['timezone', { name: 'Asia/Kolkata' }],
      ['hostname', { name: 'renamed' }],
    ] as const;
    expect(await host.converge(...tasks)).toEqual(['hosts entry 192.0.2.77', 'timezone', 'hostname']);
    expect((await host.shell('getent hosts db7; date +%Z; uname -n; cat /etc/hostname')).stdout).toBe('192.0.2.77      db7.example.org db7\nIST\nrenamed\nrenamed\n');
    expect(await host.converge(['hosts_entry', { address: '192.0.2.77', state: 'absent' }])).toEqual(['hosts entry 192.0.2.77']);
    expect(await host.plan(['timezone', { name: 'Asia/Kolkatta' }], new FactStore(false), false)).toMatchObject({ type: 'failed' });
  });

  it('generates a locale and makes it the default', async () => {
    expect(await host.converge(['package', { name: 'locales' }], ['locale', { name: 'en_IN.UTF-8', lang: 'en_IN.UTF-8' }])).toEqual(['package locales', 'locale en_IN.UTF-8', 'file /etc/default/locale']);
    expect((await host.shell('locale -a')).stdout).toContain('en_IN');
  });

  it('writes units that systemd accepts, starts them, and masks', async () => {
    const content = '[Unit]\nDescription=Trial\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n';
    expect(await host.converge(['systemd_unit', { name: 'trial.service', content }], ['systemd', { name: 'trial', state: 'started', enabled: true }])).toEqual(['file /etc/systemd/system/trial.service', 'unit trial.service']);
    expect(await host.converge(['systemd_unit', { name: 'trial.service', dropin: 'limits', content: '[Service]\nLimitNOFILE=5000\n' }])).toEqual(['file /etc/systemd/system/trial.service.d/limits.conf']);
    expect(await host.predict([['systemd', { name: 'trial', state: 'restarted' }]])).toEqual(['unit trial.service']);
    expect(await host.apply([['systemd', { name: 'trial', state: 'restarted' }]])).toEqual(['unit trial.service']);
    expect((await host.shell('systemctl show -p LimitNOFILE --value trial')).stdout).toBe('5000\n');
    expect(await host.converge(['systemd', { name: 'trial', state: 'stopped', enabled: false }])).toEqual(['unit trial.service']);
    const broken = await host.plan(['systemd_unit', { name: 'broken.service', content: '[Service]\nExecStart=relative/path\n' }], new FactStore(false), false);
    if (broken.type !== 'changes') throw new Error(broken.type);
    expect((await host.run(scriptOf(broken.changes[0]))).status).not.toBe(0);
    expect((await host.shell('ls /etc/systemd/system/broken.service')).stdout).toBe('');
    expect(await host.converge(['systemd', { name: 'apt-daily.timer', state: 'stopped', masked: true }])).toEqual(['unit apt-daily.timer']);
    expect(await host.converge(['systemd', { name: 'apt-daily.timer', masked: false }])).toEqual(['unit apt-daily.timer']);
  });

  it('says so when a start does nothing, and when it fails', async () => {
    const unit = (body: string): string => `[Unit]\n${body}\n[Service]\nType=exec\nExecStart=/bin/false\n`;
    await host.converge(['systemd_unit', { name: 'never.service', content: unit('ConditionPathExists=/no/such/path') }], ['systemd_unit', { name: 'fails.service', content: '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/false\n' }]);
    const run = async (name: string, more = {}): Promise<string> => {
      const plan = await host.plan(['systemd', { name, state: 'started', ...more }], new FactStore(false), false);
      if (plan.type !== 'changes') return plan.type;
      const ran = await host.run(scriptOf(plan.changes[0]));
      return `${String(ran.status)} ${ran.stderr}`;
    };
    expect(await run('never')).toContain('1 unit never.service was not started: a condition of the unit is not met');
    expect(await run('never', { unmet_conditions: 'ignore' })).toBe('ok');
    expect(await run('fails')).toContain('status=1/FAILURE');
    expect(await host.plan(['systemd', { name: 'nowhere', state: 'started' }], new FactStore(false), false)).toMatchObject({ type: 'failed', msg: 'there is no unit nowhere.service on this host' });
  });

  it('mounts, remounts on a changed table, and unmounts', async () => {
    const tmp = { path: '/srv/trial', src: 'tmpfs', fstype: 'tmpfs', state: 'mounted' };
    expect(await host.converge(['mount', { ...tmp, opts: 'size=1m' }])).toEqual(['file /etc/fstab', 'directory /srv/trial', 'mount /srv/trial']);
    expect(await host.converge(['mount', { ...tmp, opts: 'size=2m' }])).toEqual(['file /etc/fstab', 'mount /srv/trial']);
    expect((await host.shell('df -k --output=size /srv/trial | tail -n 1 | tr -d " "')).stdout).toBe('2048\n');
    expect(await host.converge(['mount', { path: '/srv/trial', state: 'absent' }])).toEqual(['mount /srv/trial', 'file /etc/fstab']);
  });

  it('keeps a source of packages with its key, and installs from it only when its lists are there', async () => {
    const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----';
    const source = { name: 'site', uris: 'http://192.0.2.1/debian', suites: release, components: 'main', signed_by: key };
    expect(await host.converge(['apt_repository', { ...source, enabled: false }])).toEqual(['file /etc/apt/keyrings/site.asc', 'file /etc/apt/sources.list.d/site.sources']);
    expect((await host.shell('apt-get indextargets >/dev/null && echo fine')).stdout).toBe('fine\n');
    expect(await host.converge(['apt_repository', { name: 'site', state: 'absent' }])).toEqual(['file /etc/apt/sources.list.d/site.sources', 'file /etc/apt/keyrings/site.asc']);
  });

  it('answers debconf questions', async () => {
    expect(await host.converge(['debconf', { name: 'tzdata', question: 'tzdata/Areas', vtype: 'select', value: 'Asia' }])).toEqual(['debconf tzdata/Areas']);
  });

  it('lets a group run one command, and refuses a broken rule', async () => {
    expect(await host.converge(['sudoers', { name: 'backup', group: 'adm', commands: ['/usr/bin/id -u'] }])).toEqual(['file /etc/sudoers.d/backup']);
    const plan = await host.plan(['sudoers', { name: 'broken', user: 'root', commands: ['/usr/bin/id'], runas: '(((' }], new FactStore(false), false);
    if (plan.type !== 'changes') throw new Error(plan.type);
    expect((await host.run(scriptOf(plan.changes[0]))).status).not.toBe(0);
    expect((await host.shell('ls /etc/sudoers.d/broken; visudo -c >/dev/null && echo fine')).stdout).toBe('fine\n');
  });

  it('knows other hosts by their keys', async () => {
    const key = KEY.split(' ').slice(0, 2).join(' ');
    expect(await host.converge(['known_hosts', { name: 'backup.example.org', key, path: '/etc/ssh/ssh_known_hosts' }])).toEqual(['file /etc/ssh/ssh_known_hosts']);
    expect((await host.shell('ssh-keygen -F backup.example.org -f /etc/ssh/ssh_known_hosts | tail -n 1')).stdout).toBe(`backup.example.org ${key}\n`);
    await host.shell('ssh-keygen -q -H -f /etc/ssh/ssh_known_hosts');
    expect(await host.converge(['known_hosts', { name: 'backup.example.org', key, path: '/etc/ssh/ssh_known_hosts' }])).toEqual([]);
    expect(await host.converge(['known_hosts', { name: 'backup.example.org', state: 'absent', path: '/etc/ssh/ssh_known_hosts' }])).toEqual(['file /etc/ssh/ssh_known_hosts']);
  });

  it('is content with lists that are fresh, and fetches stale ones', async () => {
    expect(await host.converge(['apt', { update_cache: true, cache_valid_time: 86400 }])).toEqual([]);
    await host.shell('touch -d "2 days ago" /var/lib/apt/periodic/update-success-stamp');
    expect(await host.converge(['apt', { update_cache: true, cache_valid_time: 86400 }])).toEqual(['apt lists']);
    expect(await host.converge(['package', { name: 'bc', state: 'latest' }])).toEqual([]);
  });
});
