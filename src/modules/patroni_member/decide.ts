/**
 * What to do next about a Patroni member, from what etcd and the members say. Pure. One step is decided at a time, from
 * fresh facts, so a run that was cut off anywhere is gone on with.
 *
 * Rules: a cluster is made only where etcd knows none, no listed host has data and the run has looked at all of them, and by
 * the first listed host; data that is not the cluster's is never touched unless `replace` names it; a member joins only from
 * a leader that answers; nothing that the cluster can't spare is restarted (patroni's "Replication modes": in synchronous
 * mode the leader waits for its standbys).
 */
import { isDeepStrictEqual } from 'node:util';
import type { DcsFact, PatroniFact, RestFact } from './query.ts';
import type { PatroniMemberArgs } from './schema.ts';

export type Step =
  | { readonly type: 'done' }
  /** `passing`: it may come right by itself in a moment. */
  | { readonly type: 'refuse'; readonly msg: string; readonly remedy: string; readonly passing?: true }
  /** Make the cluster: initdb by Patroni, with a temporary section `bootstrap`. */
  | { readonly type: 'bootstrap' }
  /** It has the cluster's data: start it. Where no leader answers its work can't be waited for. */
  | { readonly type: 'start'; readonly wait: boolean }
  /** It has no data: Patroni copies it from the cluster. */
  | { readonly type: 'join' }
  | { readonly type: 'set-aside'; readonly why: string }
  | { readonly type: 'reload' }
  | { readonly type: 'switchover'; readonly from: string; readonly to: string }
  | { readonly type: 'restart-unit' }
  /** PostgreSQL alone, by the member's REST API. */
  | { readonly type: 'restart-postgres' }
  /** Stop, take the member out of etcd, set the data aside. */
  | { readonly type: 'leave' }
  /** Let the leader drop the slots of members that are gone, which it keeps for a while; and let it keep them again. */
  | { readonly type: 'forget-slots' }
  | { readonly type: 'keep-slots' };

export type Doing = Exclude<Step, { readonly type: 'done' | 'refuse' }>;

export function isDoing(step: Step): step is Doing {
  return step.type !== 'done' && step.type !== 'refuse';
}

const refuse = (msg: string, remedy: string): Step => ({ type: 'refuse', msg, remedy });
const refuseForNow = (msg: string, remedy: string): Step => ({ type: 'refuse', msg, remedy, passing: true });

const RUNNING: readonly string[] = ['running', 'streaming'];
const UP: readonly string[] = ['active', 'activating', 'reloading'];

/** A member that takes part: the leader, or a replica that streams (or is shipped its log). */
export function isWell(rest: RestFact | undefined): boolean {
  return rest !== undefined && RUNNING.includes(rest.state) && (rest.role === 'primary' || rest.role === 'standby_leader' || rest.streaming);
}

const own = (args: PatroniMemberArgs, fact: PatroniFact): RestFact | undefined => fact.rest.find((m) => m.name === args.name);

/** The leader by etcd, when it answers as one. */
export function leaderOf(fact: PatroniFact): RestFact | undefined {
  const named = fact.dcs?.leader;
  return fact.rest.find((m) => m.name === named && (m.role === 'primary' || m.role === 'standby_leader') && RUNNING.includes(m.state));
}

/** What must never go on, whatever is wished. */
function obstacle(args: PatroniMemberArgs, fact: PatroniFact): Step | undefined {
  const { data } = fact;
  const aside = `look at what is in ${args.data_dir}; when it may go: --extra-vars postgres_replace=${args.name}, which sets it aside`;
  if (data.type === 'foreign') return args.replace ? { type: 'set-aside', why: 'not a data directory' } : refuse(`${args.data_dir} is not empty and not a data directory of PostgreSQL: it holds ${data.holds}`, aside);
  if (data.type !== 'cluster') return undefined;
  const known = fact.dcs?.systemId;
  if (known !== undefined && known !== '' && data.systemId !== '' && data.systemId !== known) {
    return args.replace ? { type: 'set-aside', why: `of cluster ${data.systemId}` } : refuse(`${args.data_dir} belongs to another cluster (${data.systemId}; ${args.scope} is ${known})`, aside);
  }
  if (data.version !== args.version) return refuse(`${args.data_dir} is of PostgreSQL ${data.version}, not ${args.version}`, 'a new major version is reached by playbooks/postgres-major-upgrade.yml; set postgres_version to what the data is of');
  return undefined;
}

