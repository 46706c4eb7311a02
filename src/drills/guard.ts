/** What must hold before anything is broken. */
import { hostsOfCluster, type Cluster, type ClusterHost } from '../operations/postgres/cluster.ts';
import type { HostAccess } from '../operations/postgres/hosts.ts';
import { problemsOf, type ClusterView } from '../operations/postgres/view.ts';
import { badInput, Diagnostic, failure } from '../support/diagnostic.ts';
import { sh } from '../support/shell.ts';
import type { Drill } from './drill.ts';

/** A healthy replica of an idle cluster is nearly there: 1 MiB, Patroni's maximum_lag_on_failover by default. */
const LAG_BYTES = 1024 * 1024;

/**
 * Refuses an inventory that does not allow drills. Looks at files only.
 *
 * @throws Diagnostic (bad input) naming every host that is not marked
 */
export function refuseUnmarked(cluster: Cluster): void {
  const unmarked = hostsOfCluster(cluster).filter((host) => !host.drillsAllowed).map((host) => host.name);
  if (unmarked.length === 0) return;
  throw badInput('drills-not-allowed', `drills are not allowed on ${unmarked.join(', ')}`, {
    detail: 'a drill breaks things on purpose; it needs the variable "drills: allowed" on every host that it may touch',
    remedy: 'set it in the inventory of a lab or of a test installation (all: vars: drills: allowed), never where patients depend on it',
  });
}

/** What is wrong with the cluster, a sentence each; empty when it is healthy. */
export function troubleOf(cluster: Cluster, view: ClusterView): readonly string[] {
  return problemsOf(view, { expected: cluster.members.map((m) => m.name), maximumLagBytes: LAG_BYTES });
}

/** @throws Diagnostic (failed) with all that is wrong */
export function refuseUnhealthy(cluster: Cluster, view: ClusterView): void {
  const problems = troubleOf(cluster, view);
  if (problems.length > 0) throw unhealthy(problems);
}

function unhealthy(problems: readonly string[]): Diagnostic {
  return failure('cluster-not-healthy', 'the cluster is not healthy, so nothing was broken on purpose', { detail: problems.map((p) => `- ${p}`).join('\n'), remedy: 'mend it first: care-provision db status shows it; care-provision apply converges it' });
}

/** @throws Diagnostic (failed) unless every etcd member is well, asked of any of them */
export async function refuseUnhealthyEtcd(cluster: Cluster, hosts: HostAccess): Promise<void> {
  const trouble = await etcdTrouble(cluster.etcd, hosts);
  if (trouble !== undefined) throw unhealthy([trouble]);
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

/** @throws Diagnostic when the power of a host that the drill may cut can't be cut */
export async function refuseWithoutPower(drill: Drill, hosts: readonly ClusterHost[], check: (host: ClusterHost) => Promise<void>): Promise<void> {
  if (drill.needsPower !== true) return;
  for (const host of hosts) await check(host);
}

/** @throws Diagnostic (bad input) when a drill takes the data of the whole cluster and the cluster was not named */
export function refuseUnnamed(drill: Drill, cluster: Cluster, named: string | undefined): void {
  if (drill.destroys !== true || named === cluster.name) return;
  throw badInput('not-named', `${drill.name} takes the data of the whole cluster${named === undefined ? '' : `, and that is ${cluster.name}, not ${named}`}`, { remedy: `add --destroy ${cluster.name} when it is meant` });
}
