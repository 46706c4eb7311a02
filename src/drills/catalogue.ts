/** Every drill there is, in the order in which `drill all` runs them: the harmless first. */
import { Diagnostic } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { Drill } from './drill.ts';
import { etcdMemberLoss, etcdQuorumLoss } from './postgres/etcd-loss.ts';
import { leaderHostLoss } from './postgres/leader-host-loss.ts';
import { leaderPartition } from './postgres/leader-partition.ts';
import { patroniStop } from './postgres/patroni-stop.ts';
import { pitr } from './postgres/pitr.ts';
import { postmasterKill } from './postgres/postmaster-kill.ts';
import { clusterRestore } from './postgres/cluster-restore.ts';
import { archiveOutage } from './postgres/archive-outage.ts';
import { corruptPage } from './postgres/corrupt-page.ts';
import { replicaDiskFull } from './postgres/replica-disk-full.ts';
import { replicaLag } from './postgres/replica-lag.ts';
import { switchover } from './postgres/switchover.ts';

export const DRILLS: readonly Drill[] = [switchover, postmasterKill, replicaLag, replicaDiskFull, corruptPage, etcdMemberLoss, etcdQuorumLoss, patroniStop, leaderPartition, leaderHostLoss, archiveOutage, pitr, clusterRestore];

/** @throws Diagnostic (usage) with the nearest name */
export function findDrill(name: string): Drill {
  const found = DRILLS.find((drill) => drill.name === name);
  if (found !== undefined) return found;
  throw new Diagnostic({ kind: 'usage', code: 'unknown-drill', summary: `there is no drill ${name}`, remedy: suggestion(name, DRILLS.map((d) => d.name)) ?? 'care-provision drill list shows them' });
}