/** etcd has no cluster of this name, or can't be asked because nothing is installed yet. */
function withoutCluster(args: PatroniMemberArgs, fact: PatroniFact, checkMode: boolean): Step {
  const names = (list: readonly { readonly name: string }[]): string => list.map((m) => m.name).join(', ');
  const others = args.members.filter((m) => m.name !== args.name);
  // Patroni writes the cluster's keys anew from its data when etcd has lost them.
  if (fact.data.type === 'cluster') return UP.includes(fact.active) ? { type: 'done' } : { type: 'start', wait: false };
  const withData = others.filter((m) => m.data);
  if (withData.length > 0 && fact.canAsk) return refuseForNow(`etcd knows no cluster ${args.scope}, and ${names(withData)} has data: a new cluster beside it would lose that`, `start Patroni there (systemctl start ${args.unit}); this host then joins`);
  if (withData.length > 0) return { type: 'join' };
  const unseen = others.filter((m) => !m.seen);
  if (unseen.length > 0) return refuse(`there is no cluster ${args.scope}, and this run has not looked at ${names(unseen)}: there may be one`, 'run without --limit, with all hosts of the group reachable, to make a new cluster');
  if (args.members[0]?.name === args.name) return { type: 'bootstrap' };
  return checkMode ? { type: 'join' } : refuse(`${args.members[0]?.name ?? ''} has not made the cluster`, `journalctl -u ${args.unit} there`);
}

/** The next step for `present`. */
export function decidePresent(args: PatroniMemberArgs, fact: PatroniFact, checkMode: boolean): Step {
  const stop = obstacle(args, fact);
  if (stop !== undefined) return stop;
  if (fact.canAsk && fact.dcs === undefined) {
    // On a fresh host etcd is made by an earlier task of the same run.
    if (checkMode && fact.data.type === 'empty') return withoutCluster(args, fact, checkMode);
    return refuseForNow('etcd does not answer', `mend etcd first: ${args.etcd.endpoints.join(', ')}`);
  }
  const { dcs } = fact;
  if (dcs?.systemId === undefined) return withoutCluster(args, fact, checkMode);
  return inCluster(args, fact, dcs);
}

function inCluster(args: PatroniMemberArgs, fact: PatroniFact, dcs: DcsFact): Step {
  const mine = own(args, fact);
  const leader = leaderOf(fact);
  if (fact.data.type === 'cluster') {
    if (!UP.includes(fact.active)) return { type: 'start', wait: leader !== undefined };
    if (isWell(mine)) return { type: 'done' };
    if (leader === undefined && args.leaderless) return { type: 'done' };
    if (leader === undefined && dcs.leader === undefined) return refuseForNow(`cluster ${args.scope} has no leader`, `care-patronictl list; journalctl -u ${args.unit} on its members`);
    return refuseForNow(`member ${args.name} is ${mine === undefined ? 'not answering' : `${mine.state}, not streaming`}`, `journalctl -u ${args.unit}; care-patronictl list. A replica that can't catch up: care-patronictl reinit ${args.scope} ${args.name}`);
  }
  if (leader !== undefined) return { type: 'join' };
  if (dcs.systemId === '') return refuseForNow(`cluster ${args.scope} is being made by somebody`, `care-patronictl list; a bootstrap that was cut off: care-patronictl remove ${args.scope}`);
  if (args.members.every((m) => m.name === args.name || (m.seen && !m.data)))
    return refuse(`etcd knows cluster ${args.scope} (${dcs.systemId}), and no host has its data`, `restore it from the backup (playbooks/postgres-restore.yml); to begin with an empty one: care-patronictl remove ${args.scope}`);
  return refuseForNow(`cluster ${args.scope} has no leader to copy the data from`, `care-patronictl list; journalctl -u ${args.unit} on its members`);
}

/** The others that must be well while this one is not there. */
function othersIll(args: PatroniMemberArgs, fact: PatroniFact): readonly string[] {
  const names = new Set([...args.members.map((m) => m.name), ...(fact.dcs?.members ?? []).map((m) => m.name)]);
  names.delete(args.name);
  return [...names].filter((name) => !isWell(fact.rest.find((m) => m.name === name)));
}

/** A standby that may take over: in synchronous mode one that has confirmed all, without a restart of its own to come where there is a choice. */
export function successor(args: PatroniMemberArgs, fact: PatroniFact): RestFact | undefined {
  const standbys = fact.rest.filter((m) => m.name !== args.name && isWell(m) && m.role !== 'primary');
  const sync = fact.dcs?.sync ?? [];
  const fit = sync.length === 0 ? standbys : standbys.filter((m) => sync.includes(m.name));
  return fit.find((m) => !m.pendingRestart) ?? fit[0];
}

/** Whether the local Patroni has acted on what etcd holds; a pending restart is only known then. */
function sameConfiguration(fact: PatroniFact): boolean {
  const [wanted, taken] = [fact.dcs?.config, fact.taken];
  return wanted === undefined || taken === undefined || isDeepStrictEqual(JSON.parse(wanted), JSON.parse(taken));
}

