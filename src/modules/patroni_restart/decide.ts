/** Whether a member runs older software than is installed. Pure. */
import type { PatroniProcess } from './query.ts';

export type Restart = { readonly type: 'done' } | { readonly type: 'restart'; readonly why: string } | { readonly type: 'stopped' };

/** A package unpacked in the second of the start counts as newer: one restart too many does less harm than old code. */
export function decideRestart(process: PatroniProcess): Restart {
  if (process.patroni === undefined) return { type: 'stopped' };
  const since = Math.min(process.patroni, process.postgres ?? Infinity);
  const newer = process.unpacked.filter((p) => p.time >= since);
  return newer.length === 0 ? { type: 'done' } : { type: 'restart', why: newer.map((p) => `${p.name} ${p.version}`).join(', ') };
}
