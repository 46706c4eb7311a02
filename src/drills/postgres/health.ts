/** When a PostgreSQL cluster is called healthy. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { Cluster } from '../../operations/postgres/cluster.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { problemsOf, type ClusterView } from '../../operations/postgres/view.ts';
import { sh } from '../../support/shell.ts';

/** A healthy replica of an idle cluster is nearly there: 1 MiB, Patroni's maximum_lag_on_failover by default. */
const LAG_BYTES = 1024 * 1024;

/** What is wrong with the cluster, a sentence each; empty when it is healthy. */
export function troubleOf(cluster: Cluster, view: ClusterView): readonly string[] {
  return problemsOf(view, { expected: cluster.members.map((m) => m.name), maximumLagBytes: LAG_BYTES });
}

/** @returns undefined when all members are well, or there is no etcd in the inventory */
export async function etcdTrouble(etcd: readonly ClusterHost[], hosts: HostAccess): Promise<string | undefined> {
  const [first] = etcd;
  if (first === undefined) return undefined;
  const outcome = await hosts.run(first, sh`care-etcdctl endpoint health 2>&1`, 30);
  const text = outcome.stdout.toString('utf8');
  const healthy = text.split('\n').filter((line) => line.includes('is healthy')).length;
  return outcome.status === 0 && healthy >= etcd.length ? undefined : `etcd: ${String(healthy)} of ${String(etcd.length)} members are well`;
}
