/** What a node lets in from the others. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';
import type { ValueMap } from '../../../src/support/value.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/kubernetes/templates/firewall.nft.hbs'), 'utf8');
const NODES = [{ name: 'k1', address: '192.0.2.11', control_plane: true }, { name: 'w1', address: '198.51.100.21', control_plane: false }, { name: 'w2', address: '203.0.113.22', control_plane: false }];

function rulesOf(host: string, cni: string, more: ValueMap = {}): readonly string[] {
  const text = renderValue(TEMPLATE, createScope([{
    values: { inventory_hostname: host, kubernetes_nodes: NODES, kubernetes_is_control_plane: host === 'k1', kubernetes_cni: cni, kubernetes_api_port: 6443, kubernetes_pod_network: '10.244.0.0/16', kubernetes_api_client_networks: [], ...more }, templated: false,
  }]));
  if (typeof text !== 'string') throw new Error('the rules are text');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a worker takes routes and tunnels of kube-router from every other node, and kubelet’s port from control planes alone', () => {
  expect(rulesOf('w1', 'kube_router')).toEqual([
    'ip saddr 192.0.2.11 tcp dport 10250 accept comment "kubelet from k1"',
    'ip saddr 192.0.2.11 tcp dport 179 accept comment "BGP of k1"',
    'ip saddr 192.0.2.11 ip protocol 4 accept comment "IPIP tunnel of k1"',
    'ip saddr 203.0.113.22 tcp dport 179 accept comment "BGP of w2"',
    'ip saddr 203.0.113.22 ip protocol 4 accept comment "IPIP tunnel of w2"',
  ]);
});

test('without kube-router nothing of it is open', () => {
  expect(rulesOf('w1', 'none')).toEqual(['ip saddr 192.0.2.11 tcp dport 10250 accept comment "kubelet from k1"']);
  expect(rulesOf('k1', 'none').filter((rule) => /BGP|IPIP/.test(rule))).toEqual([]);
});

test('with Calico: Typha and VXLAN; WireGuard and BGP where they are on, BGP of routers too', () => {
  const others = (rules: readonly string[]): readonly string[] => rules.filter((rule) => rule.includes('w2') || rule.includes('tor'));
  const always = ['ip saddr 203.0.113.22 tcp dport 5473 accept comment "Typha for w2"', 'ip saddr 203.0.113.22 udp dport 4789 accept comment "VXLAN of w2"'];
  expect(others(rulesOf('w1', 'calico'))).toEqual(always);
  expect(others(rulesOf('w1', 'calico', { calico_wireguard: true, calico_bgp: true, calico_bgp_peers: [{ name: 'tor', address: '192.0.2.1' }] }))).toEqual([
    ...always, 'ip saddr 203.0.113.22 udp dport 51820 accept comment "WireGuard of w2"', 'ip saddr 203.0.113.22 tcp dport 179 accept comment "BGP of w2"',
    'ip saddr 203.0.113.22 ip protocol 4 accept comment "IPIP tunnel of w2"', 'ip saddr 192.0.2.1 tcp dport 179 accept comment "BGP of tor"',
  ]);
});
