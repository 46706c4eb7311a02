/** The lines of `drill --output json`: one object a line, the last one always a summary. `docs/drills.md` is the reference. */
import { errorKinds, spread, type Spread } from '../measure.ts';
import type { DrillEvent } from '../record.ts';
import type { DrillResult } from '../result.ts';
import type { Target } from '../drill.ts';

export interface TargetLine {
  readonly gap_ms: number | null;
  readonly lost: 0;
  readonly back_ms: number;
}

export interface EventLine {
  readonly type: 'event';
  readonly drill: string;
  readonly run: number;
  readonly at_ms: number;
  readonly kind: DrillEvent['kind'];
  readonly what: string;
}

/** One run of a drill. Times are milliseconds; `null` where there is nothing to measure. */
export interface ResultLine {
  readonly type: 'result';
  readonly drill: string;
  readonly run: number;
  readonly started_at: string;
  readonly what: string;
  readonly way: string;
  readonly target: TargetLine;
  readonly met: boolean;
  readonly misses: readonly string[];
  /** From the last row confirmed on the old timeline to the first on the new; where it stayed the same, the longest time without one. */
  readonly gap_ms: number | null;
  readonly gap_kind: 'timeline' | 'largest' | null;
  readonly longest_gap_ms: number | null;
  readonly acknowledged: number;
  readonly lost: number;
  readonly errors: number;
  readonly error_kinds: readonly { readonly code: string; readonly message: string; readonly count: number }[];
  readonly two_primaries: number;
  readonly back_ms: number | null;
  /** Further times that the drill is about, in milliseconds, by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** What a service's clients count besides, by name: requests that failed in all tries. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface SpreadLine {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** How it ended. With several runs `gap_ms` and `back_ms` are medians and the counts are sums; met: every run has met it. */
export interface SummaryLine {
  readonly type: 'summary';
  readonly drill: string;
  readonly target: TargetLine | null;
  readonly met: boolean;
  readonly gap_ms: number | null;
  readonly acknowledged: number;
  readonly lost: number;
  readonly errors: number;
  readonly back_ms: number | null;
  readonly two_primaries: number;
  readonly runs: number;
  readonly runs_met: number;
  readonly gap: SpreadLine | null;
  readonly back: SpreadLine | null;
  readonly misses: readonly string[];
  /** The exit status. */
  readonly status: number;
}

export function targetLine(target: Target): TargetLine {
  return { gap_ms: target.gapMs ?? null, lost: 0, back_ms: target.backMs };
}

export function eventLine(drill: string, run: number, event: DrillEvent): EventLine {
  return { type: 'event', drill, run, at_ms: Math.round(event.atMs), kind: event.kind, what: event.what };
}

const whole = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms));

export function errorsOf(result: DrillResult): number {
  return result.writer.errors.length + result.writer.errorsNotKept;
}

export function resultLine(run: number, result: DrillResult): ResultLine {
  return {
    type: 'result', drill: result.drill, run, started_at: result.startedAt, what: result.what, way: result.way, target: targetLine(result.target), met: result.met, misses: result.misses,
    gap_ms: whole(result.gap?.ms), gap_kind: result.gap?.kind ?? null, longest_gap_ms: whole(result.longest?.ms), acknowledged: result.acknowledged, lost: result.lost,
    errors: errorsOf(result), error_kinds: errorKinds(result.writer).slice(0, 10), two_primaries: result.twoPrimaries, back_ms: whole(result.backMs),
    figures: Object.fromEntries(result.figures.map((f) => [f.name, Math.round(f.ms)])),
    counts: Object.fromEntries(result.counts.map((c) => [c.name, c.count])),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

function spreadLine(numbers: readonly (number | undefined)[]): SpreadLine | null {
  const all: Spread | undefined = spread(numbers.filter((n) => n !== undefined));
  return all === undefined ? null : { min: Math.round(all.min), median: all.median, max: Math.round(all.max) };
}

/**
 * @param target undefined when the drill is not known
 * @param status the exit status that goes with it
 */
export function summaryLine(drill: string, target: Target | undefined, results: readonly DrillResult[], status: number, wanted = results.length): SummaryLine {
  const gap = spreadLine(results.map((r) => r.gap?.ms));
  const back = spreadLine(results.map((r) => r.backMs));
  return {
    type: 'summary', drill, target: target === undefined ? null : targetLine(target), met: status === 0 && results.length === wanted && results.length > 0 && results.every((r) => r.met),
    gap_ms: gap?.median ?? null, acknowledged: sum(results.map((r) => r.acknowledged)), lost: sum(results.map((r) => r.lost)), errors: sum(results.map(errorsOf)), back_ms: back?.median ?? null,
    two_primaries: sum(results.map((r) => r.twoPrimaries)), runs: results.length, runs_met: results.filter((r) => r.met).length, gap, back,
    misses: [...new Set(results.flatMap((r) => r.misses))], status,
  };
}
