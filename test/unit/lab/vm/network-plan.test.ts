import { describe, expect, it } from 'vitest';
import { bridgeName, gateway, macAddress, tapName } from '../../../../src/lab/vm/names.ts';
import { bridges, interfacesOf, removals, rules, taps } from '../../../../src/lab/vm/network-plan.ts';
import type { PlacedHost } from '../../../../src/lab/spec.ts';

const hosts: readonly PlacedHost[] = [
  { name: 'a1', site: 'kochi', release: 'trixie', address: '172.30.8.10' },
  { name: 'a2', site: 'kochi', release: 'trixie', address: '172.30.8.11' },
  { name: 'b1', site: 'delhi', release: 'trixie', address: '172.30.9.10' },
];

describe('interfaces', () => {
  it('are a bridge for each site, with its gateway, and a tap for each host in its site', () => {
    const [kochi, delhi] = [bridgeName('lab', '172.30.8.10'), bridgeName('lab', '172.30.9.10')];
    expect([...bridges('lab', hosts)]).toEqual([[kochi, '172.30.8.1/24'], [delhi, '172.30.9.1/24']]);
    expect([...taps('lab', hosts).values()]).toEqual([kochi, kochi, delhi]);
  });
  it('have names that fit (IFNAMSIZ), that no two hosts or labs share', () => {
    const names = ['lab', 'lab-2'].flatMap((lab) => ['172.30.8.10', '172.30.8.254', '172.30.11.10', '172.30.11.254'].flatMap((address) => [tapName(lab, address), bridgeName(lab, address)]));
    expect(new Set(names).size).toBe(2 * (4 + 2));
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(15);
  });
  it('are found again in what ip(8) lists, those of other labs and docker left alone', () => {
    const mine = [tapName('lab', '172.30.8.10'), bridgeName('lab', '172.30.8.10')];
    const listing = ['lo', 'docker0', 'veth1@if2', bridgeName('lab-2', '172.30.8.10'), ...mine].map((name, index) => `${index + 1}: ${name}: <UP> mtu 1500\\    link/ether`).join('\n');
    expect(interfacesOf('lab', listing)).toEqual([...mine].sort());
  });
  it('have addresses of their own', () => {
    expect(gateway('172.30.9.10')).toBe('172.30.9.1');
    expect(macAddress('lab', 'a1')).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
    expect(macAddress('lab', 'a1')).not.toBe(macAddress('lab', 'a2'));
  });
});

describe('firewall rules', () => {
  const listed = (lab: string): string => rules(lab, '172.30.8.0/22', false).filter((rule) => rule.table === 'filter').map((rule) => `-A ${rule.chain} ${rule.words.join(' ')}`).join('\n');
  it('are taken away by their mark, and nobody else’s are', () => {
    const listing = `-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n${listed('lab')}\n${listed('lab-2')}`;
    const gone = removals('lab', 'filter', listing);
    expect(gone).toHaveLength(2);
    expect(gone.map((args) => args.slice(0, 4))).toEqual([['-t', 'filter', '-D', 'FORWARD'], ['-t', 'filter', '-D', 'FORWARD']]);
    expect(gone.flat().join(' ')).not.toContain('lab-2');
  });
  it('are found with the quotes that iptables puts around a comment', () => {
    expect(removals('lab', 'nat', '-A POSTROUTING -s 172.30.8.0/22 -m comment --comment "care-provision.lab=lab" -j MASQUERADE')).toEqual([
      ['-t', 'nat', '-D', 'POSTROUTING', '-s', '172.30.8.0/22', '-m', 'comment', '--comment', 'care-provision.lab=lab', '-j', 'MASQUERADE'],
    ]);
  });
  it('let nothing out of an isolated lab, and its sites reach each other', () => {
    const isolated = rules('lab', '172.30.8.0/22', true).map((rule) => rule.words.join(' '));
    // Each is put before the one before.
    expect(isolated).toEqual([expect.stringMatching(/^-i \S+ -m .* -j DROP$/), expect.stringMatching(/^-i (\S+) -o \1 .* -j ACCEPT$/)]);
  });
});
