/** The result of one run of a drill. Plain data: text, JSON and HTML are made of it. */
import { lostRows, longestGap, twoPrimaries, writeGap, type FoundRange, type Gap, type WriteGap } from './measure.ts';
import type { Target } from './drill.ts';
import type { Acknowledged, Count, DrillEvent, Figure, GivenUp, Recording } from './record.ts';

/** How reports of a service speak of what its clients write. */
export interface Words {
  /** `row`, `object`. */
  readonly one: string;
  readonly many: string;
  /** What the client did: `wrote a numbered row every 20 ms`. */
  readonly wrote: string;
  /** Whether rows are of a timeline, so that two primaries could be seen. */
  readonly timelines: boolean;
  /** A client that had one confirmed within so many milliseconds can write; default 500. */
  readonly writesAgainMs?: number;
}

/** What a run did and saw, before and after it is judged. */
interface Account {
  readonly drill: string;
  readonly summary: string;
  readonly cluster: string;
  readonly target: Target;
  readonly words: Words;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  /** What was broken, with the victim's name. */
  readonly what: string;
  /** How the client has written. */
  readonly way: string;
  readonly events: readonly DrillEvent[];
  readonly writer: Recording;
  readonly prober: Recording;
  /** Milliseconds on the clock of the events: when it was broken, and when the client was stopped. */
  readonly brokenAtMs: number;
  readonly endMs: number;
  readonly figures: readonly Figure[];
  readonly counts: readonly Count[];
}

export interface DrillResult extends Account {
  readonly gap: WriteGap | undefined;
  readonly longest: Gap | undefined;
  readonly lost: number;
  /** Of the client and of the probes together. */
  readonly acknowledged: number;
  /** How often a member has confirmed a row while another one of a newer timeline did. */
  readonly twoPrimaries: number;
  readonly backMs: number | undefined;
  readonly met: boolean;
  /** Why it was not met, a sentence each; empty when it was. */
  readonly misses: readonly string[];
}

export interface Seen extends Account {
  /** Undefined: the table could not be read, so nothing is proven. */
  readonly found: readonly FoundRange[] | undefined;
  /** When the trouble ended, and when all was as before; undefined: it was not within the time. */
  readonly healedAtMs: number;
  readonly backAtMs: number | undefined;
  readonly givenUp: GivenUp | undefined;
  /** What went wrong besides. */
  readonly findings: readonly string[];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** What a total loss costs: the time from the last row that came back to the last that was acknowledged before it. R20: archive_timeout, a minute. */
function costOf(words: Words, rows: readonly Acknowledged[], found: readonly FoundRange[], givenUp: GivenUp): Figure {
  const before = rows.filter((row) => row.atMs < givenUp.toMs);
  const gone = new Set(lostRows(before, found));
  const last = (all: readonly Acknowledged[]): number => all.reduce((latest, row) => Math.max(latest, row.atMs), 0);
  return { name: 'given_up_ms', label: `of writing are gone with the hosts (${String(gone.size)} acknowledged ${words.many})`, ms: last(before) - last(before.filter((row) => !gone.has(row))), targetMs: 60_000 };
}

/** Judges what was seen against the target. */
export function judge(seen: Seen): DrillResult {
  const { target, words, writer, prober } = seen;
  const rows = [...writer.acknowledged, ...prober.acknowledged];
  const gap = writeGap(writer.acknowledged, seen.brokenAtMs, seen.endMs);
  const longest = longestGap(writer.acknowledged, seen.brokenAtMs, seen.endMs);
  // A row counts by when it was sent and confirmed: one that straddles the moment may be on either side.
  const { found, givenUp } = seen;
  const kept = givenUp === undefined ? rows : rows.filter((row) => row.atMs < givenUp.fromMs || row.sentMs >= givenUp.toMs);
  const lost = found === undefined ? [] : lostRows(kept, found);
  const past = givenUp === undefined ? [] : rows.filter((row) => row.sentMs > givenUp.sureMs && row.atMs < givenUp.toMs);
  const stillThere = found === undefined || givenUp?.mustBeGone !== true ? 0 : past.length - lostRows(past, found).length;
  const both = twoPrimaries([writer, prober]);
  const backMs = seen.backAtMs === undefined ? undefined : Math.max(0, seen.backAtMs - seen.healedAtMs);
  const misses = [...seen.findings];
  if (seen.found === undefined) misses.push(`the ${words.many} could not be counted afterwards, so nothing is proven`);
  if (lost.length > 0) misses.push(`${String(lost.length)} acknowledged ${words.many} are lost (the first: ${lost[0]?.client ?? ''} ${String(lost[0]?.sequence ?? 0)}${words.timelines ? `, timeline ${String(lost[0]?.timeline ?? 0)}` : ''})`);
  if (stillThere > 0) misses.push(`${String(stillThere)} ${words.many} are there that were written after the moment`);
  if (givenUp?.mustBeGone === true && past.length === 0) misses.push(`no ${words.one} was written after the moment, so nothing is proven`);
  if (both.length > 0) misses.push(`two members confirmed rows at the same time, ${String(both.length)} times (first ${both[0]?.old.server ?? ''} on timeline ${String(both[0]?.old.timeline ?? 0)} after ${both[0]?.since.server ?? ''} on ${String(both[0]?.since.timeline ?? 0)})`);
  if (gap === undefined) misses.push(`no ${words.one} was ever confirmed`);
  else if (target.gapMs !== undefined && longest !== undefined && longest.ms > target.gapMs) misses.push(`no ${words.one} was confirmed for ${seconds(longest.ms)}; the target is ${seconds(target.gapMs)}`);
  if (backMs === undefined) misses.push('the cluster was not whole again in the time that it was given');
  else if (backMs > target.backMs) misses.push(`it took ${seconds(backMs)} to be whole again; the target is ${seconds(target.backMs)}`);
  const figures = [...seen.figures, ...(found === undefined || givenUp === undefined || givenUp.mustBeGone ? [] : [costOf(words, rows, found, givenUp)])];
  for (const { label, ms, targetMs } of figures) if (targetMs !== undefined && ms > targetMs) misses.push(`${label}: ${seconds(ms)}; the target is ${seconds(targetMs)}`);
  for (const { label, count, most } of seen.counts) if (most !== undefined && count > most) misses.push(`${String(count)} ${label}; the target is ${most === 0 ? 'none' : `${String(most)} at most`}`);
  return {
    drill: seen.drill, summary: seen.summary, cluster: seen.cluster, target, words, startedAt: seen.startedAt, what: seen.what, way: seen.way, events: seen.events, writer, prober,
    brokenAtMs: seen.brokenAtMs, endMs: seen.endMs, gap, longest, lost: lost.length, acknowledged: rows.length, twoPrimaries: both.length, backMs, figures, counts: seen.counts, met: misses.length === 0, misses,
  };
}
