/** One look at a cluster's load: what Patroni, the members' kernels, their PostgreSQL and the poolers say. Reads only. */
import { Diagnostic } from '../../../support/diagnostic.ts';
import { sh } from '../../../support/shell.ts';
import type { ClusterHost } from '../../inventory.ts';
import type { Cluster } from '../cluster.ts';
import type { HostAccess } from '../../hosts.ts';
import type { Observer } from '../observe.ts';
import { adminSql } from '../sql.ts';
import { LAG_WARNING_BYTES, problemsOf } from '../view.ts';
import type { ReplicaSample, Sample } from './decide.ts';

/** What can't be measured is not known, and decides nothing; only reaching the host at all is somebody else's matter. */
async function orUnknown<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Diagnostic) return undefined;
    throw error;
  }
}

async function loadOf(hosts: HostAccess, host: ClusterHost): Promise<number | undefined> {
  const [load, cpus] = (await hosts.text(host, sh`cut -d ' ' -f 1 /proc/loadavg; getconf _NPROCESSORS_ONLN`)).trim().split('\n').map(Number);
  return load === undefined || cpus === undefined || !Number.isFinite(load) || !(cpus > 0) ? undefined : load / cpus;
}

async function activeOf(hosts: HostAccess, port: number, host: ClusterHost): Promise<number> {
  const [row] = await adminSql(hosts, port).rows(host, 'postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()");
  return Number(row?.[0]);
}

/** pgbouncer lets its own user in over its socket without a password (pgbouncer(5), "Admin console"). */
async function waitingOf(hosts: HostAccess, host: ClusterHost): Promise<number> {
  const text = await hosts.text(host, sh`cd / && PGCONNECT_TIMEOUT=5 runuser -u "$(stat -c %U /run/pgbouncer)" -- psql -XA -F , -P footer=off -h /run/pgbouncer -p 6432 -U pgbouncer -d pgbouncer -c 'show pools'`);
  const [head, ...rows] = text.trim().split('\n').map((line) => line.split(','));
  const column = head?.indexOf('cl_waiting') ?? -1;
  return rows.reduce((sum, row) => sum + Number(row[column] ?? 0), 0);
}

/** @param expected members that are to be there; what else is wrong is in the sample's problems */
export async function takeSample(cluster: Cluster, hosts: HostAccess, seen: Observer): Promise<Sample> {
  const view = await seen.look();
  const members = cluster.members.filter((m) => view.members.some((v) => v.name === m.name && v.reachable));
  const [replicas, waiting] = await Promise.all([
    Promise.all(
      members
        .filter((m) => m.name !== view.leader)
        .map(async (host): Promise<ReplicaSample> => {
          const known = view.members.find((v) => v.name === host.name);
          const [loadPerCpu, activeConnections] = await Promise.all([orUnknown(loadOf(hosts, host)), orUnknown(activeOf(hosts, cluster.port, host))]);
          return { name: host.name, streaming: known?.state === 'streaming', synchronous: known?.role === 'sync' || known?.role === 'quorum', lagBytes: known?.lagBytes, activeConnections, loadPerCpu };
        }),
    ),
    Promise.all(cluster.proxies.map((host) => orUnknown(waitingOf(hosts, host)))),
  ]);
  const known = waiting.filter((w) => w !== undefined);
  return {
    leader: view.leader,
    replicas,
    poolWaiting: known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0),
    // A replica that lags is load, as long as it streams; so the limit is far away.
    problems: problemsOf(view, { expected: cluster.members.map((m) => m.name), maximumLagBytes: LAG_WARNING_BYTES * 1024 }),
  };
}
