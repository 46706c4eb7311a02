/**
 * What to do next about an etcd member, from what the cluster says. Pure. One step is decided at a time, from fresh
 * facts, so a run that was cut off anywhere is gone on with: bootstrap, join, replacement and restart are one path.
 *
 * Rules (etcd's "runtime reconfiguration" documents): members change one at a time, only while all others are
 * well; a new one joins as a learner and votes once it has caught up; a change never leaves fewer well voters than
 * a majority; a cluster is only ever made where no host has data and nobody answers.
 */
import type { EtcdFact, EtcdMember, EtcdStatus } from './query.ts';
import type { EtcdMemberArgs } from './schema.ts';

export type Step =
  | { readonly type: 'done' }
  /** `passing`: it may come right by itself in a moment (a member that is just being started). */
  | { readonly type: 'refuse'; readonly msg: string; readonly remedy: string; readonly passing?: true }
  /** Make a cluster of this member alone; the others join it. */
  | { readonly type: 'bootstrap' }
  /** It has data: start it. Where no quorum answers its start can't be waited for: the others may be started after it. */
  | { readonly type: 'start'; readonly wait: boolean }
  /** Tell the cluster of it. Data of an earlier life is set aside first. */
  | { readonly type: 'add'; readonly setAside: boolean }
  /** First start of a member that the cluster knows. */
  | { readonly type: 'join'; readonly initialCluster: string }
  | { readonly type: 'promote'; readonly id: string }
  | { readonly type: 'update'; readonly id: string; readonly from: string }
  | { readonly type: 'remove'; readonly id: string; readonly name: string }
  | { readonly type: 'restart'; readonly moveLeaderTo: string | undefined };

const refuse = (msg: string, remedy: string): Step => ({ type: 'refuse', msg, remedy });

const refuseForNow = (msg: string, remedy: string): Step => ({ type: 'refuse', msg, remedy, passing: true });

/** A majority of so many voters. */
export function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

function isWell(member: EtcdMember, fact: EtcdFact): boolean {
  return member.clientUrls.some((url) => fact.healthy.includes(url));
}

const nameOf = (member: EtcdMember): string => (member.name === '' ? (member.peerUrls[0] ?? member.id) : member.name);

function ownStatus(args: EtcdMemberArgs, fact: EtcdFact): EtcdStatus | undefined {
  return fact.statuses.find((s) => s.endpoint === args.client_url);
}

/** This host's entry in the cluster's list, by the running process' id, else by name or address. */
function ownMember(args: EtcdMemberArgs, fact: EtcdFact): EtcdMember | undefined {
  const running = ownStatus(args, fact)?.memberId;
  const members = fact.members ?? [];
  return members.find((m) => m.id === running) ?? members.find((m) => m.name === args.name || m.peerUrls.includes(args.peer_url));
}

/** Why a member must not be removed; undefined when it may be. */
export function mayNotRemove(target: EtcdMember, fact: EtcdFact): string | undefined {
  if (target.learner) return undefined;
  const rest = (fact.members ?? []).filter((m) => m.id !== target.id && !m.learner);
  const well = rest.filter((m) => isWell(m, fact)).length;
  if (rest.length === 0) return 'it is the last voter';
  if (well < quorum(rest.length)) return `only ${String(well)} of the ${String(rest.length)} others are well, and ${String(quorum(rest.length))} are needed`;
  return undefined;
}

function remove(target: EtcdMember, fact: EtcdFact): Step {
  const why = mayNotRemove(target, fact);
  return why === undefined
    ? { type: 'remove', id: target.id, name: nameOf(target) }
    : refuse(`member ${nameOf(target)} can't be removed: ${why}`, 'bring the others back first (systemctl status etcd on each)');
}

function splitCluster(fact: EtcdFact): Step | undefined {
  const clusters = [...new Set(fact.statuses.map((s) => s.clusterId))];
  if (clusters.length < 2) return undefined;
  const list = clusters.map((id) => `${id}: ${fact.statuses.filter((s) => s.clusterId === id).map((s) => s.endpoint).join(', ')}`);
  return refuse(`there is more than one cluster (${list.join('; ')})`, 'decide which one is right; stop etcd on the hosts of the other and move their data directories away');
}

/** Nobody answers with a quorum behind him. */
function withoutQuorum(args: EtcdMemberArgs, fact: EtcdFact, checkMode: boolean): Step {
  if (fact.data) return fact.active === 'active' || fact.active === 'activating' ? { type: 'done' } : { type: 'start', wait: false };
  const others = args.members.filter((m) => m.name !== args.name);
  const names = (list: readonly { readonly name: string }[]): string => list.map((m) => m.name).join(', ');
  const withData = others.filter((m) => m.data);
  if (withData.length > 0)
    return refuse(`no quorum of the cluster answers, and ${names(withData)} has data of it: a new cluster beside it would lose that`, 'start etcd there, or restore a snapshot (docs/roles/etcd.md); this host then joins');
  const started = others.filter((m) => m.started);
  if (started.length > 0) {
    return checkMode ? { type: 'add', setAside: false } : refuse(`${names(started)} was just made a member and can't be reached from here`, `try from here: nc -vz to ${started.map((m) => m.client_url).join(', ')}; a firewall in between?`);
  }
  const unseen = others.filter((m) => !m.seen);
  if (unseen.length > 0) return refuse(`nobody answers, and this run has not looked at ${names(unseen)}: there may be a cluster`, 'run without --limit, with all hosts of the group reachable, to make a new cluster');
  return { type: 'bootstrap' };
}

