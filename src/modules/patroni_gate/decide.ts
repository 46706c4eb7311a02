/** Whether a Patroni cluster is fit for a member to be taken away for a while. Pure. */
import { leaderOf, syncStandbys, type PatroniMember, type PatroniView } from '../common/patroni-view.ts';

export interface Wanted {
  /** Members that there must be, and no others. */
  readonly members: readonly string[];
  readonly synchronous: boolean;
  readonly maxLagBytes: number;
  readonly paused: boolean;
  /** Members that may be in any state or absent. */
  readonly tolerate: readonly string[];
}

const shown = (m: PatroniMember): string => `${m.name} is ${m.state === '' ? 'in no known state' : m.state}`;

function replicaTrouble(m: PatroniMember, leader: PatroniMember | undefined, wanted: Wanted): readonly string[] {
  if (m.state !== 'streaming') return [`${shown(m)}, not streaming`];
  if (leader?.timeline !== undefined && m.timeline !== undefined && m.timeline !== leader.timeline) return [`${m.name} is on timeline ${String(m.timeline)}, the leader on ${String(leader.timeline)}`];
  if (m.lag === undefined) return [`how far ${m.name} lags is unknown`];
  return m.lag > wanted.maxLagBytes ? [`${m.name} lags ${String(m.lag)} bytes, more than ${String(wanted.maxLagBytes)}`] : [];
}

/** @returns everything that is wrong, in words; empty when the gate is open */
export function troubles(view: PatroniView, wanted: Wanted): readonly string[] {
  const members = view.members;
  if (members === undefined) return [`Patroni does not answer: ${view.trouble}`];
  const found: string[] = [];
  if (view.paused !== wanted.paused) found.push(wanted.paused ? 'Patroni is not paused' : 'Patroni is paused, so nobody fails over');
  if (view.scheduled !== '') found.push(`a switchover is scheduled for ${view.scheduled}`);
  const leader = leaderOf(view);
  if (leader === undefined) found.push('there is no leader');
  else if (leader.state !== 'running') found.push(`the leader ${shown(leader)}`);
  const excused = new Set(wanted.tolerate);
  const names = new Set(members.map((m) => m.name));
  const missing = wanted.members.filter((n) => !names.has(n) && !excused.has(n));
  if (missing.length > 0) found.push(`not in the cluster: ${missing.join(', ')}`);
  const unlisted = members.filter((m) => !wanted.members.includes(m.name) && !excused.has(m.name));
  if (unlisted.length > 0) found.push(`in the cluster but not in the inventory: ${unlisted.map((m) => m.name).join(', ')}`);
  for (const m of members) if (m !== leader && !excused.has(m.name)) found.push(...replicaTrouble(m, leader, wanted));
  const others = wanted.members.filter((n) => n !== leader?.name && !excused.has(n));
  if (wanted.synchronous && others.length > 0 && !syncStandbys(view).some((m) => m.state === 'streaming')) found.push('no synchronous standby');
  return found;
}
