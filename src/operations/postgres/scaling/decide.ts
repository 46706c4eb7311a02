/**
 * Whether a cluster needs another read replica, or can do with one less. Pure: policy, looks, membership and time in; one action and the
 * reasons for it out. One action at a time; the leader and the last synchronous standby are never taken.
 */
import type { ScalingPolicy } from './policy.ts';

export interface ReplicaSample {
  readonly name: string;
  readonly streaming: boolean;
  readonly synchronous: boolean;
  /** Undefined: not known. */
  readonly lagBytes: number | undefined;
  readonly activeConnections: number | undefined;
  readonly loadPerCpu: number | undefined;
}

/** One look. */
export interface Sample {
  readonly leader: string | undefined;
  readonly replicas: readonly ReplicaSample[];
  /** Of all poolers together; undefined where there is none that answers. */
  readonly poolWaiting: number | undefined;
  /** What is wrong with the cluster, a sentence each. */
  readonly problems: readonly string[];
}

export interface Membership {
  /** Hosts of the pool that are no members, in the order in which they are taken. */
  readonly free: readonly string[];
  /** Hosts of the pool that are members, the newest last. Others are never removed. */
  readonly added: readonly string[];
  /** When the last change was made, in seconds since the epoch. */
  readonly changedAt: number | undefined;
  readonly synchronous: boolean;
}

export type Action = { readonly type: 'none' } | { readonly type: 'add'; readonly host: string } | { readonly type: 'remove'; readonly host: string };

export interface Decision {
  readonly action: Action;
  readonly reasons: readonly string[];
}

type Name = 'connections' | 'load' | 'pool_wait' | 'lag_bytes';
const NAMES: readonly Name[] = ['connections', 'load', 'pool_wait', 'lag_bytes'];
const WORDS: Readonly<Record<Name, string>> = { connections: 'active connections a replica', load: 'load per processor of a replica', pool_wait: 'clients that wait in the poolers', lag_bytes: 'bytes behind a replica' };

function mean(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((v) => v !== undefined);
  return known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0) / known.length;
}

function measure(name: Name, sample: Sample): number | undefined {
  const serving = sample.replicas.filter((r) => r.streaming);
  switch (name) {
    case 'connections':
      return mean(serving.map((r) => r.activeConnections));
    case 'load':
      return mean(serving.map((r) => r.loadPerCpu));
    case 'pool_wait':
      return sample.poolWaiting;
    case 'lag_bytes':
      return mean(serving.map((r) => r.lagBytes));
  }
}

const shown = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(2));

interface Verdict {
  readonly name: Name;
  readonly says: 'add' | 'remove' | 'keep' | 'unknown';
  readonly reason: string;
}

/** A trigger counts when every look says the same: a peak is no load. */
function judge(name: Name, policy: ScalingPolicy, samples: readonly Sample[]): Verdict | undefined {
  const trigger = policy[name];
  if (trigger === null) return undefined;
  const values = samples.map((s) => measure(name, s));
  const known = values.filter((v) => v !== undefined);
  if (known.length === 0 || known.length < values.length) return { name, says: 'unknown', reason: `${WORDS[name]}: not known` };
  const seen = `${WORDS[name]}: ${known.map(shown).join(', ')}`;
  if (known.every((v) => v > trigger.add)) return { name, says: 'add', reason: `${seen}; more than ${shown(trigger.add)}` };
  if (known.every((v) => v < trigger.remove)) return { name, says: 'remove', reason: `${seen}; less than ${shown(trigger.remove)}` };
  return { name, says: 'keep', reason: `${seen}; between ${shown(trigger.remove)} and ${shown(trigger.add)}, or not in all looks` };
}

function none(reasons: readonly string[], ...more: readonly string[]): Decision {
  return { action: { type: 'none' }, reasons: [...reasons, ...more] };
}

