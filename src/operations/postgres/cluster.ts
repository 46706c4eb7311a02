/** What an inventory says of a PostgreSQL cluster: its hosts, how to reach them, and what role `postgres` is told. Touches no host. */
import { existsSync } from 'node:fs';
import { loadInventory, type Inventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import type { Scope } from '../../language/scope-types.ts';
import { connectionTarget } from '../../run/connection-target.ts';
import { optionalSecret, optionalText } from '../../run/identity.ts';
import { Variables } from '../../run/variables.ts';
import { badInput } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { Secret } from '../../support/secret.ts';
import type { ValueMap } from '../../support/value.ts';
import type { Become, ConnectionTarget } from '../../transport/types.ts';

export interface ClusterHost {
  /** Inventory name, which is the member's name in Patroni too. */
  readonly name: string;
  readonly target: ConnectionTarget;
  /** As whom its commands run: root, however the login is made. */
  readonly become: Become;
  /** Where clients and other members reach it. */
  readonly address: string;
  readonly site: string | undefined;
  /** `drills: allowed` in the inventory. */
  readonly drillsAllowed: boolean;
  /** Its address in the lab's network; undefined for a host that is no lab host. */
  readonly labAddress: string | undefined;
}

/** One cluster of the inventory. Ports are TCP. */
export interface Cluster {
  /** Patroni's scope: `postgres_cluster_name`. */
  readonly name: string;
  readonly inventories: readonly string[];
  readonly members: readonly ClusterHost[];
  readonly etcd: readonly ClusterHost[];
  /** Hosts with haproxy; the members where the inventory has no group postgres_proxy. */
  readonly proxies: readonly ClusterHost[];
  readonly backups: readonly ClusterHost[];
  readonly port: number;
  readonly restPort: number;
  readonly writePort: number;
  readonly readPort: number;
  /** Bytes that a replica may be behind and still serve the read port: `haproxy_read_max_lag`. */
  readonly readMaxLagBytes: number;
  readonly pkiDirectory: string;
  /** Where Patroni and its tools are told to find the CA that signs servers. */
  readonly caFile: string;
}

export interface ClusterRequest {
  /** Inventory files or directories. */
  readonly inventory: readonly string[];
  readonly extraVars: ValueMap;
  /** Asked for with --ask-become-pass. */
  readonly becomePassword?: Secret | undefined;
}

const GROUP = 'postgres';

function port(scope: Scope, name: string, standard: number): number {
  const value = Number(optionalText(scope, name) ?? standard);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw badInput('bad-port', `${name} must be a port number`);
  return value;
}

/**
 * Reads the cluster of an inventory.
 *
 * @throws Diagnostic (bad input) when there is no such inventory or no group `postgres` in it
 */
export function readClusterInventory(request: ClusterRequest): Cluster {
  for (const source of request.inventory) {
    if (!source.includes(',') && !existsSync(source)) throw badInput('no-inventory', `there is no inventory ${source}`, { remedy: 'give a YAML file or a directory, e.g. inventory/lab' });
  }
  const secrets = inventorySecrets(request.inventory);
  const inventory = loadInventory(request.inventory, { decryptFile: secrets.decryptFile });
  const variables = new Variables({ inventory, extraVars: request.extraVars, mode: 'verify', diff: false, decrypt: secrets.decrypt });
  const names = hostsOf(inventory, GROUP);
  const [first] = names;
  if (first === undefined) {
    throw badInput('no-postgres', `no host of this inventory is in the group ${GROUP}`, { remedy: suggestion(GROUP, inventory.groups()) ?? 'put the hosts of the cluster into the group postgres' });
  }
  const host = (name: string, address: string): ClusterHost => clusterHost(name, variables.hostScope(name), address, request.becomePassword);
  const scope = variables.hostScope(first);
  const members = names.map((name) => host(name, 'postgres_address'));
  const proxies = hostsOf(inventory, 'postgres_proxy');
  const pki = optionalText(scope, 'postgres_pki_dir') ?? '/etc/postgresql/pki';
  return {
    name: optionalText(scope, 'postgres_cluster_name') ?? 'care',
    inventories: request.inventory,
    members,
    etcd: hostsOf(inventory, 'etcd').map((name) => host(name, 'etcd_address')),
    proxies: proxies.length === 0 ? members : proxies.map((name) => host(name, 'postgres_address')),
    backups: hostsOf(inventory, 'postgres_backup').map((name) => host(name, 'postgres_address')),
    port: port(scope, 'postgres_port', 5432),
    restPort: port(scope, 'postgres_rest_port', 8008),
    writePort: port(scope, 'haproxy_write_port', 5000),
    readPort: port(scope, 'haproxy_read_port', 5001),
    readMaxLagBytes: Number(optionalText(scope, 'haproxy_read_max_lag') ?? 100 * 1024 * 1024),
    pkiDirectory: pki,
    caFile: `${pki}/ca.crt`,
  };
}

/** Every host of the cluster once, members first. */
export function hostsOfCluster(cluster: Cluster): readonly ClusterHost[] {
  const all = [...cluster.members, ...cluster.etcd, ...cluster.proxies, ...cluster.backups];
  return all.filter((host, i) => all.findIndex((other) => other.name === host.name) === i);
}

/** Hosts of a group; none when the inventory has no such group. */
export function hostsOf(inventory: Inventory, group: string): readonly string[] {
  return inventory.groups().includes(group) ? inventory.hostsOfGroup(group) : [];
}

/** How a host is reached, and where its service is: at `addressVariable`, else where it is reached itself. */
export function clusterHost(name: string, scope: Scope, addressVariable: string, asked: Secret | undefined): ClusterHost {
  const target = connectionTarget(name, scope);
  const labAddress = optionalText(scope, 'lab_address');
  return {
    name,
    target,
    become: { user: 'root', password: asked ?? optionalSecret(scope, ['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass']) },
    address: optionalText(scope, addressVariable) ?? labAddress ?? target.address,
    site: optionalText(scope, 'site'),
    drillsAllowed: optionalText(scope, 'drills') === 'allowed',
    labAddress,
  };
}
