/**
 * What an inventory may ask of Calico. Pure: everything here can be told before a host is touched.
 *
 * Sources: docs.tigera.io (Installation reference, "Get started with IP address pools", "Protect hosts", "nftables"); the operator's own validation
 * (tigera/operator, pkg/controller/installation and ippool), which would leave the cluster without a network; projectcalico/calico #12841.
 */
import { holds, networkOf, overlap, type Network } from '../common/ipv4.ts';
import { repeated } from '../common/repeated.ts';
import type { CalicoInventoryArgs, Encapsulation, Node, Pool } from './schema.ts';

/** Tiers that Calico and its operator have for themselves. */
const OWN_TIERS: readonly string[] = ['default', 'kube-admin', 'kube-baseline', 'calico-system'];
/** What is in the tier `default` comes at this place. */
const DEFAULT_TIER_ORDER = 1_000_000;
/** Names of this role's own policies. */
const OWN_POLICIES: readonly string[] = ['care-default-deny', 'care-hosts'];
/** Ports besides that of the API without which nodes can't heal: etcd, its peers, and Typha, through which nodes hear of policies. */
const VITAL_PORTS: readonly number[] = [2379, 2380, 5473];

const listed = (names: readonly string[]): string => names.join(', ');

/** 3.32.0 can't create policies by server-side apply, which is how this program applies all it does. */
function versions(args: CalicoInventoryArgs): readonly string[] {
  const [, minor = 0, patch = 0] = args.version.split('.').map(Number);
  return minor < 32 || (minor === 32 && patch < 1) ? [`Calico ${args.version} can't be used: 3.32.1 is the oldest whose API takes policies by server-side apply`] : [];
}

/** Whether pods on a node get an address from a pool; undefined where that hangs on other labels. */
function serves(pool: Pool, node: Node): boolean | undefined {
  if (pool.node_selector !== undefined) return undefined;
  return pool.zone === undefined || pool.zone === node.zone;
}

function poolTroubles(pool: Pool, pods: Network | undefined, args: CalicoInventoryArgs): readonly string[] {
  const found: string[] = [];
  const network = networkOf(pool.cidr);
  if (network === undefined) return [`the pool ${pool.name} is ${pool.cidr}, which is no IPv4 network`];
  if (network.base % 2 ** (32 - network.length) !== 0) found.push(`the pool ${pool.name} is ${pool.cidr}, which is an address in a network, not the network itself`);
  if (pods !== undefined && !holds(pods, network)) found.push(`the pool ${pool.name}, ${pool.cidr}, is not in the network of the pods, ${args.pod_network}: kube-proxy and firewalls would take its pods for strangers`);
  if (pool.zone !== undefined && pool.node_selector !== undefined) found.push(`the pool ${pool.name} has both zone and node_selector: take one`);
  if (pool.zone !== undefined && !args.nodes.some((node) => node.zone === pool.zone)) found.push(`the pool ${pool.name} is for the zone ${pool.zone}, which no node is in`);
  const blocks = 2 ** (pool.block_size - network.length);
  const nodes = args.nodes.filter((node) => serves(pool, node) === true).length;
  if (blocks < 1) found.push(`the pool ${pool.name}, ${pool.cidr}, is smaller than one of its blocks (/${String(pool.block_size)})`);
  else if (blocks < nodes) found.push(`the pool ${pool.name}, ${pool.cidr}, has ${String(blocks)} blocks of /${String(pool.block_size)}, and ${String(nodes)} nodes each need one`);
  return found;
}

/** Pools as wholes: names, overlaps, nodes without one. */
export function checkPools(args: CalicoInventoryArgs): readonly string[] {
  const found: string[] = [];
  if (args.pools.length === 0) return ['there is no pool of addresses for pods: calico_ip_pools is empty'];
  const pods = networkOf(args.pod_network);
  for (const pool of args.pools) found.push(...poolTroubles(pool, pods, args));
  const same = repeated(args.pools.map((pool) => pool.name));
  if (same.length > 0) found.push(`two pools are named ${listed(same)}`);
  for (const [i, one] of args.pools.entries()) {
    for (const other of args.pools.slice(i + 1)) {
      const [a, b] = [networkOf(one.cidr), networkOf(other.cidr)];
      if (a !== undefined && b !== undefined && overlap(a, b)) found.push(`the pools ${one.name}, ${one.cidr}, and ${other.name}, ${other.cidr}, overlap`);
    }
  }
  const open = args.pools.filter((pool) => !pool.disabled);
  const without = args.nodes.filter((node) => open.every((pool) => serves(pool, node) === false));
  if (without.length > 0) found.push(`pods on ${without.map((node) => `${node.name} (${node.zone === '' ? 'no zone' : `zone ${node.zone}`})`).join(', ')} would get no address: no pool is for them`);
  return found;
}

