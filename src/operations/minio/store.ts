/** What an inventory says of a MinIO store: its nodes, how to reach them, and what role `minio` is told. Touches no host. */
import { existsSync } from 'node:fs';
import { loadInventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import type { Scope } from '../../language/scope-types.ts';
import { optionalSecret, optionalText } from '../../run/identity.ts';
import { Variables } from '../../run/variables.ts';
import { badInput, Diagnostic } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import type { Secret } from '../../support/secret.ts';
import { clusterHost, hostsOf, type ClusterHost, type ClusterRequest } from '../postgres/cluster.ts';

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

function port(scope: Scope, name: string, standard: number): number {
  const value = Number(optionalText(scope, name) ?? standard);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw badInput('bad-port', `${name} must be a port number`);
  return value;
}

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
  for (const source of request.inventory) {
    if (!source.includes(',') && !existsSync(source)) throw badInput('no-inventory', `there is no inventory ${source}`, { remedy: 'give a YAML file or a directory, e.g. inventory/lab' });
  }
  const secrets = inventorySecrets(request.inventory);
  const inventory = loadInventory(request.inventory, { decryptFile: secrets.decryptFile });
  const variables = new Variables({ inventory, extraVars: request.extraVars, mode: 'verify', diff: false, decrypt: secrets.decrypt });
  const names = hostsOf(inventory, group);
  const [first] = names;
  if (first === undefined) throw badInput(`no-${group}`, `no host of this inventory is in the group ${group}`, { remedy: suggestion(group, inventory.groups()) ?? `put the nodes of the store into the group ${group}` });
  const scope = variables.hostScope(first);
  const host = (name: string): ClusterHost => clusterHost(name, variables.hostScope(name), 'minio_address', request.becomePassword);
  const rootPassword = optionalSecret(scope, ['minio_root_password']);
  if (rootPassword === undefined) throw badInput('no-root-password', 'minio_root_password is not set', { remedy: `care-provision secrets generate ${request.inventory[0] ?? 'INVENTORY'} minio_root_password` });
  const extra = listOf(scope, 'minio_extra_names').flatMap((name) => (typeof name === 'string' && name.startsWith('DNS:') ? [name.slice(4)] : []));
  return {
    name: group,
    inventories: request.inventory,
    nodes: names.map(host),
    proxies: group === GROUP ? hostsOf(inventory, 'minio_proxy').map(host) : [],
    port: port(scope, 'minio_port', 9000),
    proxyPort: port(scope, 'minio_proxy_port', 9443),
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
