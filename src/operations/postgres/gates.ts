/** Whether an operation may be done to a cluster as it is now. Pure: a view in, reasons against it out. */
import type { ClusterView, MemberView } from './view.ts';

/** Reasons against an operation, a sentence each; none: it may be done. */
export type Refusals = readonly string[];

export interface GateRules {
  /** Members of the inventory. */
  readonly members: readonly string[];
  /** Bytes that the new leader may be behind: Patroni's maximum_lag_on_failover where it is known. */
  readonly maximumLagBytes: number;
}

function find(view: ClusterView, name: string): MemberView | undefined {
  return view.members.find((m) => m.name === name);
}

function isTagged(member: MemberView, tag: string): boolean {
  return member.tags[tag] === true;
}

function isSynchronous(member: MemberView): boolean {
  return member.role === 'sync' || member.role === 'quorum';
}

const synchronousMode = (view: ClusterView): boolean => (view.config?.synchronousMode ?? 'off') !== 'off';

/** Why a member can't lead now. */
function candidateRefusals(view: ClusterView, candidate: MemberView, rules: GateRules): Refusals {
  const { name } = candidate;
  const refusals: string[] = [];
  if (!candidate.reachable) refusals.push(`${name} does not answer${candidate.trouble === undefined ? '' : `: ${candidate.trouble}`}`);
  else if (candidate.state !== 'streaming') refusals.push(`${name} is ${candidate.state}, not streaming`);
  if (isTagged(candidate, 'nofailover') || candidate.tags['failover_priority'] === 0) refusals.push(`${name} is tagged never to lead (nofailover)`);
  if (isTagged(candidate, 'nosync')) refusals.push(`${name} is tagged nosync: rows that were confirmed may not be there yet`);
  if (synchronousMode(view) && !isSynchronous(candidate)) refusals.push(`${name} is not a synchronous replica: rows that were confirmed may not be there`);
  if (candidate.lagBytes === undefined && candidate.reachable) refusals.push(`nobody knows how far behind ${name} is`);
  else if ((candidate.lagBytes ?? 0) > rules.maximumLagBytes) refusals.push(`${name} is ${String(Math.ceil((candidate.lagBytes ?? 0) / 1024))} KiB behind; ${String(Math.round(rules.maximumLagBytes / 1024))} KiB are allowed`);
  if (candidate.replayPaused) refusals.push(`${name} does not replay: somebody has paused it`);
  return refusals;
}

function unknownMember(name: string, view: ClusterView): Refusals {
  return [`${name} is not in the cluster; its members are ${view.members.map((m) => m.name).join(', ')}`];
}

/** The replicas that may lead, the least behind first; of equal ones the first of the inventory. */
export function goodCandidates(view: ClusterView, rules: GateRules): readonly MemberView[] {
  return view.members.filter((m) => m.name !== view.leader && rules.members.includes(m.name) && candidateRefusals(view, m, rules).length === 0).sort((a, b) => (a.lagBytes ?? 0) - (b.lagBytes ?? 0));
}

/** @param candidate undefined: Patroni's choice */
export function switchoverRefusals(view: ClusterView, candidate: string | undefined, rules: GateRules): Refusals {
  const refusals: string[] = [];
  if (view.leader === undefined) refusals.push(view.primaries.length > 1 ? `more than one member takes writes: ${view.primaries.join(', ')}` : 'there is no leader to hand over; care-provision db failover makes one');
  if (view.scheduledSwitchover !== undefined) refusals.push(`a switchover is planned already: ${view.scheduledSwitchover}`);
  if (view.paused && candidate === undefined) refusals.push('the cluster is paused, so Patroni does not choose: name the new leader with --candidate, or resume first');
  if (view.members.some((m) => m.failsafeActive)) refusals.push('the configuration store (etcd) does not answer: nobody could be made the leader');
  if (candidate === undefined) {
    if (goodCandidates(view, rules).length === 0) {
      const replicas = view.members.filter((m) => m.name !== view.leader);
      refusals.push('no replica may lead now', ...replicas.flatMap((m) => candidateRefusals(view, m, rules)));
    }
    return refusals;
  }
  if (candidate === view.leader) return [...refusals, `${candidate} leads already`];
  const member = find(view, candidate);
  return [...refusals, ...(member === undefined ? unknownMember(candidate, view) : candidateRefusals(view, member, rules))];
}

export interface FailoverRefusals {
  /** No option overrides these. */
  readonly always: Refusals;
  /** `--force` with the cluster's name overrides these. */
  readonly unlessForced: Refusals;
}

/** A failover is for a cluster without a leader; with one, `switchover` loses nothing and this may. */
export function failoverRefusals(view: ClusterView, candidate: string, rules: GateRules): FailoverRefusals {
  const member = find(view, candidate);
  if (member === undefined) return { always: unknownMember(candidate, view), unlessForced: [] };
  if (candidate === view.leader) return { always: [`${candidate} leads already`], unlessForced: [] };
  const always = [
    ...(member.reachable ? [] : [`${candidate} does not answer${member.trouble === undefined ? '' : `: ${member.trouble}`}`]),
    ...(isTagged(member, 'nofailover') || member.tags['failover_priority'] === 0 ? [`${candidate} is tagged never to lead (nofailover)`] : []),
  ];
  const healthyLeader = view.leader === undefined ? [] : [`${view.leader} is the leader and takes writes: care-provision db switchover hands over without losing anything`];
  // Without a leader nobody streams, and lag is measured against nobody.
  const unsure = view.leader === undefined ? (synchronousMode(view) && !isSynchronous(member) ? [`${candidate} is not a synchronous replica: rows that were confirmed may be lost`] : []) : candidateRefusals(view, member, rules).filter((r) => !always.includes(r));
  return { always, unlessForced: [...healthyLeader, ...unsure] };
}

/** Making a member anew wipes its data directory and copies it from another. */
export function reinitRefusals(view: ClusterView, name: string): Refusals {
  const member = find(view, name);
  if (member === undefined) return unknownMember(name, view);
  const refusals: string[] = [];
  if (view.primaries.includes(name)) return [`${name} takes writes: its data is what the others follow. Hand over first (care-provision db switchover)`];
  if (view.leader === undefined) refusals.push('there is no leader to copy from');
  if (!member.reachable) refusals.push(`${name} does not answer, so its Patroni could not do it`);
  const others = view.members.filter((m) => m.name !== name && m.name !== view.leader && m.state === 'streaming');
  if (synchronousMode(view) && isSynchronous(member) && member.state === 'streaming' && !others.some(isSynchronous)) {
    refusals.push(`${name} is the last synchronous replica: without it a commit would be on one host only`);
  }
  return refusals;
}

export function pauseRefusals(view: ClusterView): Refusals {
  if (view.paused) return ['the cluster is paused already'];
  return view.members.some((m) => m.reachable) ? [] : ['no member answers'];
}

export function resumeRefusals(view: ClusterView): Refusals {
  return view.paused ? [] : ['the cluster is not paused'];
}
