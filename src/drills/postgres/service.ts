/** PostgreSQL under Patroni as drills see it: who leads, and clients that write rows. */
import type { ClusterHost } from '../../operations/inventory.ts';
import { hostsOfCluster, readClusterInventory, type Cluster } from '../../operations/postgres/cluster.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { clusterCa, observer as makeObserver } from '../../operations/postgres/observe.ts';
import { adminSql } from '../../operations/postgres/sql.ts';
import type { ClusterView } from '../../operations/postgres/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { defineService, type Bench } from '../service.ts';
import { archiveOutage } from './archive-outage.ts';
import { clusterRestore } from './cluster-restore.ts';
import { corruptPage } from './corrupt-page.ts';
import { etcdMemberLoss, etcdQuorumLoss } from './etcd-loss.ts';
import { etcdTrouble, troubleOf } from './health.ts';
import { leaderHostLoss } from './leader-host-loss.ts';
import { leaderPartition } from './leader-partition.ts';
import { startMonitor } from './monitor.ts';
import { patroniStop } from './patroni-stop.ts';
import { pitr } from './pitr.ts';
import { postmasterKill } from './postmaster-kill.ts';
import { replicaDiskFull } from './replica-disk-full.ts';
import { replicaLag } from './replica-lag.ts';
import type { PostgresScene } from './scene.ts';
import { clearStage, countRows, setStage, type PreparedRows } from './stage.ts';
import { switchover } from './switchover.ts';
import { DROP_BY_HAND } from './watch/schema.ts';
import { POSTGRES_WORDS } from './words.ts';

function memberOf(cluster: Cluster, name: string | undefined): ClusterHost {
  const found = cluster.members.find((m) => m.name === name);
  if (found === undefined) throw failure('no-leader', 'the cluster has no leader', { detail: name === undefined ? undefined : `${name} leads, and the inventory does not know it` });
  return found;
}

async function open(cluster: Cluster, hosts: HostAccess): Promise<Bench<PostgresScene, ClusterView>> {
  const ca = await clusterCa(cluster, hosts);
  const observer = makeObserver(cluster, hosts, ca);
  const sql = adminSql(hosts, cluster.port);
  let prepared: PreparedRows | undefined;
  let led: ClusterHost | undefined;
  const leading = (view: ClusterView): ClusterHost => cluster.members.find((m) => m.name === view.leader) ?? led ?? memberOf(cluster, view.leader);
  return {
    look: () => observer.look(),
    trouble: (view) => troubleOf(cluster, view),
    further: () => etcdTrouble(cluster.etcd, hosts),
    mend: 'care-provision db status shows it; care-provision apply converges it',
    introduce: (before) => `${memberOf(cluster, before.leader).name} is the leader`,
    watch: (first, seen) => startMonitor(cluster, observer, first, seen),
    async prepare(before, signal) {
      led = memberOf(cluster, before.leader);
      prepared = await setStage(cluster, led, sql, ca, signal);
      return prepared;
    },
    scene(base, before) {
      const leader = memberOf(cluster, before.leader);
      if (prepared === undefined) throw failure('no-stage', 'the drill has no stage yet');
      return { ...base, cluster, observer, sql, before, leader, replicas: cluster.members.filter((m) => m.name !== leader.name), readers: prepared.readers };
    },
    answering: (view) => (view.leader === undefined ? 'no leader' : undefined),
    count: (view) => countRows(leading(view), sql),
    clear: (view) => clearStage(leading(view), sql),
    clearByHand: `the drill's database could not be dropped; ${DROP_BY_HAND}`,
    close: () => Promise.resolve(),
  };
}

export const postgres = defineService<Cluster, PostgresScene, ClusterView>({
  name: 'postgres',
  words: POSTGRES_WORDS,
  drills: [switchover, postmasterKill, replicaLag, replicaDiskFull, corruptPage, etcdMemberLoss, etcdQuorumLoss, patroniStop, leaderPartition, leaderHostLoss, archiveOutage, pitr, clusterRestore],
  absent: 'no-postgres',
  read: readClusterInventory,
  installation: (cluster) => ({ name: cluster.name, inventories: cluster.inventories, hosts: hostsOfCluster(cluster), powered: cluster.members }),
  open,
});
