import { describe, expect, it } from 'vitest';
import { checkCalico } from '../../../../src/modules/calico_inventory/check.ts';
import { calicoInventory } from '../../../../src/modules/calico_inventory/index.ts';
import { CalicoInventoryArgs } from '../../../../src/modules/calico_inventory/schema.ts';
import { goldenCases } from '../golden.ts';

goldenCases(calicoInventory, import.meta.url);

const FAILSAFE = [{ port: 22 }, { port: 6443 }, { port: 2379 }, { port: 2380 }, { port: 5473 }];
const SOUND = {
  version: '3.32.1', pod_network: '10.244.0.0/16',
  nodes: [{ name: 'a1', address: '192.0.2.11', zone: 'kochi' }, { name: 'a2', address: '192.0.2.12', zone: 'kochi' }, { name: 'b1', address: '198.51.100.11', zone: 'delhi' }],
  pools: [{ name: 'all', cidr: '10.244.0.0/16' }],
  failsafe_inbound_ports: FAILSAFE,
};
const check = (more: Readonly<Record<string, unknown>>): string => checkCalico(CalicoInventoryArgs.parse({ ...SOUND, ...more })).join('\n');

describe('pools', () => {
  it('lets sound ones be', () => {
    expect(check({})).toBe('');
    expect(check({ pools: [{ name: 'kochi', cidr: '10.244.0.0/17', zone: 'kochi' }, { name: 'rest', cidr: '10.244.128.0/17', node_selector: '!has(gpu)' }] })).toBe('');
  });

  it('hold them to the network of the pods', () => {
    expect(check({ pools: [{ name: 'all', cidr: '10.245.0.0/16' }] })).toContain('the pool all, 10.245.0.0/16, is not in the network of the pods, 10.244.0.0/16');
    expect(check({ pools: [{ name: 'all', cidr: '10.240.0.0/12' }] })).toContain('is not in the network of the pods');
    expect(check({ pools: [{ name: 'all', cidr: '10.244.9.0/16' }] })).toContain('which is an address in a network');
    expect(check({ pools: [{ name: 'all', cidr: '10.244.300.0/24' }] })).toContain('which is no IPv4 network');
  });

  it('refuses two of one name, and addresses that are in two', () => {
    const twins = check({ pools: [{ name: 'one', cidr: '10.244.0.0/17' }, { name: 'one', cidr: '10.244.64.0/18' }] });
    expect(twins).toContain('two pools are named one');
    expect(twins).toContain('the pools one, 10.244.0.0/17, and one, 10.244.64.0/18, overlap');
  });

  it('wants one for every node, and nodes for every zone', () => {
    expect(check({ pools: [] })).toContain('there is no pool');
    expect(check({ pools: [{ name: 'kochi', cidr: '10.244.0.0/17', zone: 'kochi' }] })).toBe('pods on b1 (zone delhi) would get no address: no pool is for them');
    expect(check({ pools: [{ name: 'all', cidr: '10.244.0.0/16', disabled: true }] })).toContain('pods on a1 (zone kochi), a2 (zone kochi), b1 (zone delhi) would get no address');
    expect(check({ pools: [...SOUND.pools.map((pool) => ({ ...pool, cidr: '10.244.0.0/17' })), { name: 'pune', cidr: '10.244.128.0/17', zone: 'pune' }] })).toContain('for the zone pune, which no node is in');
    expect(check({ pools: [{ name: 'all', cidr: '10.244.0.0/16', zone: 'kochi', node_selector: 'all()' }] })).toContain('both zone and node_selector');
  });

  it('counts their blocks', () => {
    expect(check({ pools: [{ name: 'all', cidr: '10.244.0.0/25' }] })).toContain('has 2 blocks of /26, and 3 nodes each need one');
    expect(check({ pools: [{ name: 'all', cidr: '10.244.0.0/25', block_size: 27 }] })).toBe('');
    expect(check({ pools: [{ name: 'all', cidr: '10.244.0.0/27' }] })).toContain('is smaller than one of its blocks (/26)');
  });
});

