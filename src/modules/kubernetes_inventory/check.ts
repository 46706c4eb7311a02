/**
 * What an inventory may ask of a Kubernetes cluster. Pure: everything here can be told before a host is touched.
 *
 * Sources: kubernetes.io, "Version Skew Policy" (kubelet up to three minor versions older than the API server, never newer), and
 * "Creating Highly Available Clusters with kubeadm"; etcd's FAQ ("Why an odd number of cluster members?").
 */
import { revealed } from '../../support/secret.ts';
import { addressOf, networkOf, overlap, type Network } from '../common/ipv4.ts';
import { repeated } from '../common/repeated.ts';
import { siteTroubles } from '../common/voters.ts';
import { timingTroubles } from '../etcd_timing/decide.ts';
import { oidcTroubles } from './oidc.ts';
import type { InventoryNode, KubernetesInventoryArgs } from './schema.ts';

/** kubeadm.k8s.io/v1beta4, and the API versions of the control plane's own files (AuthenticationConfiguration v1). */
const OLDEST_MINOR = 34;
const NODE_SKEW = 3;

const minorOf = (version: string): number => Number(version.split('.')[1] ?? '0');
const names = (nodes: readonly InventoryNode[]): string => nodes.map((node) => node.name).join(', ');

/** How many control planes there are, and where. */
export function checkVoters(args: KubernetesInventoryArgs): readonly string[] {
  const { control_planes: planes } = args;
  const found: string[] = [];
  if (planes.length === 0) return ['there is no control plane: the group is empty'];
  const even = planes.length % 2 === 0;
  // Fewer than three, too: of three, two are left.
  if (even && args.allow_even) return args.geo_ha === 'required' ? siteTroubles('control planes', planes) : [];
  if (planes.length < 3 && !args.allow_single) found.push(`${String(planes.length)} control plane${planes.length === 1 ? '' : 's'} (${names(planes)}): the loss of one is the loss of the cluster. Take three, or say kubernetes_allow_single: true`);
  else if (even) found.push(`${String(planes.length)} control planes (${names(planes)}): an even number survives no more losses than one fewer, and is likelier to lose one. Take ${String(planes.length - 1)} or ${String(planes.length + 1)}; until one that was lost is replaced, say kubernetes_allow_even: true`);
  if (args.geo_ha === 'required') found.push(...siteTroubles('control planes', planes));
  return found;
}

function networks(args: KubernetesInventoryArgs): readonly string[] {
  const all = [...args.control_planes, ...args.nodes];
  const found: string[] = [];
  const bad = all.filter((node) => addressOf(node.address) === undefined);
  if (bad.length > 0) found.push(`${bad.map((node) => `${node.name} has the address ${JSON.stringify(node.address)}`).join(', ')}: kubernetes_address must be an IPv4 address`);
  for (const node of all) {
    const same = all.filter((each) => each.address === node.address && each.name !== node.name);
    if (same.length > 0 && node.name < names(same)) found.push(`${node.name} and ${names(same)} have one address, ${node.address}`);
  }
  const pods = networkOf(args.pod_network);
  const services = networkOf(args.service_network);
  if (pods === undefined || services === undefined) return [...found, `${args.pod_network} and ${args.service_network} must be networks, such as 10.244.0.0/16`];
  if (overlap(pods, services)) found.push(`the network of the pods, ${pods.text}, and that of the services, ${services.text}, overlap`);
  const own: readonly (readonly [string, Network | undefined])[] = [
    ...all.map((node) => [`${node.name} (${node.address})`, networkOf(`${node.address}/32`)] as const),
    ...args.host_networks.map((text) => [`the network ${text}`, networkOf(text)] as const),
  ];
  for (const [what, network] of [['pods', pods], ['services', services]] as const) {
    const within = own.filter(([, each]) => each !== undefined && overlap(each, network)).map(([name]) => name);
    if (within.length > 0) found.push(`the network of the ${what}, ${network.text}, overlaps ${within.join(', ')}: what is there could not be reached from pods`);
  }
  const parts = 2 ** (args.pod_network_node_prefix - pods.length);
  if (parts < all.length) found.push(`${pods.text} has room for ${parts < 1 ? 'no part' : `${String(parts)} parts`} of /${String(args.pod_network_node_prefix)}, and there are ${String(all.length)} nodes`);
  // The network's own address, the broadcast and the bridge's.
  const addresses = 2 ** (32 - args.pod_network_node_prefix) - 3;
  if (addresses < args.max_pods) found.push(`a node's part of the pod network, /${String(args.pod_network_node_prefix)}, has ${String(addresses)} addresses, and kubernetes_max_pods is ${String(args.max_pods)}`);
  return found;
}

