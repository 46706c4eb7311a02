/** What role site_mesh makes of an inventory: peers at other sites, and what WireGuard is told of them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';
import type { ValueMap } from '../../../src/support/value.ts';

const ROLE = path.join(import.meta.dirname, '../../../roles/site_mesh');
const HOSTS = [
  { name: 'a1', site: 'a', endpoint: '192.0.2.1', networks: [] },
  { name: 'a2', site: 'a', endpoint: '192.0.2.2', networks: [] },
  { name: 'b1', site: 'b', endpoint: '198.51.100.1', networks: ['198.51.100.0/24', '10.1.0.0/16'] },
  { name: 'c1', site: 'c', endpoint: '2001:db8::1', networks: [] },
];

function rendered(template: string, values: ValueMap): string {
  const all = { inventory_hostname: 'a1', site_mesh_site: 'a', site_mesh_hosts: HOSTS, site_mesh_port: 51820, site_mesh_secret: '', site_mesh_public_keys: { stdout: 'a1=A1=\na2=A2=\nb1=B1=\nc1=C1=\n' }, ...values };
  const text = renderValue(readFileSync(path.join(ROLE, 'templates', template), 'utf8'), createScope([{ values: all, templated: false }]));
  if (typeof text !== 'string') throw new Error('what is rendered is text');
  return text;
}
const rows = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('peers are the hosts of other sites, with what is behind them', () => {
  expect(rows(rendered('peers.hbs', {}))).toEqual(['b1 198.51.100.1 B1= none 198.51.100.0/24,10.1.0.0/16', 'c1 2001:db8::1 C1= none 2001:db8::1/128']);
});

test('a host whose key nobody has seen yet is no peer', () => {
  expect(rows(rendered('peers.hbs', { site_mesh_public_keys: { stdout: 'a1=A1=\nb1=B1=' } }))).toEqual(['b1 198.51.100.1 B1= none 198.51.100.0/24,10.1.0.0/16']);
});

test('both ends of a pair derive one preshared key, and no other pair has it', () => {
  const seedOf = (own: string, site: string, peer: string): string | undefined => rows(rendered('peers.hbs', { inventory_hostname: own, site_mesh_site: site, site_mesh_secret: 's' })).find((line) => line.startsWith(`${peer} `))?.split(' ')[3];
  const seed = seedOf('a1', 'a', 'b1');
  expect(seed).toBe(createHash('sha256').update('s|a1|b1').digest('hex'));
  expect(seedOf('b1', 'b', 'a1')).toBe(seed);
  expect(new Set([seed, seedOf('a1', 'a', 'c1'), seedOf('a2', 'a', 'b1'), seedOf('b1', 'b', 'c1')]).size).toBe(4);
});

test('the port is open to the endpoints of other sites alone', () => {
  expect(rows(rendered('firewall.nft.hbs', {}))).toEqual(['ip saddr 198.51.100.1 udp dport 51820 accept comment "WireGuard of b1"', 'ip6 saddr 2001:db8::1 udp dport 51820 accept comment "WireGuard of c1"']);
});

describe('public keys on the controller', () => {
  const Tasks = z.array(z.looseObject({ name: z.string().optional(), shell: z.string().optional() }));
  const task = Tasks.parse(parse(readFileSync(path.join(ROLE, 'tasks', 'peers.yml'), 'utf8'))).find((each) => each.name === 'public keys of all peers');
  const [A1, B1] = [createHash('sha256').update('a1').digest('base64'), createHash('sha256').update('b1').digest('base64')];
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'care mesh-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const listed = (files: Readonly<Record<string, string>>): ReturnType<typeof spawnSync> => {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, `${name}.pub`), text);
    const script = renderValue(task?.shell ?? '', createScope([{ values: { site_mesh_key_dir: directory }, templated: false }]));
    if (typeof script !== 'string') throw new Error('what is rendered is text');
    return spawnSync('sh', ['-c', script], { encoding: 'utf8', timeout: 20_000 });
  };

  test('are listed by host', () => {
    expect(listed({ a1: `${A1}\n`, b1: `${B1}\n` })).toMatchObject({ status: 0, stdout: `a1=${A1}\nb1=${B1}\n`, stderr: '' });
  });
  test('are none before the first apply', () => {
    expect(listed({})).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });
  test.each([
    ['a line that speaks for another host', `${A1}\nb1=${A1}\n`, 'a1.pub holds no public key'],
    ['networks behind the key', `${A1} none 0.0.0.0/0\n`, 'a1.pub holds no public key'],
    ['nothing', '', 'a1.pub holds no public key'],
    ['the key of another host', `${B1}\n`, 'these hosts have one public key: a1.pub b1.pub'],
  ])('with %s are refused', (_what, text, reason) => {
    expect(listed({ a1: text, b1: `${B1}\n` })).toMatchObject({ status: 1, stderr: expect.stringContaining(reason) as string });
  });
});

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-site-mesh, %s', (_name, [shell, ...words]) => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'care mesh-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test('tells WireGuard keys, endpoints, networks and preshared keys', () => {
    const seed = createHash('sha256').update('x\0y').digest();
    writeFileSync(path.join(directory, 'private.key'), 'PRIVATE=\n');
    writeFileSync(path.join(directory, 'settings'), 'port=51821\nmtu=1420\nkeepalive=0\nsource=192.0.2.1\n');
    writeFileSync(path.join(directory, 'peers'), `# comment\nb1 198.51.100.1 B1= ${seed.toString('hex')} 198.51.100.0/24,10.1.0.0/16\nc1 2001:db8::1 C1= none 2001:db8::1/128\n`);
    // The functions alone, without what the last lines do.
    const text = readFileSync(path.join(ROLE, 'files', 'care-site-mesh'), 'utf8').replace(/^case \$\{1:-\} in[\s\S]*/m, 'settings\nconfiguration\n');
    writeFileSync(path.join(directory, 'program'), text);
    const said = execFileSync(shell, [...words, path.join(directory, 'program')], { env: { CARE_MESH_CONF: directory }, encoding: 'utf8', timeout: 20_000 });
    expect(said.split('\n').filter((line) => line !== '')).toEqual([
      '[Interface]', 'PrivateKey = PRIVATE=', 'ListenPort = 51821', 'FwMark = 0xca6e',
      '# b1', '[Peer]', 'PublicKey = B1=', 'Endpoint = 198.51.100.1:51821', 'PersistentKeepalive = 0', 'AllowedIPs = 198.51.100.0/24,10.1.0.0/16', `PresharedKey = ${seed.toString('base64')}`,
      '# c1', '[Peer]', 'PublicKey = C1=', 'Endpoint = [2001:db8::1]:51821', 'PersistentKeepalive = 0', 'AllowedIPs = 2001:db8::1/128',
    ]);
  });

  /** The program with stand-ins for WireGuard's and iproute2's: handshakes, routes and what was asked for are files. */
  const program = (files: Readonly<Record<string, string>>): ((...args: readonly string[]) => ReturnType<typeof spawnSync>) => {
    mkdirSync(path.join(directory, 'bin'));
    const tools = {
      wg: 'case "$1 $3" in "show latest-handshakes") cat handshakes ;; "addconf "*) cat "$3" >>asked ;; *) echo "wg $*" >>asked ;; esac',
      ip: `drop() { grep -vE "^(unreachable )?\${1%/32}( |$)" routes >routes.new; mv routes.new routes; }
case "$1 $2 $3 $4" in "-4 route show table") cat routes ;; "-4 route replace unreachable") echo "unreachable \${5%/32}" >>routes ;; "-4 route replace "*) drop "$4"; echo "$4 dev care-mesh" >>routes ;; "-4 route del "*) drop "$4" ;; "-4 rule show ") echo lookup 51822 ;; esac`,
      ping: 'for last do :; done; echo "ping $last" >>asked',
      nft: 'cat >/dev/null',
    };
    for (const [name, text] of Object.entries(tools)) {
      writeFileSync(path.join(directory, 'bin', name), `#!/bin/sh\ncd "$CARE_MESH_CONF"\n${text}\n`);
      chmodSync(path.join(directory, 'bin', name), 0o755);
    }
    const all = { settings: 'port=51820\nmtu=1420\nkeepalive=25\nsource=192.0.2.1\n', routes: '', asked: '', ...files };
    for (const [name, text] of Object.entries(all)) writeFileSync(path.join(directory, name), text);
    writeFileSync(path.join(directory, 'program'), readFileSync(path.join(ROLE, 'files', 'care-site-mesh'), 'utf8').replace(/^PATH=.*$/m, `PATH='${path.join(directory, 'bin')}':/usr/bin:/bin`));
    return (...args) => spawnSync(shell, [...words, path.join(directory, 'program'), ...args], { env: { CARE_MESH_CONF: directory, RUNTIME_DIRECTORY: directory }, encoding: 'utf8', timeout: 20_000 });
  };
  const read = (name: string): string => readFileSync(path.join(directory, name), 'utf8');
  const PEERS = '# comment\nb1 198.51.100.1 B1= none 198.51.100.0/24\nb2 198.51.100.2 B2= none 198.51.100.2/32\n';

  test('routes to nobody who has never answered, and goes on routing to who has', () => {
    const mesh = program({ peers: PEERS, handshakes: 'B1=\t0\nB2=\t0\n' });
    expect(mesh('settle', '0')).toMatchObject({ status: 0, stdout: 'b1\nb2\n', stderr: '' });
    expect(read('routes')).toBe('');
    writeFileSync(path.join(directory, 'handshakes'), 'B1=\t0\nB2=\t1795000000\n');
    expect(mesh('settle', '0')).toMatchObject({ status: 0, stdout: 'b1\n', stderr: '' });
    expect(read('routes')).toBe('198.51.100.2/32 dev care-mesh\n');
    // After a boot: no handshake, no route, and nothing in the clear all the same.
    writeFileSync(path.join(directory, 'handshakes'), 'B1=\t0\nB2=\t0\n');
    writeFileSync(path.join(directory, 'routes'), '');
    expect(mesh('settle', '0').stdout).toBe('b1\n');
    expect(read('routes')).toBe('198.51.100.2/32 dev care-mesh\n');
  });

  test('leaves routed what a former version routed, and forgets who is no peer any more', () => {
    const mesh = program({ peers: PEERS, handshakes: '', routes: '198.51.100.2 dev care-mesh scope link\n', answered: 'c9\n' });
    expect(mesh('settle', '0').stdout).toBe('b1\n');
    expect([read('answered'), read('routes').includes('198.51.100.2')]).toEqual(['b2\n', true]);
  });

  test('calls those who have not answered while it waits', async () => {
    // Seconds are whole ones: of one, nothing may be left.
    expect(program({ peers: PEERS, handshakes: '', answered: 'b2\n' })('settle', '3').stdout).toBe('b1\n');
    // Nobody waits for who is called.
    await vi.waitFor(() => { expect(read('asked')).toMatch(/^(ping 198\.51\.100\.0\n)+$/); }, 10_000);
  });

  test('leaves no way in the clear at boot to who has answered once, which the tunnel takes over', () => {
    const mesh = program({ peers: PEERS, handshakes: '', answered: 'b2\n', routes: '192.0.2.9 dev care-mesh scope link\n' });
    expect(mesh('guard')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(read('routes')).toBe('192.0.2.9 dev care-mesh scope link\nunreachable 198.51.100.2\n');
    expect(mesh('settle', '0')).toMatchObject({ status: 0, stdout: 'b1\n', stderr: '' });
    expect(read('routes')).toBe('198.51.100.2/32 dev care-mesh\n');
    // One that is there already is not cut.
    expect(mesh('guard').status).toBe(0);
    expect(read('routes')).toBe('198.51.100.2/32 dev care-mesh\n');
  });

  test('takes the new key of a peer once it is shown, and the networks with it', () => {
    const key = createHash('sha256').update('new').digest('base64');
    expect(program({ peers: PEERS, handshakes: `B2=\t1795000000\n${key}\t1795000009\n` })('follow', 'b2', key, '5')).toMatchObject({ status: 0, stderr: '' });
    expect(read('asked').split('\n').filter((line) => line !== '')).toEqual([
      '[Peer]', `PublicKey = ${key}`, 'Endpoint = 198.51.100.2:51820', 'PersistentKeepalive = 1',
      `wg set care-mesh peer ${key} persistent-keepalive 25 allowed-ips 198.51.100.2/32`, 'wg set care-mesh peer B2= remove',
    ]);
    expect(read('peers')).toBe(PEERS.replace('B2=', key));
  });

  test('expects the next key of a peer without networks, which WireGuard takes no empty line for', () => {
    const mesh = program({ peers: PEERS, handshakes: '' });
    expect(mesh('expect', 'b2', 'NEW=')).toMatchObject({ status: 0, stderr: '' });
    expect(mesh('expect', 'b1', 'B1=').status).toBe(0);
    expect([read('asked'), read('peers')]).toEqual(['[Peer]\nPublicKey = NEW=\nEndpoint = 198.51.100.2:51820\nPersistentKeepalive = 1\n', PEERS]);
  });

  test('keeps the former key when the new one is never shown, and lets others pass', () => {
    const mesh = program({ peers: PEERS, handshakes: 'B2=\t1795000000\n' });
    expect(mesh('follow', 'b2', 'NEW=', '0')).toMatchObject({ status: 1, stderr: expect.stringContaining('b2 has not shown its new key') as string });
    expect([read('asked').endsWith('wg set care-mesh peer NEW= remove\n'), read('peers')]).toEqual([true, PEERS]);
    expect(mesh('follow', 'a9', 'NEW=', '0').status).toBe(0);
  });
});