/** A cluster answers and does not count this host's process among its own. */
function intoCluster(args: EtcdMemberArgs, fact: EtcdFact, mine: EtcdMember | undefined): Step {
  const members = fact.members ?? [];
  if (mine !== undefined) {
    if (fact.data) return { type: 'start', wait: true };
    if (mine.name === '') {
      const known = members.filter((m) => m.id !== mine.id && m.name !== '');
      return { type: 'join', initialCluster: [...known.flatMap((m) => m.peerUrls.map((url) => `${m.name}=${url}`)), `${args.name}=${args.peer_url}`].join(',') };
    }
    if (args.replace) return remove(mine, fact);
    return refuse(`the cluster has a member ${nameOf(mine)}, and this host has lost its data`, `if the host was wiped on purpose: --extra-vars etcd_replace=${args.name}; else bring back ${args.data_dir}`);
  }
  const ill = members.filter((m) => !isWell(m, fact));
  if (ill.length > 0) return refuseForNow(`${ill.map(nameOf).join(', ')} is not well, so no member is added`, 'mend that first; a member that is gone for good is removed by taking its host out of the group');
  return { type: 'add', setAside: fact.data };
}

/** The next step for `present`. */
export function decidePresent(args: EtcdMemberArgs, fact: EtcdFact, checkMode: boolean): Step {
  const split = splitCluster(fact);
  if (split !== undefined) return split;
  if (fact.members === undefined) return withoutQuorum(args, fact, checkMode);
  const mine = ownMember(args, fact);
  const own = ownStatus(args, fact);
  if (mine === undefined || own === undefined || own.memberId !== mine.id) return intoCluster(args, fact, mine);
  if (mine.learner) return { type: 'promote', id: mine.id };
  if (!mine.peerUrls.includes(args.peer_url)) return { type: 'update', id: mine.id, from: mine.peerUrls.join(',') };
  return { type: 'done' };
}

/** Whether this member may be restarted now. One that does not run is left to `present`, which knows how it may start. */
export function decideRestart(args: EtcdMemberArgs, fact: EtcdFact): Step {
  const split = splitCluster(fact);
  if (split !== undefined) return split;
  const mine = ownMember(args, fact);
  if (!fact.data || fact.active === 'inactive' || fact.active === 'failed' || (fact.members !== undefined && mine === undefined)) return { type: 'done' };
  const own = ownStatus(args, fact);
  const others = (fact.members ?? []).filter((m) => m.id !== mine?.id && !m.learner);
  const ill = others.filter((m) => !isWell(m, fact));
  // One that is not well itself takes nothing from the quorum.
  if (mine === undefined || !isWell(mine, fact)) return { type: 'restart', moveLeaderTo: undefined };
  if (args.ill_only) return { type: 'done' };
  if (ill.length > 0) return refuseForNow(`${ill.map(nameOf).join(', ')} is not well, so ${args.name} is not restarted now`, 'mend that first; the restart is still owed and is made by the next run');
  const successor = own !== undefined && own.leader === own.memberId ? others[0]?.id : undefined;
  return { type: 'restart', moveLeaderTo: successor };
}

/** The next member to remove because it is not listed. */
export function decideOnly(args: EtcdMemberArgs, fact: EtcdFact): Step {
  const split = splitCluster(fact);
  if (split !== undefined) return split;
  const members = fact.members ?? [];
  const listed = new Set(args.members.map((m) => m.name));
  // A member that was added and never started has no name; whose it is, is known by its address alone.
  const urls = new Set(args.members.map((m) => m.peer_url));
  const extra = members.filter((m) => (m.name === '' ? !m.peerUrls.some((u) => urls.has(u)) : !listed.has(m.name)));
  const ill = extra.filter((m) => !isWell(m, fact));
  const target = ill[0] ?? (args.dead_only ? undefined : extra[0]);
  if (target === undefined) return { type: 'done' };
  const voters = members.filter((m) => !m.learner);
  const kept = voters.filter((m) => listed.has(m.name)).length;
  if (kept * 2 < voters.length)
    return refuse(`the inventory lists only ${String(kept)} of the ${String(voters.length)} voters, so it is not taken as a wish to remove the others`, 'check the group in the inventory; let the new hosts join before, and take old ones out a few at a time');
  return remove(target, fact);
}
