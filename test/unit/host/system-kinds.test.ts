/** Kinds about the system: what real hosts printed (recorded from Debian 12 and 13), and this machine. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { group, user } from '../../../src/host/kinds/account.ts';
import { aptCandidate, aptLists, parsePolicy } from '../../../src/host/kinds/apt.ts';
import { hostname, locale, localeKey } from '../../../src/host/kinds/identity.ts';
import { kernelModule } from '../../../src/host/kinds/kernel-module.ts';
import { mount, parseMountinfo } from '../../../src/host/kinds/mount.ts';
import { packageState, packageVersion } from '../../../src/host/kinds/package.ts';
import { normalSysctl, sysctl, sysctlPath } from '../../../src/host/kinds/sysctl.ts';
import { unit, unitFileEffects, unitName, type UnitFact } from '../../../src/host/kinds/unit.ts';
import type { Query } from '../../../src/host/query.ts';
import { observe, observeOne, shells } from '../modules/exec.ts';

const recorded = (name: string): Buffer => readFileSync(new URL(`recorded/${name}`, import.meta.url));

/** The row that tells the native architecture. */
const DPKG = 'dpkg\tamd64\tii \t1.22\t\n';

/** What a kind reads from an output; sections follow the head. */
function parsed<F>(queries: readonly Query<F>[], head: Buffer | string, ...sections: readonly (Buffer | string)[]): readonly F[] {
  const [first] = queries;
  if (first === undefined) throw new Error('no query');
  // Sound: a kind's parser makes that kind's facts.
  return first.kind.parse(queries.map((q) => q.key), { head: Buffer.from(head), sections: sections.map((s) => Buffer.from(s)) }) as readonly F[];
}

describe.each(['trixie', 'bookworm'])('recorded on %s', (release) => {
  const units = (...names: readonly string[]): readonly UnitFact[] =>
    parsed(names.map((name) => unit({ name, scope: 'system' })), recorded(`systemctl-show.${release}.txt`));

  test('systemctl show', () => {
    const [ssh, alias, none, , masked, static_, root] = units('ssh.service', 'sshd.service', 'no-such.service', 'e2scrub_all.timer', 'systemd-modules-load.service', 'systemd-sysctl.service', '-.mount');
    expect(ssh).toEqual({ id: 'ssh.service', load: 'loaded', active: 'active', sub: 'running', unitFile: 'enabled', needReload: false, conditionMet: true, fleeting: false });
    expect(alias).toMatchObject({ id: 'ssh.service', active: 'active' });
    expect(none).toMatchObject({ load: 'not-found', active: 'inactive', unitFile: '', conditionMet: true });
    expect(masked).toMatchObject({ load: 'masked', unitFile: 'masked' });
    expect(static_).toMatchObject({ unitFile: 'static', fleeting: false });
    expect(root).toMatchObject({ active: 'active', unitFile: '' });
  });

  test('dpkg-query', () => {
    const list = Buffer.concat([Buffer.from(DPKG), recorded(`dpkg-query.${release}.txt`)]);
    const [sudo, awk, none, foreign] = parsed([packageState('sudo'), packageState('awk'), packageState('nginx'), packageState('sudo:i386')], '', list);
    expect(sudo).toEqual({ state: 'installed', hold: false, providedBy: [] });
    expect(awk).toEqual({ state: 'absent', hold: false, providedBy: ['mawk'] });
    expect(none).toEqual({ state: 'absent', hold: false, providedBy: [] });
    expect(foreign?.state).toBe('absent');
    expect(parsed([packageVersion('systemd'), packageVersion('nginx')], '', list)).toEqual([release === 'trixie' ? '257.13-1~deb13u1' : '252.39-1~deb12u2', undefined]);
  });

  test('apt-cache policy', () => {
    const text = recorded(`apt-cache-policy.${release}.txt`);
    const [sudo, awk, none] = parsed([aptCandidate({ name: 'sudo' }), aptCandidate({ name: 'awk' }), aptCandidate({ name: 'no-such' })], text);
    expect(sudo?.version).toMatch(/^1\.9\.1/);
    expect([awk?.version, none?.version]).toEqual([undefined, undefined]);
    expect(parsePolicy(text.toString()).size).toBe(release === 'trixie' ? 2 : 1);
  });
});

test('units: no systemd, a skipped condition, an answer that is cut off', () => {
  const one = unit({ name: 'a.service', scope: 'system' });
  expect(parsed([one], '')[0]?.load).toBe('no-systemd');
  const block = 'Id=a.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=static\nConditionResult=no\nConditionTimestampMonotonic=5\nType=oneshot\nRemainAfterExit=no\n';
  expect(parsed([one], block)[0]).toMatchObject({ conditionMet: false, fleeting: true });
  expect(() => parsed([one, unit({ name: 'b.service', scope: 'system' })], block)).toThrow('1 of 2 units');
  const both = parsed([unit({ name: 'u.service', scope: 'user' }), one], block, block.replaceAll('a.service', 'u.service'));
  expect(both.map((f) => f.id)).toEqual(['u.service', 'a.service']);
});

