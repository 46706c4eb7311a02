/**
 * Looks at the cluster as long as a drill lasts. Each member is asked in a loop of its own, so that one that is gone, and
 * makes every question wait, does not hide what the others do meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../operations/postgres/cluster.ts';
import type { Observer, Shared } from '../../operations/postgres/observe.ts';
import { clusterView, type ClusterView, type MemberSeen, type MemberView } from '../../operations/postgres/view.ts';
import { monitorOf } from '../monitoring.ts';
import type { Change, Monitor } from '../service.ts';

/** Milliseconds between two questions to one member. */
const EVERY_MS = 400;

/** @param seen is told each change, a sentence each */
export function startMonitor(cluster: Cluster, observer: Observer, first: ClusterView, seen: (change: Change) => void): Monitor<ClusterView> {
  const answers = new Map<string, MemberSeen>();
  let shared: Shared = { cluster: undefined, config: first.config };
  let view = first;
  const stopping = new AbortController();
  const pause = (): Promise<void> => sleep(EVERY_MS);

  const compose = (): void => {
    if (cluster.members.some((m) => !answers.has(m.name))) return;
    const next = clusterView(cluster.members.flatMap((m) => answers.get(m.name) ?? []), shared.cluster, shared.config ?? first.config);
    for (const change of changesBetween(view, next)) seen(change);
    view = next;
  };
  const loops = cluster.members.map(async (member) => {
    while (!stopping.signal.aborted) {
      answers.set(member.name, await observer.member(member));
      compose();
      await pause();
    }
  });
  loops.push((async () => {
    while (!stopping.signal.aborted) {
      const answering = cluster.members.filter((m) => answers.get(m.name)?.answer !== undefined);
      const next = await observer.shared(answering);
      shared = { cluster: next.cluster, config: next.config ?? shared.config };
      compose();
      await pause();
    }
  })());
  return monitorOf(() => view, Promise.all(loops), stopping);
}

function stateOf(member: MemberView | undefined): string {
  if (member === undefined) return 'is not in the cluster';
  if (!member.reachable) return 'does not answer';
  if (member.role === 'leader') return `takes writes on timeline ${String(member.timeline)}`;
  if (member.state === 'streaming') return `streams on timeline ${String(member.timeline)}`;
  return member.state === 'running' ? 'runs and streams from nobody' : `is ${member.state}`;
}

/** What is different, for the timeline of a report. */
export function changesBetween(before: ClusterView, after: ClusterView): readonly Change[] {
  const changes: Change[] = [];
  const add = (what: string, kind: Change['kind'] = 'seen'): void => { changes.push({ kind, what }); };
  for (const member of after.members) {
    const [was, is] = [before.members.find((m) => m.name === member.name), member].map(stateOf);
    if (was !== is) add(`${member.name} ${is ?? ''}`);
  }
  for (const member of before.members) if (!after.members.some((m) => m.name === member.name)) add(`${member.name} is not in the cluster`);
  if (before.leader !== after.leader && after.leader !== undefined) add(`${after.leader} leads`, 'leader');
  const failsafe = (view: ClusterView): boolean => view.members.some((m) => m.failsafeActive);
  if (failsafe(before) !== failsafe(after)) add(failsafe(after) ? 'failsafe mode: the leader goes on without the configuration store' : 'failsafe mode is over');
  return changes;
}
