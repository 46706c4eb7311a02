import { z } from 'zod';
import { Ipv4Network } from '../arguments.ts';

/** RFC 1123, as names of Kubernetes' objects. */
const NAME = z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be lower-case letters, digits, dots and dashes');

const Encapsulation = z.enum(['VXLAN', 'VXLANCrossSubnet', 'IPIP', 'IPIPCrossSubnet', 'None']);
export type Encapsulation = z.output<typeof Encapsulation>;

const Pool = z.strictObject({
  name: NAME.describe('Its name'),
  cidr: Ipv4Network.describe('Its addresses, a part of the network of the pods'),
  zone: z.string().min(1).optional().describe('For pods on nodes of this zone alone (topology.kubernetes.io/zone)'),
  node_selector: z.string().min(1).optional().describe('For pods on nodes that this selector of Calico chooses'),
  encapsulation: Encapsulation.optional().describe('Where it is not `encapsulation`'),
  block_size: z.int().min(20).max(32).default(26).describe('Prefix length of the blocks that nodes take from it'),
  nat_outgoing: z.boolean().default(true).describe('Whether pods leave for addresses outside all pools under their node’s address'),
  disabled: z.boolean().default(false).describe('Whether no pod gets an address from it any more'),
  bgp_export: z.boolean().default(true).describe('Whether BGP peers hear of it'),
});
export type Pool = z.output<typeof Pool>;

const Peer = z.strictObject({
  name: NAME.describe('Its name'),
  address: z.string().regex(/^\d{1,3}(\.\d{1,3}){3}$/, 'must be an IPv4 address').describe('Address of the router'),
  as_number: z.int().min(1).max(4_294_967_295).describe('Its number of an autonomous system'),
  zone: z.string().min(1).optional().describe('For nodes of this zone alone'),
});
export type Peer = z.output<typeof Peer>;

const Port = z.strictObject({
  protocol: z.enum(['tcp', 'udp', 'sctp']).default('tcp').describe('Protocol'),
  port: z.int().min(1).max(65_535).describe('Port'),
  net: Ipv4Network.optional().describe('From these addresses alone'),
});
export type Port = z.output<typeof Port>;

const Tier = z.strictObject({
  name: NAME.describe('Its name'),
  order: z.number().min(0).describe('Lower ones are asked first; that of Calico’s own components is 100, `default` comes at 1000000'),
  default_action: z.enum(['Pass', 'Deny']).default('Pass').describe('What happens to traffic that its policies choose and say nothing of'),
});

const Policy = z.strictObject({
  name: NAME.describe('Its name'),
  tier: z.string().default('default').describe('Its tier'),
  spec: z.record(z.string(), z.unknown()).describe('GlobalNetworkPolicySpec of projectcalico.org/v3, without the tier'),
});

const HostPorts = z.strictObject({
  name: z.string().min(1).describe('What it is'),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP').describe('Protocol'),
  ports: z.array(z.union([z.int().min(1).max(65_535), z.string().regex(/^\d+:\d+$/, 'must be a port, or first:last')])).min(1).describe('Ports, or ranges such as 30000:32767'),
  nets: z.array(Ipv4Network).default([]).describe('From these networks alone'),
});

const Node = z.strictObject({
  name: z.string().describe('The host'),
  address: z.string().describe('Its address for the other nodes'),
  zone: z.string().default('').describe('Its label topology.kubernetes.io/zone'),
  ssh_ports: z.array(z.int().min(1).max(65_535)).default([22]).describe('Ports that its sshd may listen on'),
});
export type Node = z.output<typeof Node>;

export const CalicoInventoryArgs = z.strictObject({
  version: z.string().regex(/^3\.\d+\.\d+$/, 'must be a version of Calico, such as 3.32.1').describe('Version of Calico'),
  nodes: z.array(Node).describe('All nodes of the cluster'),
  pod_network: Ipv4Network.describe('Network of the pods, as kubeadm has it'),
  encapsulation: Encapsulation.default('VXLAN').describe('How packets of pods travel between nodes'),
  pools: z.array(Pool).max(25).describe('Pools of addresses; the operator takes at most 25'),
  bgp: z.boolean().default(false).describe('Whether nodes speak BGP'),
  bgp_node_mesh: z.boolean().default(true).describe('Whether every node is a BGP peer of every other'),
  bgp_peers: z.array(Peer).default([]).describe('Routers outside the cluster'),
  linux_dataplane: z.enum(['Nftables', 'Iptables']).default('Nftables').describe('What nodes enforce policies with'),
  proxy_mode: z.enum(['nftables', 'iptables']).default('nftables').describe('How kube-proxy does services'),
  tiers: z.array(Tier).default([]).describe('Tiers of policies'),
  policies: z.array(Policy).default([]).describe('Policies of the cluster as a whole'),
  host_endpoints: z.boolean().default(false).describe('Whether policies hold for hosts, too'),
  host_ingress: z.array(HostPorts).default([]).describe('What hosts let in besides'),
  failsafe_inbound_ports: z.array(Port).describe('Ports of hosts that no policy closes'),
  api_port: z.int().default(6443).describe('Port of the API servers'),
});
export type CalicoInventoryArgs = z.output<typeof CalicoInventoryArgs>;
