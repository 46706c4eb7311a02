/** What several drills share: processes on a member, effects to wait for. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { ClusterView } from '../../operations/postgres/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { sh, type Script } from '../../support/shell.ts';
import type { PostgresScene } from './scene.ts';

export const PATRONI_UNIT = 'care-patroni.service';
export const ETCD_UNIT = 'care-etcd.service';

/** An effect: somebody else than `old` takes writes on a newer timeline. */
export function anotherLeads(scene: PostgresScene, old: ClusterHost): (now: ClusterView) => string | undefined {
  const was = scene.before.members.find((m) => m.name === old.name)?.timeline ?? 0;
  return (now) => {
    const leader = now.members.find((m) => m.role === 'leader' && m.name !== old.name);
    return leader?.timeline !== undefined && leader.timeline > was ? undefined : `no other member than ${old.name} has become the leader`;
  };
}

/** An effect: who takes writes is another server than before, be it the same member's started anew. */
export function anotherServer(scene: PostgresScene): (now: ClusterView) => string | undefined {
  const was = scene.before.members.find((m) => m.name === scene.leader.name)?.startedAt;
  return (now) => {
    const leader = now.members.find((m) => m.role === 'leader');
    return leader?.startedAt !== undefined && (leader.name !== scene.leader.name || leader.startedAt !== was) ? undefined : 'nobody takes writes since';
  };
}

/** The directory of the data of a member's running server. */
export async function dataDirectory(scene: PostgresScene, host: ClusterHost): Promise<string> {
  const [row] = await scene.sql.rows(host, 'postgres', 'SHOW data_directory');
  const directory = row?.[0];
  if (directory === undefined || !directory.startsWith('/')) throw failure('no-data-directory', `${host.name} does not say where its data is`);
  return directory;
}

/** POSIX sh: sends a signal to the main process of a unit, not to what it has started (PostgreSQL is Patroni's child). */
export function signalMain(unit: string, signal: 'STOP' | 'CONT' | 'KILL'): Script {
  return sh`pid=$(systemctl show -p MainPID --value ${unit}) && [ "$pid" -gt 1 ] && kill -${signal} "$pid"`;
}

/** The replica whose host is hurt by drills on replicas: the last, so that a synchronous one is spared where there is a choice. */
export function chosenReplica(scene: PostgresScene): ClusterHost {
  const synchronous = (host: ClusterHost): boolean => ['sync', 'quorum'].includes(scene.before.members.find((m) => m.name === host.name)?.role ?? '');
  const chosen = [...scene.replicas].sort((a, b) => Number(synchronous(a)) - Number(synchronous(b)))[0];
  if (chosen === undefined) throw failure('no-replica', 'the cluster has no replica, and this drill needs one');
  return chosen;
}

/** Nobody else may be the victim of a drill that leaves a single member. */
export function needReplicas(scene: PostgresScene, least: number): void {
  if (scene.replicas.length < least) throw failure('too-few-replicas', `this drill needs ${String(least)} replicas, and the cluster has ${String(scene.replicas.length)}`);
}