describe('routing', () => {
  it.each(['IPIP', 'IPIPCrossSubnet', 'None'])('%s needs BGP', (encapsulation) => {
    expect(check({ encapsulation })).toContain(`the pool all (${encapsulation}) needs BGP`);
    expect(check({ encapsulation, bgp: true })).toBe('');
    expect(check({ pools: [{ name: 'all', cidr: '10.244.0.0/16', encapsulation }] })).toContain('needs BGP');
  });

  it('VXLAN does not', () => {
    expect(check({ encapsulation: 'VXLANCrossSubnet' })).toBe('');
    expect(check({ bgp: true })).toBe('');
  });

  it('refuses peers without BGP, of no zone, of one name; and BGP without peers', () => {
    const peer = { name: 'tor', address: '192.0.2.1', as_number: 64_600 };
    expect(check({ bgp_peers: [peer] })).toContain('BGP is off, and there are BGP peers (tor)');
    expect(check({ bgp: true, bgp_peers: [peer], bgp_node_mesh: false })).toBe('');
    expect(check({ bgp: true, bgp_peers: [peer, peer] })).toContain('two BGP peers are named tor');
    expect(check({ bgp: true, bgp_peers: [{ ...peer, zone: 'pune' }] })).toContain('for the zone pune');
    expect(check({ bgp: true, bgp_node_mesh: false })).toContain('no other peer that would tell them of routes');
  });

  it('refuses nftables beside a kube-proxy with iptables', () => {
    expect(check({ proxy_mode: 'iptables' })).toContain('Calico with nftables needs kube-proxy with nftables');
    expect(check({ proxy_mode: 'iptables', linux_dataplane: 'Iptables' })).toBe('');
  });
});

describe('policies', () => {
  const tier = { name: 'security', order: 300 };
  it('are in a tier that there is, once, under names that are nobody’s', () => {
    expect(check({ tiers: [tier], policies: [{ name: 'quarantine', tier: 'security', spec: {} }, { name: 'open', spec: {} }] })).toBe('');
    expect(check({ policies: [{ name: 'quarantine', tier: 'security', spec: {} }] })).toContain('is in the tier security, which calico_tiers does not have');
    expect(check({ policies: [{ name: 'x', spec: {} }, { name: 'x', spec: {} }] })).toContain('two policies are named x');
    expect(check({ policies: [{ name: 'care-default-deny', spec: {} }] })).toContain("one of role calico's own");
    expect(check({ policies: [{ name: 'x', spec: { tier: 'security' } }] })).toContain('names a tier in its spec');
  });
  it('refuses tiers of Calico’s own, and such as come too late', () => {
    expect(check({ tiers: [{ ...tier, name: 'calico-system' }] })).toContain("the tier calico-system is Calico's own");
    expect(check({ tiers: [{ ...tier, order: 2_000_000 }] })).toContain('comes after the tier default');
  });
});

describe('what stays open on hosts', () => {
  it('has the port of SSH of every node, for everybody', () => {
    expect(check({ host_endpoints: true })).toBe('');
    const nodes = SOUND.nodes.map((node, i) => ({ ...node, ssh_ports: i === 2 ? [22, 2222] : [22] }));
    expect(check({ host_endpoints: true, nodes })).toContain('lacks the port of SSH of b1 (2222)');
    expect(check({ host_endpoints: true, failsafe_inbound_ports: FAILSAFE.map((each) => ({ ...each, net: '192.0.2.0/24' })) })).toContain('the port of SSH of a1 (22), a2 (22), b1 (22), or has it for some addresses only');
  });
  it('has the ports by which a policy can be mended; without policies for hosts all is open anyway', () => {
    expect(check({ host_endpoints: true, failsafe_inbound_ports: [{ port: 22 }, { port: 6443 }] })).toContain('lacks TCP 2379, 2380, 5473');
    expect(check({ failsafe_inbound_ports: [] })).toBe('');
  });
  it('refuses ports that are opened for nothing', () => {
    expect(check({ host_ingress: [{ name: 'web', ports: [443] }] })).toContain('no policy holds for hosts');
    expect(check({ host_endpoints: true, host_ingress: [{ name: 'web', ports: [443, '30000:32767'] }] })).toBe('');
  });
});

it('refuses versions whose API takes no policies by server-side apply', () => {
  expect(check({ version: '3.32.0' })).toContain('3.32.1 is the oldest');
  expect(check({ version: '3.31.7' })).toContain('3.32.1 is the oldest');
  expect(check({ version: '3.33.1' })).toBe('');
});
