/** What an inventory says of a PostgreSQL cluster: its hosts, how to reach them, and what role `postgres` is told. Touches no host. */
import { optionalText } from '../../run/identity.ts';
import { eachOnce, portOf, readServiceGroup, type ClusterHost, type ClusterRequest } from '../inventory.ts';

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

const GROUP = 'postgres';

/**
 * Reads the cluster of an inventory.
 *
 * @throws Diagnostic (bad input) when there is no such inventory or no group `postgres` in it
 */
export function readClusterInventory(request: ClusterRequest): Cluster {
  const { names, scope, host, hostsOf } = readServiceGroup(request, { group: GROUP, absent: 'no-postgres', what: 'the hosts of the cluster' });
  const members = names.map((name) => host(name, 'postgres_address'));
  const proxies = hostsOf('postgres_proxy');
  const pki = optionalText(scope, 'postgres_pki_dir') ?? '/etc/postgresql/pki';
  return {
    name: optionalText(scope, 'postgres_cluster_name') ?? 'care',
    inventories: request.inventory,
    members,
    etcd: hostsOf('etcd').map((name) => host(name, 'etcd_address')),
    proxies: proxies.length === 0 ? members : proxies.map((name) => host(name, 'postgres_address')),
    backups: hostsOf('postgres_backup').map((name) => host(name, 'postgres_address')),
    port: portOf(scope, 'postgres_port', 5432),
    restPort: portOf(scope, 'postgres_rest_port', 8008),
    writePort: portOf(scope, 'haproxy_write_port', 5000),
    readPort: portOf(scope, 'haproxy_read_port', 5001),
    readMaxLagBytes: Number(optionalText(scope, 'haproxy_read_max_lag') ?? 100 * 1024 * 1024),
    pkiDirectory: pki,
    caFile: `${pki}/ca.crt`,
  };
}

/** Every host of the cluster once, members first. */
export function hostsOfCluster(cluster: Cluster): readonly ClusterHost[] {
  return eachOnce([...cluster.members, ...cluster.etcd, ...cluster.proxies, ...cluster.backups]);
}