test('units: what systemd has not read again is what is on the disk', () => {
  const block = (name: string, reload: string): string => `Id=${name}\nLoadState=loaded\nActiveState=active\nUnitFileState=static\nNeedDaemonReload=${reload}\n\n`;
  const keys = ['a.service', 'b.service'].map((name) => unit({ name, scope: 'system' }));
  const facts = parsed(keys, `${block('a.service', 'yes')}${block('b.service', 'no')}\nAsked=a.service\nIsEnabled=disabled\n\nAsked=b.service\nIsEnabled=static\n`);
  expect(facts.map((f) => f.unitFile)).toEqual(['disabled', 'static']);
});

test('units: files of theirs', () => {
  const forgotten = (path: string): readonly string[] => unitFileEffects(path).map((e) => (e.type === 'forget' ? e.query.id : e.type === 'forget-kinds' ? 'all' : ''));
  expect(forgotten('/etc/systemd/system/a.service')).toEqual(['unit:system/a.service']);
  expect(forgotten('/usr/lib/systemd/system/a.service.d/10-care.conf')).toEqual(['unit:system/a.service']);
  expect(forgotten('/etc/systemd/system/multi-user.target.wants/a.timer')).toEqual(['unit:system/multi-user.target', 'unit:system/a.timer']);
  expect(forgotten('/etc/systemd/system/a@.service')).toEqual(['all']);
  expect(forgotten('/etc/systemd/system.conf')).toEqual([]);
});

test('units: what a stop or start claims', () => {
  const fact: UnitFact = { id: 'a.service', load: 'loaded', active: 'failed', sub: 'failed', unitFile: 'enabled', needReload: false, conditionMet: true, fleeting: false };
  const { kind } = unit({ name: 'a', scope: 'system' });
  expect(kind.same({ ...fact, active: 'inactive', sub: undefined }, fact)).toBe(true);
  expect(kind.same({ ...fact, active: 'active', sub: undefined }, fact)).toBe(false);
  expect(kind.same({ ...fact, active: 'active', sub: undefined }, { ...fact, active: 'reloading' })).toBe(true);
  expect(kind.same({ ...fact, unitFile: 'disabled' }, fact)).toBe(false);
});

test.each([
  ['ii ', { state: 'installed', hold: false }],
  ['hi ', { state: 'installed', hold: true }],
  ['rc ', { state: 'config-files' }],
  ['un ', { state: 'absent' }],
  ['iU ', { state: 'interrupted' }],
  ['iF ', { state: 'interrupted' }],
  ['it ', { state: 'interrupted' }],
  ['iiR', { state: 'interrupted' }],
])('dpkg says %j', (letters, fact) => {
  expect(parsed([packageState('x')], '', `${DPKG}x\tamd64\t${letters}\t1\t\n`)[0]).toMatchObject(fact);
});

test('packages of several architectures, and confirming', () => {
  const list = 'libx\ti386\tii \t1\t\nlibx\tamd64\trc \t2\t\ny\tall\tii \t3\t\n';
  expect(parsed(['libx', 'libx:i386', 'y'].map(packageState), '', DPKG + list).map((f) => f.state)).toEqual(['config-files', 'installed', 'installed']);
  const { kind } = packageState('x');
  const installed = { state: 'installed', hold: false, providedBy: [] };
  expect(kind.same(installed, { state: 'absent', hold: false, providedBy: ['mawk'] })).toBe(true);
  expect(kind.same(installed, { state: 'absent', hold: false, providedBy: [] })).toBe(false);
  expect(kind.same({ ...installed, hold: true }, installed)).toBe(false);
  expect(kind.same({ ...installed, state: 'config-files' }, { ...installed, state: 'absent' })).toBe(true);
  expect(() => packageState('x').kind.probe(["x'; reboot; '"])).toThrow('not a package name');
  expect(() => parsed([packageState('x')], 'care-no-dpkg\n', DPKG)).toThrow('no Debian packages');
});

test('apt lists', () => {
  expect(parsed([aptLists], 'lists\n1700000000\n', '')).toEqual([{ updated: 1700000000, outdated: false }]);
  expect(parsed([aptLists], '1700000000\n', '')).toEqual([{ updated: 0, outdated: false }]);
  expect(parsed([aptLists], 'lists\n', '')).toEqual([{ updated: 0, outdated: false }]);
  expect(parsed([aptLists], 'lists\n1700000000\n', '/etc/apt/sources.list.d/x.sources\n')).toEqual([{ updated: 1700000000, outdated: true }]);
});

