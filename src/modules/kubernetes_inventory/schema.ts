import { z } from 'zod';
import { Ipv4Network, SecretText } from '../arguments.ts';

const Node = z.strictObject({
  name: z.string().describe('The host'),
  address: z.string().describe('Its address for the other nodes, IPv4'),
  site: z.string().default('').describe('The place that fails as a whole: a data centre'),
  version: z.string().optional().describe('The version of Kubernetes that it is to have, where it is not `version`'),
});
export type InventoryNode = z.output<typeof Node>;

/** Names are those of option `kubernetes_oidc_issuers` of role kubernetes. */
const Issuer = z.strictObject({
  url: z.string().describe('Its address, which stands in tokens as `iss`'),
  audiences: z.array(z.string()).default([]).describe('Whom its tokens are for (`aud`): one of these'),
  discovery_url: z.string().default('').describe('Address of its discovery document, where that is not below `url`'),
  ca: z.string().default('').describe('CA of its certificate, PEM; empty: those that the machine trusts'),
  username_claim: z.string().default('sub').describe('Claim with the user name'),
  username_prefix: z.string().default('').describe('What stands before user names'),
  groups_claim: z.string().default('groups').describe('Claim with the groups; empty: none'),
  groups_prefix: z.string().default('').describe('What stands before groups'),
  required_claims: z.record(z.string().min(1), z.string()).default({}).describe('Claims that a token must have, with their values'),
});
export type OidcIssuer = z.output<typeof Issuer>;

export const KubernetesInventoryArgs = z.strictObject({
  version: z.string().regex(/^1\.\d+\.\d+$/, 'must be a version of Kubernetes, such as 1.36.4').describe('Version of the control planes'),
  control_planes: z.array(Node).describe('Hosts that are to be control planes'),
  control_plane_group: z.string().default('kube_control_plane').describe('Their group in the inventory, where a refusal points at'),
  nodes: z.array(Node).default([]).describe('Hosts that are to be workers'),
  pod_network: Ipv4Network.describe('Network of the pods'),
  pod_network_node_prefix: z.int().min(1).max(30).describe('Length of each node’s part of it'),
  service_network: Ipv4Network.describe('Network of the services'),
  max_pods: z.int().min(1).default(110).describe('Pods on one node'),
  host_networks: z.array(Ipv4Network).default([]).describe('Further networks that hosts are in'),
  etcd_hosts: z.array(z.string()).default([]).describe('Hosts that run an etcd of their own on the usual ports'),
  encryption_keys: z
    .array(z.strictObject({ name: z.string().describe('Name of the key'), key: SecretText.describe('32 bytes in base64') }))
    .optional()
    .describe('Keys of the encryption at rest, of which only the length is looked at'),
  oidc_issuers: z.array(Issuer).default([]).describe('Providers of OpenID Connect that may say who somebody is'),
  dns_domain: z.string().default('cluster.local').describe('Domain of the services’ names'),
  etcd_heartbeat_ms: z.int().min(0).default(0).describe('Heartbeat of etcd in milliseconds; 0: by the round trip'),
  etcd_election_ms: z.int().min(0).default(0).describe('Election timeout of etcd in milliseconds; 0: ten heartbeats'),
  allow_single: z.boolean().default(false).describe('Accept fewer than three control planes'),
  allow_even: z.boolean().default(false).describe('Accept an even number of control planes, two as well: until one that was lost is replaced'),
  geo_ha: z.enum(['required', 'ignored']).default('ignored').describe('`required`: the loss of any one site must leave a majority of the control planes'),
});
export type KubernetesInventoryArgs = z.output<typeof KubernetesInventoryArgs>;
