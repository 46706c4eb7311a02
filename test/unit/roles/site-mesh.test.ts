/** What role site_mesh makes of an inventory: peers at other sites, and what WireGuard is told of them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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
      '# b1', '[Peer]', 'PublicKey = B1=', 'Endpoint = 198.51.100.1:51821', 'AllowedIPs = 198.51.100.0/24,10.1.0.0/16', 'PersistentKeepalive = 0', `PresharedKey = ${seed.toString('base64')}`,
      '# c1', '[Peer]', 'PublicKey = C1=', 'Endpoint = [2001:db8::1]:51821', 'AllowedIPs = 2001:db8::1/128', 'PersistentKeepalive = 0',
    ]);
  });
});
