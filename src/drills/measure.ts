/** From what was seen to what is reported. Pure. */
import type { Acknowledged, Recording } from './record.ts';

/** Two confirmed rows with nothing confirmed between them. */
export interface Gap {
  readonly ms: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface WriteGap extends Gap {
  /** `timeline`: from the last row of the old timeline to the first of the new; `largest`: the timeline stayed the same. */
  readonly kind: 'timeline' | 'largest';
}

const byTime = (a: Acknowledged, b: Acknowledged): number => a.atMs - b.atMs;

function gaps(rows: readonly Acknowledged[], endMs: number): readonly (Gap & { readonly newTimeline: boolean })[] {
  const sorted = [...rows].sort(byTime);
  const found = sorted.slice(1).map((row, i) => {
    const before = sorted[i] ?? row;
    return { ms: row.atMs - before.atMs, fromMs: before.atMs, toMs: row.atMs, newTimeline: row.timeline > before.timeline };
  });
  // Rows that never come again are the worst gap of all.
  const last = sorted.at(-1);
  if (last !== undefined && endMs > last.atMs) found.push({ ms: endMs - last.atMs, fromMs: last.atMs, toMs: endMs, newTimeline: false });
  return found;
}

function largest<T extends Gap>(found: readonly T[]): T | undefined {
  return found.reduce<T | undefined>((best, gap) => (best === undefined || gap.ms > best.ms ? gap : best), undefined);
}

/**
 * The time without a confirmed row.
 *
 * @param sinceMs gaps that end before this do not count: the drill had not begun
 * @param endMs when the client was stopped
 * @returns undefined when no row was confirmed at all
 */
export function writeGap(rows: readonly Acknowledged[], sinceMs: number, endMs: number): WriteGap | undefined {
  const all = gaps(rows, endMs).filter((gap) => gap.toMs >= sinceMs);
  const promoted = largest(all.filter((gap) => gap.newTimeline));
  if (promoted !== undefined) return { ms: promoted.ms, fromMs: promoted.fromMs, toMs: promoted.toMs, kind: 'timeline' };
  const longest = largest(all);
  return longest === undefined ? undefined : { ms: longest.ms, fromMs: longest.fromMs, toMs: longest.toMs, kind: 'largest' };
}

/** The longest time without a confirmed row, whatever the timelines. */
export function longestGap(rows: readonly Acknowledged[], sinceMs: number, endMs: number): Gap | undefined {
  return largest(gaps(rows, endMs).filter((gap) => gap.toMs >= sinceMs));
}

/** Rows that are there: of a client, from one number to another. */
export interface FoundRange {
  readonly client: string;
  readonly from: number;
  readonly to: number;
}

/** The numbers of a client that are there, as ranges, in whatever order they are told. */
export function rangesOf(client: string, numbers: readonly number[]): readonly FoundRange[] {
  const ranges: FoundRange[] = [];
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && n <= last.to + 1) ranges[ranges.length - 1] = { ...last, to: Math.max(last.to, n) };
    else ranges.push({ client, from: n, to: n });
  }
  return ranges;
}

/** Acknowledged rows that are not there. Rows that failed and are there all the same are no loss: the client was not promised anything. */
export function lostRows(acknowledged: readonly Acknowledged[], found: readonly FoundRange[]): readonly Acknowledged[] {
  const ranges = new Map<string, FoundRange[]>();
  for (const range of found) ranges.set(range.client, [...(ranges.get(range.client) ?? []), range]);
  return acknowledged.filter((row) => !(ranges.get(row.client) ?? []).some((r) => row.sequence >= r.from && row.sequence <= r.to));
}

/**
 * Rows that were sent after one moment and confirmed before another.
 *
 * @param fromMs when nobody could confirm any more
 * @param toMs when somebody could again
 */
export function confirmedBetween(rows: readonly Acknowledged[], fromMs: number, toMs: number): readonly Acknowledged[] {
  return rows.filter((row) => row.sentMs > fromMs && row.atMs < toMs);
}

/** A confirmation of an old timeline after a newer one had begun to confirm. */
export interface TwoPrimaries {
  readonly old: Acknowledged;
  readonly since: Acknowledged;
}

/**
 * Rows that an old timeline has confirmed although they were sent after a newer timeline's first confirmation: at that
 * moment two members took writes. A row sent before and confirmed a little later is none: its confirmation was on the way.
 */
export function twoPrimaries(recordings: readonly Recording[]): readonly TwoPrimaries[] {
  const rows = recordings.flatMap((r) => [...r.acknowledged]).sort(byTime);
  const firstOf = new Map<number, Acknowledged>();
  for (const row of rows) if (!firstOf.has(row.timeline)) firstOf.set(row.timeline, row);
  const found: TwoPrimaries[] = [];
  for (const row of rows) {
    for (const [timeline, first] of firstOf) {
      if (timeline > row.timeline && row.sentMs > first.atMs) {
        found.push({ old: row, since: first });
        break;
      }
    }
  }
  return found;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @returns undefined for no numbers */
export function spread(numbers: readonly number[]): Spread | undefined {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined || min === undefined || max === undefined) return undefined;
  return { median: Math.round((low + high) / 2), min, max };
}

/** Errors of a client by what they say, the most frequent first. */
export function errorKinds(recording: Recording): readonly { readonly code: string; readonly message: string; readonly count: number }[] {
  const kinds = new Map<string, { code: string; message: string; count: number }>();
  for (const { code, message } of recording.errors) {
    const key = `${code} ${message.replaceAll(/[0-9]+/g, 'N')}`;
    const kind = kinds.get(key);
    if (kind === undefined) kinds.set(key, { code, message, count: 1 });
    else kind.count += 1;
  }
  return [...kinds.values()].sort((a, b) => b.count - a.count);
}
