/**
 * Heartbeat and election timeout of etcd for members that are far from each other. Pure.
 *
 * Source: etcd.io, "Tuning", "Time parameters": the heartbeat interval is around the largest average round trip between members, 0.5 to 1.5 of it; the
 * election timeout at least ten round trips, at most 50 s; the defaults are 100 and 1000 ms; all members of a cluster have the same ones.
 */

export interface TimedMember {
  readonly name: string;
  /** The average round trip to other members in milliseconds, by their names: those that it could reach. */
  readonly roundTrips: Readonly<Record<string, number>>;
  /** The heartbeat that it is configured with, in milliseconds; undefined where it is not a member yet. */
  readonly heartbeatMs?: number | undefined;
}

export interface Timing {
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** The largest round trip between two members, in whole milliseconds, rounded up; undefined when none was measured. */
  readonly roundTripMs: number | undefined;
  /** What is not as etcd's documentation asks for, though it was asked for by somebody. */
  readonly warnings: readonly string[];
}

const DEFAULT_HEARTBEAT_MS = 100;
const LARGEST_HEARTBEAT_MS = 5000;
const LARGEST_ELECTION_MS = 50_000;
/** Heartbeats are multiples of it, so that a round trip that differs a little asks for the same. */
const STEP_MS = 10;
/** Above the round trip, so that one that grows by less changes nothing. */
const ROOM = 1.25;
/** etcd's upper bound, in round trips: a heartbeat above it is made shorter again. */
const MOST = 1.5;

const upTo = (milliseconds: number): number => Math.min(LARGEST_HEARTBEAT_MS, Math.max(DEFAULT_HEARTBEAT_MS, Math.ceil(milliseconds / STEP_MS) * STEP_MS));

interface Measured {
  readonly largest: number | undefined;
  /** Whether every two members are known to have been measured from one of them at least. */
  readonly whole: boolean;
}

function measured(members: readonly TimedMember[]): Measured {
  const names = new Set(members.map((each) => each.name));
  const between = members.flatMap((one) => Object.entries(one.roundTrips).filter(([other]) => names.has(other) && other !== one.name).map(([other, ms]) => ({ pair: [one.name, other].sort().join('\n'), ms })));
  const pairs = new Set(between.map((each) => each.pair));
  return { largest: between.length === 0 ? undefined : Math.ceil(Math.max(...between.map((each) => each.ms))), whole: pairs.size === (members.length * (members.length - 1)) / 2 };
}

function heartbeatFor({ largest, whole }: Measured, members: readonly TimedMember[]): number {
  // They differ when a change was cut off half-way: the longer one loses no leader.
  const has = Math.max(0, ...members.map((each) => each.heartbeatMs ?? 0));
  if (largest === undefined) return has === 0 ? DEFAULT_HEARTBEAT_MS : has;
  const wanted = upTo(largest * ROOM);
  if (has < Math.min(LARGEST_HEARTBEAT_MS, Math.max(DEFAULT_HEARTBEAT_MS, largest))) return wanted;
  // Shorter only when everybody has been heard: the farthest may be off just now.
  return whole && has > upTo(largest * MOST) ? wanted : has;
}

/**
 * @param asked what somebody wants in milliseconds; 0 follows the round trip
 */
export function timingOf(members: readonly TimedMember[], asked: { readonly heartbeatMs: number; readonly electionMs: number }): Timing {
  const known = measured(members);
  const heartbeatMs = asked.heartbeatMs === 0 ? heartbeatFor(known, members) : asked.heartbeatMs;
  const electionMs = asked.electionMs === 0 ? Math.min(LARGEST_ELECTION_MS, heartbeatMs * 10) : asked.electionMs;
  const far = known.largest;
  const warnings = far === undefined ? [] : [
    ...(asked.heartbeatMs !== 0 && heartbeatMs < far / 2 ? [`a heartbeat of ${String(heartbeatMs)} ms is less than half of the round trip of ${String(far)} ms between the farthest members`] : []),
    ...(electionMs < far * 10 ? [`an election timeout of ${String(electionMs)} ms is less than ten round trips of ${String(far)} ms between the farthest members: leaders may be lost without need`] : []),
  ];
  return { heartbeatMs, electionMs, roundTripMs: far, warnings };
}

/** What etcd does not start with, or nobody can want; each a sentence. (etcd: "--election-timeout should be at least as 5 times as --heartbeat-interval".) */
export function timingTroubles(asked: { readonly heartbeatMs: number; readonly electionMs: number }): readonly string[] {
  const { heartbeatMs, electionMs } = asked;
  const least = heartbeatMs === 0 ? DEFAULT_HEARTBEAT_MS : heartbeatMs;
  return [
    ...(heartbeatMs !== 0 && heartbeatMs < 10 ? [`a heartbeat of etcd of ${String(heartbeatMs)} ms: take 10 ms or more, or 0, which follows the round trip between the members`] : []),
    ...(electionMs !== 0 && electionMs < 5 * least ? [`an election timeout of etcd of ${String(electionMs)} ms is less than five heartbeats of ${String(least)} ms, and etcd does not start with it: take ten`] : []),
  ];
}
