import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostsFromInventory } from '../../../src/lab/inventory-hosts.ts';
import { checkSpec, chooseNetwork, generateHosts, placeHosts, takenBy, type HostSpec } from '../../../src/lab/spec.ts';

describe('generateHosts', () => {
  it('spreads hosts over two sites, the last of four or more on the older Debian', () => {
    expect(generateHosts(4).map((host) => [host.name, host.site, host.release])).toEqual([
      ['care-a1', 'kochi', 'trixie'],
      ['care-a2', 'kochi', 'trixie'],
      ['care-b1', 'delhi', 'trixie'],
      ['care-b2', 'delhi', 'bookworm'],
    ]);
    expect(generateHosts(6, 'x-').map((host) => host.name)).toEqual(['x-a1', 'x-a2', 'x-b1', 'x-b2', 'x-a3', 'x-a4']);
    expect(generateHosts(1).map((host) => host.release)).toEqual(['trixie']);
  });
  it('is what the inventory of the lab holds', () => {
    const path = 'inventory/lab/hosts.yml';
    expect(hostsFromInventory(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'), path)).toEqual(expect.arrayContaining([...generateHosts(4)]));
  });
  it.each([0, -1, 1.5, 201])('refuses %s hosts', (count) => {
    expect(() => generateHosts(count)).toThrow('1 to 200');
  });
  it.each(['', 'Up', '-x', 'a b', 'a/b'])('refuses the prefix %j', (prefix) => {
    expect(() => generateHosts(1, prefix)).toThrow('host names');
  });
});

describe('checkSpec', () => {
  const host: HostSpec = { name: 'h1', site: 's', release: 'trixie' };
  it('refuses names that docker or DNS could not carry', () => {
    expect(() => { checkSpec('Bad name', []); }).toThrow('name a lab');
    expect(() => { checkSpec('lab', [{ ...host, name: 'under_score' }]); }).toThrow('RFC 1123');
    expect(() => { checkSpec('lab', [host, host]); }).toThrow('two hosts named h1');
    expect(() => { checkSpec('lab', [host]); }).not.toThrow();
  });
});

describe('takenBy', () => {
  it.each([
    [['default', '172.30.4.0/22', 'fd00::/64', '0.0.0.0/0'], undefined],
    [['192.168.0.0/16', '172.30.3.0/24'], '172.30.3.0/24'],
    [['172.16.0.0/12'], '172.16.0.0/12'],
  ])('names what a lab\u2019s network overlaps: %j', (taken, expected) => {
    expect(takenBy('172.30.0.0/22', taken)).toBe(expected);
  });
});

describe('chooseNetwork', () => {
  it('takes the first range that nothing overlaps', () => {
    expect(chooseNetwork([])).toBe('172.30.0.0/22');
    expect(chooseNetwork(['172.30.0.0/22', '172.30.6.0/24', 'default', 'fd00::/64'])).toBe('172.30.8.0/22');
    expect(chooseNetwork(['172.16.0.0/12'])).toBe('10.213.0.0/22');
    expect(chooseNetwork(['0.0.0.0/0'])).toBe('172.30.0.0/22');
  });
  it('says so when all are taken', () => {
    expect(() => chooseNetwork(['172.16.0.0/12', '10.0.0.0/8'])).toThrow('no free network');
  });
});

describe('placeHosts', () => {
  it('gives each site its own part', () => {
    expect(placeHosts(generateHosts(6), '172.30.4.0/22').map((host) => host.address)).toEqual([
      '172.30.4.10', '172.30.4.11', '172.30.5.10', '172.30.5.11', '172.30.4.12', '172.30.4.13',
    ]);
  });
  it('never gives an address twice, nor one outside', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (count) => {
        const addresses = placeHosts(generateHosts(count), '172.30.0.0/22').map((host) => host.address);
        expect(new Set(addresses).size).toBe(count);
        for (const address of addresses) expect(address).toMatch(/^172\.30\.[0-3]\.\d+$/);
      }),
      { numRuns: 40 },
    );
  });
  it('refuses a fifth site', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e'].map((site): HostSpec => ({ name: `h-${site}`, site, release: 'trixie' }));
    expect(() => placeHosts(hosts, '172.30.0.0/22')).toThrow('up to 4 sites');
  });
});

describe('hostsFromInventory', () => {
  const read = (text: string): readonly HostSpec[] => hostsFromInventory(text, 'hosts.yml');
  it('lets a host\'s own variable win over its group\'s, and an inner group\'s over an outer\'s', () => {
    const text = 'all:\n  vars: {site: one}\n  children:\n    g:\n      vars: {site: two}\n      hosts:\n        a:\n        b: {site: three, lab_release: bookworm}\n  hosts:\n    c:\n';
    expect(read(text)).toEqual([
      { name: 'c', site: 'one', release: 'trixie' },
      { name: 'a', site: 'two', release: 'trixie' },
      { name: 'b', site: 'three', release: 'bookworm' },
    ]);
  });
  it('keeps what one group says of a host when another group names it again', () => {
    const text = 'all:\n  children:\n    s: {vars: {site: one}, hosts: {a: {lab_release: bookworm}}}\n    etcd: {hosts: {a: }}\n';
    expect(read(text)).toEqual([{ name: 'a', site: 'one', release: 'bookworm' }]);
  });
  it('takes a host for one that runs containers only when it says so', () => {
    expect(read('all: {vars: {site: x}, hosts: {a: {lab_nested: true}, b: {lab_nested: false}}}').map((host) => host.nested)).toEqual([true, undefined]);
  });
  it.each([
    ['all: {vars: {site: x, lab_nested: "yes"}, hosts: {a: }}', 'must be true or false'],
    ['all: {hosts: {a: }}', 'no site'],
    ['all: {vars: {site: x}, hosts: {"a[1:3]": }}', 'ranges'],
    ['all: {vars: {site: x, lab_release: sarge}, hosts: {a: }}', 'no image of'],
    ['all: {}', 'no hosts'],
    ['all: [', 'not YAML'],
  ])('refuses %s', (text, why) => {
    expect(() => read(text)).toThrow(why);
  });
});
