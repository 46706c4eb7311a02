/** A Kubernetes cluster as drills look at it, ten times as often as `cluster status` could. Pure. */
import type { NodeSeen } from '../../operations/kubernetes/api-look.ts';
import type { Change } from '../service.ts';
import type { DrilledCluster } from './installation.ts';

/** `alone`: it knows of no leader, so nothing can be written by it; `silent`: it does not answer. */
export type EtcdState = 'leads' | 'follows' | 'alone' | 'silent';

export interface ControlPlaneView {
  readonly name: string;
  /** Whether its host could be asked. */
  readonly reachable: boolean;
  /** Whether `/readyz` of its own API server says ok. */
  readonly ready: boolean;
  readonly etcd: EtcdState;
}

export interface ClusterLook {
  readonly controlPlanes: readonly ControlPlaneView[];
  /** As the API tells them; undefined: no API server did. */
  readonly nodes: readonly NodeSeen[] | undefined;
}

/** The control plane whose member of etcd leads. */
export function leaderOf(look: ClusterLook): string | undefined {
  return look.controlPlanes.find((each) => each.etcd === 'leads')?.name;
}

const ETCD_WORDS: Readonly<Record<EtcdState, string>> = { leads: "etcd's member leads", follows: "etcd's member follows", alone: "etcd's member knows of no leader", silent: "etcd's member does not answer" };

/** What is wrong, a sentence each; empty when every node is ready and every member of etcd follows one leader. */
export function troubleOf(cluster: Pick<DrilledCluster, 'nodes'>, look: ClusterLook): readonly string[] {
  const problems: string[] = [];
  for (const { name, reachable, ready, etcd } of look.controlPlanes) {
    if (!reachable) problems.push(`${name} does not answer`);
    else {
      if (!ready) problems.push(`the API server of ${name} is not ready`);
      if (etcd === 'alone' || etcd === 'silent') problems.push(`${name}: ${ETCD_WORDS[etcd]}`);
    }
  }
  if (leaderOf(look) === undefined) problems.push('etcd has no leader');
  const { nodes } = look;
  if (nodes === undefined) problems.push('the API does not answer');
  else {
    for (const name of cluster.nodes) {
      const node = nodes.find((each) => each.name === name);
      if (node === undefined) problems.push(`the cluster has no node ${name}`);
      else if (!node.ready) problems.push(`node ${name} is not ready: ${node.why}`);
    }
  }
  return problems;
}

/** What is different, for the timeline of a report. */
export function changesBetween(before: ClusterLook, after: ClusterLook): readonly Change[] {
  const changes: Change[] = [];
  const add = (what: string, kind: Change['kind'] = 'seen'): void => { changes.push({ kind, what }); };
  for (const now of after.controlPlanes) {
    const was = before.controlPlanes.find((each) => each.name === now.name);
    if (was === undefined) continue;
    if (was.reachable !== now.reachable) add(`${now.name} ${now.reachable ? 'answers' : 'does not answer'}`);
    // Of a host that does not answer nothing else is known.
    if (!now.reachable) continue;
    if (was.ready !== now.ready) add(`the API server of ${now.name} is ${now.ready ? 'ready' : 'not ready'}`);
    if (was.etcd !== now.etcd) {
      if (now.etcd === 'leads') add(`${now.name} leads etcd`, 'leader');
      else add(`${now.name}: ${ETCD_WORDS[now.etcd]}`);
    }
  }
  if ((before.nodes === undefined) !== (after.nodes === undefined)) add(after.nodes === undefined ? 'the API does not answer' : 'the API answers');
  for (const node of after.nodes ?? []) {
    const was = before.nodes?.find((each) => each.name === node.name);
    if (was !== undefined && was.ready !== node.ready) add(`node ${node.name} is ${node.ready ? 'ready' : 'not ready'}`);
  }
  return changes;
}
