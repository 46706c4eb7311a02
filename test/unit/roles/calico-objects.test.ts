/** What role calico has the API make of an inventory. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { createScope, lazyView } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';
import type { ValueMap } from '../../../src/support/value.ts';

const ROLE = path.join(import.meta.dirname, '../../../roles/calico');
const read = (name: string): string => readFileSync(path.join(ROLE, name), 'utf8');
const { options } = parse(read('role.yml')) as { readonly options: Readonly<Record<string, { readonly default?: ValueMap[string] }>> };
const DEFAULTS: ValueMap = Object.fromEntries(Object.entries(options).flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value]])));
const HOSTS: ValueMap = { k1: { ansible_host: '192.0.2.11', site: 'kochi' }, k2: { ansible_host: '192.0.2.12', site: 'kochi', ansible_port: 2222 }, w1: { kubernetes_address: '198.51.100.21', zone: 'delhi' } };

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The objects of a template, by kind and name, in their order. */
function objects(template: string, more: ValueMap = {}): ReadonlyMap<string, Manifest> {
  const scope = createScope([
    { values: DEFAULTS, templated: true },
    { values: { groups: { kube_control_plane: ['k1', 'k2'], kube_node: ['w1'] }, hostvars: HOSTS, inventory_hostname: 'k1' }, templated: false },
    { values: more, templated: true },
    { values: parse(read('vars/main.yml')) as ValueMap, templated: true },
  ]);
  const text = renderValue(read(`templates/${template}`), scope);
  if (typeof text !== 'string') throw new Error('manifests are text');
  const all = parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
  return new Map(all.map((each) => [`${each.kind} ${each.metadata.name}`, each]));
}

describe('installation', () => {
  const network = (more: ValueMap = {}): Readonly<Record<string, unknown>> => objects('installation.yaml.hbs', more).get('Installation default')?.spec['calicoNetwork'] as Readonly<Record<string, unknown>>;

  test('one pool of all addresses, in VXLAN, with nftables as kube-proxy', () => {
    expect([...objects('installation.yaml.hbs').keys()]).toEqual(['Installation default', 'APIServer default']);
    expect(network()).toEqual({
      linuxDataplane: 'Nftables', bgp: 'Disabled', nodeAddressAutodetectionV4: { kubernetes: 'NodeInternalIP' },
      ipPools: [{
        name: 'default-ipv4-ippool', cidr: '10.244.0.0/16', encapsulation: 'VXLAN', natOutgoing: 'Enabled', nodeSelector: 'all()', blockSize: 26,
        disableBGPExport: false, disableNewAllocations: false, allowedUses: ['Workload', 'Tunnel'], assignmentMode: 'Automatic',
      }],
    });
    expect(network({ kubernetes_proxy_mode: 'iptables', calico_mtu: 1400, calico_bgp: true })).toMatchObject({ linuxDataplane: 'Iptables', mtu: 1400, bgp: 'Enabled' });
  });

  test('pools by site', () => {
    const pools = network({ calico_ip_pools: [
      { name: 'kochi', cidr: '10.244.0.0/17', zone: 'kochi', encapsulation: 'VXLANCrossSubnet', nat_outgoing: false },
      { name: 'old', cidr: '10.244.128.0/17', node_selector: 'has(old)', block_size: 28, disabled: true, bgp_export: false },
    ] })['ipPools'];
    expect(pools).toMatchObject([
      { nodeSelector: "topology.kubernetes.io/zone == 'kochi'", encapsulation: 'VXLANCrossSubnet', natOutgoing: 'Disabled', blockSize: 26, disableNewAllocations: false },
      { nodeSelector: 'has(old)', encapsulation: 'VXLAN', blockSize: 28, disableNewAllocations: true, disableBGPExport: true },
    ]);
  });

  test('more fields do not take the place of the role’s own', () => {
    const spec = objects('installation.yaml.hbs', { calico_installation_spec: { registry: 'registry.example.org/', cni: {} } }).get('Installation default')?.spec;
    expect(spec).toMatchObject({ registry: 'registry.example.org/', cni: { type: 'Calico' }, controlPlaneReplicas: 2 });
  });
});