/** Whether this member may be restarted now. */
export function decideRestart(args: PatroniMemberArgs, fact: PatroniFact): Step {
  const mine = own(args, fact);
  // One that does not run is left to `present`, which knows how it may start.
  if (fact.data.type !== 'cluster' || !UP.includes(fact.active)) return { type: 'done' };
  const pendingOnly = args.only_if === 'pending';
  if (pendingOnly && !sameConfiguration(fact)) return refuseForNow(`${args.name} has not taken over the configuration of ${args.scope} yet`, `journalctl -u ${args.unit}`);
  if (pendingOnly && mine?.pendingRestart !== true) return { type: 'done' };
  // It would start with the leader's value again.
  if (pendingOnly && mine?.role !== 'primary' && mine?.awaitsLeader === true && leaderOf(fact)?.pendingRestart === true) return { type: 'done' };
  if (!isWell(mine)) return pendingOnly ? { type: 'restart-postgres' } : { type: 'restart-unit' };
  if (args.only_if === 'ill') return { type: 'done' };
  const ill = othersIll(args, fact);
  if (ill.length > 0) return refuseForNow(`${ill.join(', ')} is not well, so ${args.name} is not restarted now`, 'mend that first; the restart is still owed and is made by the next run');
  if (mine?.role === 'primary' && args.members.length > 1) {
    const next = successor(args, fact);
    if (next === undefined) return refuseForNow(`no standby is in sync, so the leader ${args.name} is not restarted now`, 'care-patronictl list; the restart is still owed and is made by the next run');
    // Where all standbys still wait, it is for a smaller value that the leader must have first.
    if (!(pendingOnly && next.pendingRestart)) return { type: 'switchover', from: args.name, to: next.name };
  }
  return pendingOnly ? { type: 'restart-postgres' } : { type: 'restart-unit' };
}

export function decideReload(args: PatroniMemberArgs, fact: PatroniFact): Step {
  if (fact.data.type !== 'cluster' || !UP.includes(fact.active)) return { type: 'done' };
  return args.only_if === 'edited' && !fact.data.edited ? { type: 'done' } : { type: 'reload' };
}

/** As Patroni names it (slot_name_from_member_name). */
export function slotName(member: string): string {
  return member
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, 63);
}

const keepsNoSlots = (fact: PatroniFact): boolean => /"member_slots_ttl": ?0[,}]/.test(fact.dcs?.config ?? '');

/** Once the member is gone: its slot would hold the leader's log for as long as member_slots_ttl, half an hour. */
function afterLeaving(args: PatroniMemberArgs, fact: PatroniFact, done: readonly Step[]): Step {
  const own = done.some((s) => s.type === 'forget-slots');
  if (fact.dcs?.slots.includes(slotName(args.name)) === true && leaderOf(fact) !== undefined) {
    return keepsNoSlots(fact) ? refuseForNow(`the leader still keeps the replication slot of ${args.name}`, 'care-patronictl list; SELECT * FROM pg_replication_slots') : { type: 'forget-slots' };
  }
  return own && keepsNoSlots(fact) ? { type: 'keep-slots' } : { type: 'done' };
}

/** The way out of the cluster. */
export function decideAbsent(args: PatroniMemberArgs, fact: PatroniFact, done: readonly Step[]): Step {
  const known = fact.dcs?.members.some((m) => m.name === args.name) === true;
  const ours = fact.data.type === 'cluster' && (fact.dcs?.systemId === undefined || fact.data.systemId === fact.dcs.systemId);
  const here = UP.includes(fact.active) || ours;
  if (!here && !known) return afterLeaving(args, fact, done);
  if (fact.canAsk && fact.dcs === undefined) return refuseForNow('etcd does not answer', `mend etcd first: ${args.etcd.endpoints.join(', ')}`);
  const stay = (fact.dcs?.members ?? []).filter((m) => m.name !== args.name && args.members.some((listed) => listed.name === m.name)).length;
  const all = fact.dcs?.members.length ?? 0;
  if (here && stay * 2 < all) return refuse(`the inventory lists only ${String(stay)} of the ${String(all)} members, so it is not taken as a wish to remove the others`, 'check the group in the inventory; let new hosts join before, and take old ones out a few at a time');
  if (fact.dcs?.leader === args.name) {
    const next = successor(args, fact);
    if (next === undefined) return refuseForNow(`${args.name} leads, and no standby can take over`, 'care-patronictl list');
    return { type: 'switchover', from: args.name, to: next.name };
  }
  // Its key ends with its time to live.
  return here ? { type: 'leave' } : refuseForNow(`etcd still lists ${args.name}`, `is Patroni running elsewhere under that name? care-patronictl list`);
}