/** Why a member must stay; undefined when it may go. */
function keeps(host: string, last: Sample, synchronous: boolean): string | undefined {
  if (last.leader === host) return `${host} leads and is never removed (care-provision db switchover first)`;
  const rest = last.replicas.filter((r) => r.name !== host && r.streaming);
  if (rest.length === 0) return `${host} is the last replica`;
  // Patroni may name another standby once this one is gone; that must be one that streams.
  if (synchronous && last.replicas.some((r) => r.name === host && r.synchronous) && !rest.some((r) => r.synchronous)) return `${host} is the last synchronous standby`;
  return undefined;
}

/**
 * @param samples looks, the oldest first; at least one
 * @param now seconds since the epoch
 */
export function decideScaling(policy: ScalingPolicy, samples: readonly Sample[], membership: Membership, now: number): Decision {
  const last = samples.at(-1);
  if (last === undefined) return none([], 'the cluster was not looked at');
  const verdicts = NAMES.map((name) => judge(name, policy, samples)).filter((v) => v !== undefined);
  const reasons = verdicts.map((v) => v.reason);
  const replicas = last.replicas.length;
  const ill = samples.flatMap((s) => s.problems);
  if (ill.length > 0) return none(reasons, ...new Set(ill), 'a cluster that is not well is not changed');
  const wait = membership.changedAt === undefined ? 0 : membership.changedAt + policy.cooldown_seconds - now;
  // Bounds are kept whatever the load; they wait for the cooldown all the same.
  const wanted = replicas < policy.min_replicas ? 'add' : replicas > policy.max_replicas ? 'remove' : load(verdicts);
  if (wanted === 'keep') return none(reasons, 'nothing to do');
  const why = replicas < policy.min_replicas ? [`${String(replicas)} replicas, at least ${String(policy.min_replicas)}`] : replicas > policy.max_replicas ? [`${String(replicas)} replicas, at most ${String(policy.max_replicas)}`] : [];
  if (wait > 0) return none(reasons, ...why, `would ${wanted} a replica; cooldown of ${String(policy.cooldown_seconds)} s after the last change, ${String(Math.ceil(wait))} s are left`);
  return wanted === 'add' ? add(policy, membership, replicas, [...reasons, ...why]) : remove(policy, membership, last, [...reasons, ...why]);
}

/** One trigger is enough to add. To remove, all that are known must allow it, and at least one must be known. */
function load(verdicts: readonly Verdict[]): 'add' | 'remove' | 'keep' {
  if (verdicts.some((v) => v.says === 'add')) return 'add';
  const known = verdicts.filter((v) => v.says !== 'unknown');
  return known.length > 0 && known.every((v) => v.says === 'remove') ? 'remove' : 'keep';
}

function add(policy: ScalingPolicy, membership: Membership, replicas: number, reasons: readonly string[]): Decision {
  if (replicas >= policy.max_replicas) return none(reasons, `${String(replicas)} replicas, at most ${String(policy.max_replicas)}`);
  const [host] = membership.free;
  if (host === undefined) return none(reasons, 'a replica is wanted, and the pool (group postgres_standby_pool) has no free host');
  return { action: { type: 'add', host }, reasons: [...reasons, `${host} is the next of the pool`] };
}

function remove(policy: ScalingPolicy, membership: Membership, last: Sample, reasons: readonly string[]): Decision {
  const replicas = last.replicas.length;
  if (replicas <= policy.min_replicas) return none(reasons, `${String(replicas)} replicas, at least ${String(policy.min_replicas)}`);
  if (membership.added.length === 0) return none(reasons, 'no replica comes from the pool; others are never removed');
  const kept: string[] = [];
  for (const host of [...membership.added].reverse()) {
    const why = keeps(host, last, membership.synchronous);
    if (why === undefined) return { action: { type: 'remove', host }, reasons: [...reasons, ...kept, `${host} is the newest of the pool that can be spared`] };
    kept.push(why);
  }
  return none(reasons, ...kept);
}
