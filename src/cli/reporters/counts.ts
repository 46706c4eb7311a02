/** Counting tasks by how they ended. */
import type { Counts, RunEvent } from '../../run/events.ts';

export const NO_COUNTS: Counts = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };

/** The columns of every recap, in order. */
export const COUNTED = ['ok', 'changed', 'failed', 'unreachable', 'skipped', 'unknown', 'rescued', 'ignored'] as const satisfies readonly (keyof Counts)[];

export type Summary = Extract<RunEvent, { type: 'summary' }>;

/** Names of the hosts for which the count is above zero, in the summary's order. */
export function hostsWith(summary: Summary, count: keyof Counts): string[] {
  return Object.entries(summary.hosts).filter(([, counts]) => counts[count] > 0).map(([host]) => host);
}

/** `1 task`, `2 tasks`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${String(count)} ${count === 1 ? one : many}`;
}

/** Seconds for people: `0.4 s`, `12.3 s`, `4 min 05 s`, `2 h 03 min`. */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${String(Math.floor(whole / 60))} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${String(Math.floor(whole / 3600))} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