function versions(args: KubernetesInventoryArgs): readonly string[] {
  const found: string[] = [];
  const minor = minorOf(args.version);
  if (minor < OLDEST_MINOR) found.push(`Kubernetes ${args.version} gets no more fixes, and its configuration is another: 1.${String(OLDEST_MINOR)} is the oldest that this program makes`);
  const apart = args.control_planes.filter((node) => node.version !== undefined && node.version !== args.version);
  if (apart.length > 0) found.push(`control planes have one version, ${args.version}; ${apart.map((node) => `${node.name} is to have ${node.version ?? ''}`).join(', ')}`);
  for (const node of args.nodes) {
    const own = minorOf(node.version ?? args.version);
    if (own > minor) found.push(`${node.name} is to have ${node.version ?? ''}, newer than the control planes' ${args.version}: kubelet may not be`);
    else if (minor - own > NODE_SKEW) found.push(`${node.name} is to have ${node.version ?? ''}, more than ${String(NODE_SKEW)} minor versions older than the control planes' ${args.version}`);
  }
  return found;
}

/** secretbox takes 32 bytes and nothing else (k8s.io/apiserver, EncryptionConfiguration): the API server would not start. */
function keys(args: KubernetesInventoryArgs): readonly string[] {
  if (args.encryption_keys === undefined) return [];
  if (args.encryption_keys.length === 0) return ['there is no key for the encryption at rest: kubernetes_encryption_keys is empty'];
  const names = args.encryption_keys.map((each) => each.name);
  const bad = args.encryption_keys.filter((each) => !/^[A-Za-z0-9+/]{43}=$/.test(revealed(each.key))).map((each) => each.name);
  const twice = repeated(names);
  return [
    ...(bad.length > 0 ? [`the encryption key ${bad.join(', ')} is not 32 bytes in base64: head -c 32 /dev/urandom | base64`] : []),
    ...(twice.length > 0 ? [`two encryption keys are named ${twice.join(', ')}`] : []),
  ];
}

/** Everything else that is wrong, each in a sentence that names the hosts. */
export function checkOthers(args: KubernetesInventoryArgs): readonly string[] {
  const both = args.nodes.filter((node) => args.control_planes.some((plane) => plane.name === node.name));
  const crowded = args.control_planes.filter((plane) => args.etcd_hosts.includes(plane.name));
  return [
    ...versions(args),
    ...networks(args),
    ...keys(args),
    ...oidcTroubles(args.oidc_issuers, args.dns_domain),
    ...timingTroubles({ heartbeatMs: args.etcd_heartbeat_ms, electionMs: args.etcd_election_ms }),
    ...(both.length > 0 ? [`${names(both)} can't be control plane and worker: for pods on control planes say kubernetes_control_plane_schedulable: true`] : []),
    ...(crowded.length > 0 ? [`${names(crowded)} would run two etcds on ports 2379 and 2380: the cluster's own, and that of the group etcd`] : []),
  ];
}

/** Everything that is wrong. */
export function checkInventory(args: KubernetesInventoryArgs): readonly string[] {
  return [...checkVoters(args), ...checkOthers(args)];
}