describe('policies', () => {
  test('by default pods may talk to DNS alone; nothing holds for hosts', () => {
    const made = objects('policies.yaml.hbs');
    expect([...made.keys()]).toEqual(['FelixConfiguration default', 'GlobalNetworkPolicy care-default-deny', 'KubeControllersConfiguration default']);
    const deny = made.get('GlobalNetworkPolicy care-default-deny');
    expect(deny?.metadata.labels).toEqual({ 'care-provision/set': 'calico', 'app.kubernetes.io/managed-by': 'care-provision' });
    const dns = (protocol: string): object => ({ action: 'Allow', protocol, destination: { namespaceSelector: "kubernetes.io/metadata.name == 'kube-system'", selector: "k8s-app == 'kube-dns'", ports: [53] } });
    expect(deny?.spec).toEqual({
      tier: 'default', order: 100_000, types: ['Ingress', 'Egress'], egress: [dns('UDP'), dns('TCP')],
      namespaceSelector: "has(kubernetes.io/metadata.name) && kubernetes.io/metadata.name not in { 'kube-system', 'calico-system', 'calico-apiserver', 'tigera-operator' } && (!(kubernetes.io/metadata.name starts with 'care-verify-') || care-provision/verify == 'calico')",
    });
    expect(made.get('KubeControllersConfiguration default')?.spec).toEqual({ controllers: { node: { hostEndpoint: { autoCreate: 'Disabled' } } } });
    expect([...objects('policies.yaml.hbs', { calico_default_deny: false }).keys()]).not.toContain('GlobalNetworkPolicy care-default-deny');
  });

  test('every port of SSH stays open, and what the cluster can’t be mended without', () => {
    expect(objects('policies.yaml.hbs', { calico_wireguard: true, calico_felix_configuration: { logSeverityScreen: 'Warning' } }).get('FelixConfiguration default')?.spec).toEqual({
      logSeverityScreen: 'Warning', wireguardEnabled: true,
      failsafeInboundHostPorts: [
        { protocol: 'tcp', port: 22 }, { protocol: 'tcp', port: 2222 }, { protocol: 'udp', port: 68 }, { protocol: 'tcp', port: 179 }, { protocol: 'tcp', port: 2379 }, { protocol: 'tcp', port: 2380 },
        { protocol: 'tcp', port: 5473 }, { protocol: 'tcp', port: 6443 }, { protocol: 'tcp', port: 7443 },
      ],
      failsafeOutboundHostPorts: [
        { protocol: 'udp', port: 53 }, { protocol: 'udp', port: 67 }, { protocol: 'tcp', port: 179 }, { protocol: 'tcp', port: 2379 }, { protocol: 'tcp', port: 2380 }, { protocol: 'tcp', port: 5473 },
        { protocol: 'tcp', port: 6443 }, { protocol: 'tcp', port: 7443 },
      ],
    });
  });

  test('for hosts: nodes, and what is declared; endpoints come after the policy', () => {
    const made = objects('policies.yaml.hbs', { calico_host_endpoints: true, calico_host_ingress: [{ name: 'node ports', ports: ['30000:32767'], nets: ['203.0.113.0/24'] }, { name: 'web', ports: [443] }] });
    expect([...made.keys()].slice(-2)).toEqual(['GlobalNetworkPolicy care-hosts', 'KubeControllersConfiguration default']);
    expect(made.get('GlobalNetworkPolicy care-hosts')?.spec).toEqual({
      tier: 'default', order: 100_000, selector: "projectcalico.org/created-by == 'calico-kube-controllers'", types: ['Ingress'],
      ingress: [
        { action: 'Allow', protocol: 'ICMP' },
        { action: 'Allow', source: { nets: ['127.0.0.0/8'] }, destination: { nets: ['127.0.0.0/8'] } },
        { action: 'Allow', source: { nets: ['192.0.2.11/32', '192.0.2.12/32', '198.51.100.21/32'] } },
        { action: 'Allow', protocol: 'TCP', metadata: { annotations: { name: 'node ports' } }, source: { nets: ['203.0.113.0/24'] }, destination: { ports: ['30000:32767'] } },
        { action: 'Allow', protocol: 'TCP', metadata: { annotations: { name: 'web' } }, destination: { ports: [443] } },
      ],
    });
    expect(made.get('KubeControllersConfiguration default')?.spec).toEqual({ controllers: { node: { hostEndpoint: { autoCreate: 'Enabled' } } } });
  });

  test('tiers before policies; BGP only where it is on', () => {
    const made = objects('policies.yaml.hbs', {
      calico_bgp: true, calico_bgp_peers: [{ name: 'tor', address: '192.0.2.1', as_number: 64_600, zone: 'kochi' }],
      calico_tiers: [{ name: 'security', order: 300 }], calico_global_network_policies: [{ name: 'quarantine', tier: 'security', spec: { selector: "quarantine == 'yes'", types: ['Ingress', 'Egress'] } }],
    });
    expect([...made.keys()].slice(1, 5)).toEqual(['BGPConfiguration default', 'BGPPeer tor', 'Tier security', 'GlobalNetworkPolicy quarantine']);
    expect(made.get('BGPPeer tor')?.spec).toEqual({ peerIP: '192.0.2.1', asNumber: 64_600, nodeSelector: "topology.kubernetes.io/zone == 'kochi'" });
    expect(made.get('BGPConfiguration default')?.spec).toEqual({ asNumber: 64_512, nodeToNodeMeshEnabled: true });
    expect(made.get('GlobalNetworkPolicy quarantine')?.spec).toEqual({ selector: "quarantine == 'yes'", types: ['Ingress', 'Egress'], tier: 'security' });
    expect(made.get('Tier security')?.spec).toEqual({ order: 300, defaultAction: 'Pass' });
  });
});

test('nodes are those of the inventory, with their zones and ports of SSH', () => {
  const scope = createScope([
    { values: DEFAULTS, templated: true },
    { values: { groups: { kube_control_plane: ['k1', 'k2'], kube_node: ['w1'] }, hostvars: HOSTS }, templated: false },
    { values: parse(read('vars/main.yml')) as ValueMap, templated: true },
  ]);
  expect(lazyView(scope)['calico_nodes']).toEqual([
    { name: 'k1', address: '192.0.2.11', zone: 'kochi', ssh_ports: [22] }, { name: 'k2', address: '192.0.2.12', zone: 'kochi', ssh_ports: [22, 2222] }, { name: 'w1', address: '198.51.100.21', zone: 'delhi', ssh_ports: [22] },
  ]);
});