test('accounts', () => {
  const [amina, ldap, none] = parsed(
    [user('amina'), user('jose'), user('nobody-here')],
    'jose:*:9001:9001::/home/jose:/bin/sh\n',
    'p:amina:x:1001:1001:Amina Rao,,,:/home/amina:/bin/bash\ng:root:x:0:\ng:sudo:x:27:amina\ng:adm:x:4:syslog,amina\ng:amina:x:1001:\ns:amina:!$y$hash:20000:0:99999:7::21000:\n',
  );
  expect(amina).toMatchObject({ uid: 1001, gid: 1001, group: 'amina', comment: 'Amina Rao,,,', groups: ['adm', 'sudo'], expires: 21000, local: true });
  expect(amina?.password?.reveal()).toBe('!$y$hash');
  expect(JSON.stringify(amina)).not.toContain('$y$');
  expect(ldap).toMatchObject({ group: '9001', local: false, password: undefined, expires: undefined });
  expect(none).toBeNull();
  expect(parsed([group('adm'), group('ldap'), group('none')], 'ldap:*:9000:\n', 'adm:x:4:\n')).toEqual([{ gid: 4, local: true }, { gid: 9000, local: false }, null]);
});

test('names of parameters, locales and units', () => {
  expect(sysctlPath('net.ipv4.ip_forward')).toBe('/proc/sys/net/ipv4/ip_forward');
  expect(sysctlPath('net.ipv4.conf.eth0/100.forwarding')).toBe('/proc/sys/net/ipv4/conf/eth0.100/forwarding');
  expect(sysctlPath('net/ipv4/conf/eth0.100/forwarding')).toBe('/proc/sys/net/ipv4/conf/eth0.100/forwarding');
  expect(normalSysctl('32768\t60999\n')).toBe('32768 60999');
  expect(localeKey('en_IN.UTF-8')).toBe('en_in.utf8');
  expect([unitName('chrony'), unitName('a.timer'), unitName('getty@tty1')]).toEqual(['chrony.service', 'a.timer', 'getty@tty1.service']);
});

test('mountinfo: optional fields, escapes, the topmost of several', () => {
  const text = '604 569 0:129 / / rw,relatime master:234 - overlay overlay rw,lowerdir=/x\n605 604 0:1 / /srv/a\\040b rw - ext4 /dev/sda1 rw\n606 604 0:2 / /srv/a\\040b rw shared:1 master:2 - tmpfs tmpfs rw,size=4k\n';
  expect(parseMountinfo(text).map((row) => row.target)).toEqual(['/', '/srv/a b', '/srv/a b']);
  expect(parsed([mount('/srv/a b'), mount('/srv')], text)).toEqual([{ source: 'tmpfs', fstype: 'tmpfs', options: ['rw', 'size=4k'] }, null]);
});

describe.each(shells)('on this machine, by %s', (shell) => {
  test('root, its group, the root file system, the host name, C.UTF-8', () => {
    expect(observeOne(user('root'), shell)).toMatchObject({ uid: 0, group: 'root', home: '/root', local: true });
    expect(observeOne(user('no-such-user'), shell)).toBeNull();
    expect(observe([user('root'), user('no-such-user'), user('daemon'), user('a=b')], shell)).toMatchObject([{ uid: 0 }, null, { uid: 1, local: true }, null]);
    expect(observeOne(group('root'), shell)).toEqual({ gid: 0, local: true });
    expect(observeOne(mount('/'), shell)).not.toBeNull();
    expect(observeOne(mount('/no/such'), shell)).toBeNull();
    expect(observeOne(hostname, shell).running).toMatch(/./);
    expect(observeOne(locale('C.UTF-8'), shell)).toBe(true);
  });
  test('kernel parameters and modules', () => {
    expect(observeOne(sysctl('kernel.ostype'), shell)).toMatchObject({ value: 'Linux' });
    expect(observeOne(sysctl('kernel.no_such'), shell)).toBeUndefined();
    expect(observeOne(kernelModule('no-such-module'), shell)).toBe('unavailable');
  });
  test('packages, with mawk and with busybox awk', () => {
    expect(observeOne(packageState('dpkg'), shell)).toEqual({ state: 'installed', hold: false, providedBy: [] });
    expect(observeOne(packageState('awk'), shell).providedBy.length).toBeGreaterThan(0);
    expect(observeOne(packageVersion('no-such-package'), shell)).toBeUndefined();
    expect(observeOne(packageVersion('libc6'), shell)).toMatch(/^2\./);
  });
});
