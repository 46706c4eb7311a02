/** What all members together say of a cluster at one moment, and what is wrong with it. Decisions are pure. */
import type { ClusterAnswer, ConfigAnswer, MemberAnswer, MemberRole } from '../../services/patroni/answers.ts';

/** What one member of the inventory answered. */
export interface MemberSeen {
  readonly name: string;
  /** Undefined: its Patroni did not answer; `trouble` says why. */
  readonly answer: MemberAnswer | undefined;
  readonly trouble: string | undefined;
}

export interface MemberView {
  readonly name: string;
  /** Undefined: not in the cluster. */
  readonly role: MemberRole | undefined;
  readonly state: string;
  /** When its PostgreSQL was started; undefined while it does not run or does not answer. */
  readonly startedAt: string | undefined;
  readonly timeline: number | undefined;
  /** Bytes not yet replayed, against where the leader writes. */
  readonly lagBytes: number | undefined;
  readonly replayPaused: boolean;
  readonly pendingRestart: boolean;
  readonly failsafeActive: boolean;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly reachable: boolean;
  readonly trouble: string | undefined;
}

export interface ClusterView {
  readonly members: readonly MemberView[];
  /** The one member that takes writes; undefined for none or several. */
  readonly leader: string | undefined;
  /** All that say that they take writes. More than one for a moment is a member that has not noticed yet. */
  readonly primaries: readonly string[];
  readonly paused: boolean;
  readonly scheduledSwitchover: string | undefined;
  /** Undefined when no member answered. */
  readonly config: ConfigAnswer | undefined;
}

/** Puts the answers together. Members that the inventory lists come first, in its order; others of the cluster after them. */
export function clusterView(seen: readonly MemberSeen[], cluster: ClusterAnswer | undefined, config: ConfigAnswer | undefined): ClusterView {
  const primaries = seen.filter((s) => s.answer?.primary === true).map((s) => s.name);
  const leaderAt = seen.find((s) => s.name === primaries[0])?.answer?.location;
  const names = [...seen.map((s) => s.name), ...(cluster?.members ?? []).map((m) => m.name).filter((name) => !seen.some((s) => s.name === name))];
  const members = names.map((name): MemberView => {
    const own = seen.find((s) => s.name === name);
    const known = cluster?.members.find((m) => m.name === name);
    const answer = own?.answer;
    const role: MemberRole | undefined = answer?.primary === true ? 'leader' : answer?.standbyLeader === true ? 'standby_leader' : (known?.role === 'leader' && answer !== undefined ? 'replica' : (answer?.sync ?? known?.role));
    const behind = leaderAt === undefined || answer?.location === undefined || answer.primary ? undefined : Math.max(0, leaderAt - answer.location);
    return {
      name,
      role,
      state: answer === undefined ? (own === undefined ? (known?.state ?? 'unknown') : 'unreachable') : answer.primary ? answer.state : (answer.state === 'running' ? (answer.replicationState ?? known?.state ?? answer.state) : answer.state),
      startedAt: answer?.startedAt,
      timeline: answer?.timeline ?? known?.timeline,
      lagBytes: behind ?? (answer?.primary === true ? undefined : known?.lagBytes),
      replayPaused: answer?.replayPaused === true,
      pendingRestart: answer?.pendingRestart ?? known?.pendingRestart ?? false,
      failsafeActive: answer?.failsafeActive === true,
      tags: answer?.tags ?? known?.tags ?? {},
      reachable: answer !== undefined,
      trouble: own?.trouble,
    };
  });
  return {
    members,
    leader: primaries.length === 1 ? primaries[0] : undefined,
    primaries,
    paused: cluster?.paused ?? seen.some((s) => s.answer?.paused === true),
    scheduledSwitchover: cluster?.scheduledSwitchover,
    config,
  };
}

export interface HealthRules {
  /** Members that must be there: all of the inventory's. */
  readonly expected: readonly string[];
  /** Bytes that a replica may be behind. */
  readonly maximumLagBytes: number;
}

/** The least that `db status` and the drills' guard call lagging: 16 MB, the warning threshold of replication lag. */
export const LAG_WARNING_BYTES = 16 * 1024 * 1024;

/** What is wrong with a cluster, a sentence each; none means that it is healthy. */
export function problemsOf(view: ClusterView, rules: HealthRules): readonly string[] {
  const problems: string[] = [];
  if (view.primaries.length === 0) problems.push('no member takes writes: there is no leader');
  if (view.primaries.length > 1) problems.push(`more than one member takes writes: ${view.primaries.join(', ')}`);
  if (view.paused) problems.push('the cluster is paused: Patroni would not fail over (care-provision db resume)');
  if (view.scheduledSwitchover !== undefined) problems.push(`a switchover is planned: ${view.scheduledSwitchover}`);
  const leader = view.members.find((m) => m.name === view.leader);
  for (const name of rules.expected) {
    const member = view.members.find((m) => m.name === name);
    if (member === undefined) problems.push(`${name} is not in the cluster`);
    else problems.push(...memberProblems(member, leader, rules));
  }
  for (const member of view.members) if (!rules.expected.includes(member.name)) problems.push(`${member.name} is in the cluster and not in the inventory`);
  const mode = view.config?.synchronousMode ?? 'off';
  if (mode !== 'off' && leader !== undefined && !view.members.some((m) => m.role === 'sync' || m.role === 'quorum')) {
    problems.push(`synchronous_mode is ${mode}, and no replica is synchronous: a commit is on one host only`);
  }
  return problems;
}

function memberProblems(member: MemberView, leader: MemberView | undefined, rules: HealthRules): readonly string[] {
  const { name } = member;
  if (!member.reachable) return [`${name} does not answer${member.trouble === undefined ? '' : `: ${member.trouble}`}`];
  if (member.role === undefined) return [`${name} is not in the cluster`];
  if (member.failsafeActive) return [`${name} runs in failsafe mode: the configuration store (etcd) does not answer`];
  if (member.name === leader?.name) return [];
  if (member.state !== 'streaming') return [`${name} is ${member.state}, not streaming`];
  const problems: string[] = [];
  if (member.replayPaused) problems.push(`${name} does not replay: somebody has paused it (select pg_wal_replay_resume())`);
  if (leader?.timeline !== undefined && member.timeline !== leader.timeline) problems.push(`${name} is on timeline ${String(member.timeline)}, the leader on ${String(leader.timeline)}`);
  if (member.lagBytes !== undefined && member.lagBytes > rules.maximumLagBytes) problems.push(`${name} is ${(member.lagBytes / 1024 / 1024).toFixed(0)} MiB behind`);
  return problems;
}
