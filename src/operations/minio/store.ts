/** What an inventory says of a MinIO store: its nodes, how to reach them, and what role `minio` is told. Touches no host. */
import type { Scope } from '../../language/scope-types.ts';
import { optionalSecret, optionalText } from '../../run/identity.ts';
import { badInput, Diagnostic } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import { portOf, readServiceGroup, type ClusterHost, type ClusterRequest } from '../inventory.ts';

/** One store of the inventory. Ports are TCP. */
export interface Store {
  /** The group of its nodes. */
  readonly name: string;
  readonly inventories: readonly string[];
  /** In the order of the group: node 1 first. */
  readonly nodes: readonly ClusterHost[];
  /** Hosts with HAProxy in front; empty where the inventory has none. */
  readonly proxies: readonly ClusterHost[];
  readonly port: number;
  readonly proxyPort: number;
  readonly region: string;
  readonly rootUser: string;
  readonly rootPassword: Secret;
  /** A name that every node's certificate holds. */
  readonly serverName: string;
  /** Pools that the inventory declares. */
  readonly pools: number;
}

export const GROUP = 'minio';
/** Nodes of a store of its own at another site, which buckets are copied to (playbooks/minio.yml). */
export const COPIES_GROUP = 'minio_copies';

function listOf(scope: Scope, name: string): readonly unknown[] {
  const value = scope.has(name) ? scope.get(name) : undefined;
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badInput('bad-list', `${name} must be a list`);
  return value;
}

/**
 * Reads the store of an inventory.
 *
 * @throws Diagnostic (bad input) `no-minio` when no host is in the group, and for options that make no sense
 */
export function readStore(request: ClusterRequest, group = GROUP): Store {
  const { names, scope, hostsOf, host } = readServiceGroup(request, { group, absent: `no-${group}`, what: 'the nodes of the store' });
  const node = (name: string): ClusterHost => host(name, 'minio_address');
  const rootPassword = optionalSecret(scope, ['minio_root_password']);
  if (rootPassword === undefined) throw badInput('no-root-password', 'minio_root_password is not set', { remedy: `care-provision secrets generate ${request.inventory[0] ?? 'INVENTORY'} minio_root_password` });
  const extra = listOf(scope, 'minio_extra_names').flatMap((name) => (typeof name === 'string' && name.startsWith('DNS:') ? [name.slice(4)] : []));
  return {
    name: group,
    inventories: request.inventory,
    nodes: names.map(node),
    proxies: group === GROUP ? hostsOf('minio_proxy').map(node) : [],
    port: portOf(scope, 'minio_port', 9000),
    proxyPort: portOf(scope, 'minio_proxy_port', 9443),
    region: optionalText(scope, 'minio_region') ?? 'us-east-1',
    rootUser: optionalText(scope, 'minio_root_user') ?? 'care-root',
    rootPassword,
    // Role minio puts localhost into every certificate.
    serverName: extra.find((name) => !name.includes('*')) ?? 'localhost',
    pools: Math.max(1, listOf(scope, 'minio_pools').length),
  };
}

/** A store with the one at another site that its buckets are copied to, where the inventory has one. */
export interface Stores {
  readonly store: Store;
  readonly other: Store | undefined;
}

/** @throws Diagnostic (bad input) as {@link readStore} */
export function readStores(request: ClusterRequest): Stores {
  const store = readStore(request);
  try {
    return { store, other: readStore(request, COPIES_GROUP) };
  } catch (error) {
    if (error instanceof Diagnostic && error.code === `no-${COPIES_GROUP}`) return { store, other: undefined };
    throw error;
  }
}