const encapsulationOf = (pool: Pool, args: CalicoInventoryArgs): Encapsulation => pool.encapsulation ?? args.encapsulation;

/** How packets find their way. */
export function checkRouting(args: CalicoInventoryArgs): readonly string[] {
  const found: string[] = [];
  const bare = args.pools.filter((pool) => !encapsulationOf(pool, args).startsWith('VXLAN'));
  if (!args.bgp && bare.length > 0) found.push(`${bare.map((pool) => `the pool ${pool.name} (${encapsulationOf(pool, args)})`).join(', ')} needs BGP, by which nodes hear where its addresses are: calico_bgp: true, or the encapsulation VXLAN`);
  if (!args.bgp && args.bgp_peers.length > 0) found.push(`BGP is off, and there are BGP peers (${listed(args.bgp_peers.map((peer) => peer.name))}): calico_bgp: true`);
  if (args.bgp && !args.bgp_node_mesh && args.bgp_peers.length === 0) found.push('nodes are no BGP peers of each other (calico_bgp_node_mesh: false), and there is no other peer that would tell them of routes');
  const same = repeated(args.bgp_peers.map((peer) => peer.name));
  if (same.length > 0) found.push(`two BGP peers are named ${listed(same)}`);
  for (const peer of args.bgp_peers) {
    if (peer.zone !== undefined && !args.nodes.some((node) => node.zone === peer.zone)) found.push(`the BGP peer ${peer.name} is for the zone ${peer.zone}, which no node is in`);
  }
  if (args.linux_dataplane === 'Nftables' && args.proxy_mode !== 'nftables') found.push(`Calico with nftables needs kube-proxy with nftables, and kubernetes_proxy_mode is ${args.proxy_mode}: calico_linux_dataplane: Iptables, or kubernetes_proxy_mode: nftables`);
  return found;
}

/** Tiers, and the policies in them. */
export function checkPolicies(args: CalicoInventoryArgs): readonly string[] {
  const found: string[] = [];
  const tiers = args.tiers.map((tier) => tier.name);
  for (const [what, names] of [['tiers', tiers], ['policies', args.policies.map((policy) => policy.name)]] as const) {
    const same = repeated(names);
    if (same.length > 0) found.push(`two ${what} are named ${listed(same)}`);
  }
  for (const tier of args.tiers) {
    if (OWN_TIERS.includes(tier.name)) found.push(`the tier ${tier.name} is Calico's own`);
    if (tier.order >= DEFAULT_TIER_ORDER) found.push(`the tier ${tier.name} comes after the tier default (order ${String(tier.order)}), whose last policy denies: it would never be asked`);
  }
  for (const policy of args.policies) {
    if (policy.tier !== 'default' && !tiers.includes(policy.tier)) found.push(`the policy ${policy.name} is in the tier ${policy.tier}, which calico_tiers does not have`);
    if (OWN_POLICIES.includes(policy.name)) found.push(`the policy ${policy.name} has the name of one of role calico's own`);
    if ('tier' in policy.spec) found.push(`the policy ${policy.name} names a tier in its spec: put it beside the name`);
  }
  return found;
}

/** What stays open on hosts whatever policies say: without it a mistake in a policy can't be mended from outside. */
export function checkFailsafe(args: CalicoInventoryArgs): readonly string[] {
  if (!args.host_endpoints) return args.host_ingress.length === 0 ? [] : ['calico_host_ingress opens ports of hosts, and no policy holds for hosts: calico_host_endpoints: true'];
  const found: string[] = [];
  const open = (port: number): boolean => args.failsafe_inbound_ports.some((each) => each.protocol === 'tcp' && each.port === port);
  const toAll = (port: number): boolean => args.failsafe_inbound_ports.some((each) => each.protocol === 'tcp' && each.port === port && each.net === undefined);
  const locked = args.nodes.flatMap((node) => node.ssh_ports.filter((port) => !toAll(port)).map((port) => `${node.name} (${String(port)})`));
  if (locked.length > 0) found.push(`calico_failsafe_inbound_ports lacks the port of SSH of ${listed(locked)}, or has it for some addresses only: a mistake in a policy would lock you out`);
  const vital = [args.api_port, ...VITAL_PORTS].filter((port) => !open(port));
  if (vital.length > 0) found.push(`calico_failsafe_inbound_ports lacks TCP ${listed(vital.map(String))}: without the API, etcd and Typha no node would hear that a policy was mended`);
  return found;
}

/** Everything that is wrong, each in a sentence. */
export function checkCalico(args: CalicoInventoryArgs): readonly string[] {
  return [...versions(args), ...checkPools(args), ...checkRouting(args), ...checkPolicies(args), ...checkFailsafe(args)];
}
