/** Operations on a cluster: told to Patroni, waited for within a bound, and looked at afterwards. Whether they may be done says `gates.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import type { ClusterHost } from '../inventory.ts';
import type { Cluster } from './cluster.ts';
import type { HostAccess } from '../hosts.ts';
import type { Observer } from './observe.ts';
import { patronictl } from './patronictl.ts';
import type { ClusterView } from './view.ts';

export interface Operator {
  readonly cluster: Cluster;
  readonly hosts: HostAccess;
  readonly observer: Observer;
  readonly signal: AbortSignal;
}

const POLL_MS = 1000;

/** Waits until the cluster is as wanted. @throws Diagnostic `not-as-wanted` with what is missing, or `interrupted` */
async function settled(operator: Operator, seconds: number, missing: (view: ClusterView) => string | undefined): Promise<ClusterView> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const view = await operator.observer.look();
    const still = missing(view);
    if (still === undefined) return view;
    if (operator.signal.aborted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: `interrupted while waiting; what was begun goes on: ${still}` });
    if (performance.now() > deadline) {
      throw failure('not-as-wanted', `after ${String(seconds)} s: ${still}`, { remedy: 'look at it: care-provision db status, and journalctl -u care-patroni on the members' });
    }
    await sleep(POLL_MS);
  }
}

/** Members that answer; patronictl is run on the first. */
function speaker(operator: Operator, view: ClusterView, preferred?: string): ClusterHost {
  const answering = operator.cluster.members.filter((m) => view.members.some((seen) => seen.name === m.name && seen.reachable));
  const host = answering.find((m) => m.name === preferred) ?? answering[0];
  if (host === undefined) throw failure('no-member', 'no member of the cluster answers');
  return host;
}

/** Hands over to a replica that is not behind. @returns the cluster with its new leader, all members following it */
export async function switchOver(operator: Operator, view: ClusterView, candidate: string | undefined, seconds: number): Promise<ClusterView> {
  const { leader } = view;
  if (leader === undefined) throw failure('no-leader', 'there is no leader to hand over');
  const to = candidate === undefined ? [] : ['--candidate', candidate];
  await patronictl(operator.hosts, speaker(operator, view, leader), operator.cluster, ['switchover', '--leader', leader, ...to, '--force'], seconds);
  return settled(operator, seconds, (now) => {
    if (now.leader === undefined) return 'there is no leader yet';
    if (now.leader === leader) return `${leader} still leads`;
    if (candidate !== undefined && now.leader !== candidate) return `${now.leader} leads, not ${candidate}`;
    const late = now.members.find((m) => m.name !== now.leader && m.reachable && m.state !== 'streaming');
    return late === undefined ? undefined : `${late.name} is ${late.state}, not streaming`;
  });
}

export async function failOver(operator: Operator, view: ClusterView, candidate: string, seconds: number): Promise<ClusterView> {
  await patronictl(operator.hosts, speaker(operator, view, candidate), operator.cluster, ['failover', '--candidate', candidate, '--force'], seconds);
  return settled(operator, seconds, (now) => (now.leader === candidate ? undefined : `${now.leader ?? 'nobody'} leads, not ${candidate}`));
}

/** Makes a member anew from another's data. @returns the cluster with the member streaming */
export async function reinitialize(operator: Operator, view: ClusterView, name: string, seconds: number): Promise<ClusterView> {
  await patronictl(operator.hosts, speaker(operator, view, name), operator.cluster, ['reinit', name, '--force'], 120);
  // Patroni begins within its loop; until then the old life still streams.
  await sleep(3 * POLL_MS);
  return settled(operator, seconds, (now) => {
    const member = now.members.find((m) => m.name === name);
    const leader = now.members.find((m) => m.name === now.leader);
    if (member?.state !== 'streaming') return `${name} is ${member?.state ?? 'not in the cluster'}, not streaming`;
    return leader?.timeline !== undefined && member.timeline !== leader.timeline ? `${name} is on timeline ${String(member.timeline)}, the leader on ${String(leader.timeline)}` : undefined;
  });
}

/** Makes Patroni stop or begin again to act by itself. */
export async function setPaused(operator: Operator, view: ClusterView, paused: boolean, seconds: number): Promise<ClusterView> {
  await patronictl(operator.hosts, speaker(operator, view), operator.cluster, [paused ? 'pause' : 'resume'], seconds);
  return settled(operator, seconds, (now) => (now.paused === paused ? undefined : `the cluster is ${now.paused ? 'still' : 'not yet'} paused`));
}
