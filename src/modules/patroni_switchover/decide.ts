/** Whether leadership is to be moved, and to whom. Pure. */
import { leaderOf, syncStandbys, type PatroniView } from '../common/patroni-view.ts';

export type Move =
  | { readonly type: 'done'; readonly leader: string }
  | { readonly type: 'move'; readonly leader: string; readonly candidate: string }
  | { readonly type: 'refuse'; readonly msg: string; readonly remedy: string };

export interface Wish {
  /** The member that shall not lead. */
  readonly from: string;
  /** Members that may; empty means every one. */
  readonly candidates: readonly string[];
  readonly synchronous: boolean;
  readonly maxLagBytes: number;
}

/**
 * A candidate must stream on the leader's timeline with little lag and, where commits are synchronous, be one of those that
 * they wait for: Patroni refuses another, and rows could be lost. The least lag wins, then the name.
 */
export function decideMove(view: PatroniView, wish: Wish): Move {
  const leader = leaderOf(view);
  if (view.members === undefined) return { type: 'refuse', msg: `Patroni does not answer: ${view.trouble}`, remedy: 'systemctl status care-patroni' };
  if (leader === undefined) return { type: 'refuse', msg: 'there is no leader', remedy: 'wait for the election, or see `care-patronictl list`' };
  if (leader.name !== wish.from) return { type: 'done', leader: leader.name };
  if (view.paused) return { type: 'refuse', msg: 'Patroni is paused', remedy: 'care-patronictl resume' };
  const pool = wish.synchronous ? syncStandbys(view) : view.members.filter((m) => m !== leader);
  const fit = pool
    .filter((m) => wish.candidates.length === 0 || wish.candidates.includes(m.name))
    .filter((m) => m.state === 'streaming' && (m.timeline === undefined || leader.timeline === undefined || m.timeline === leader.timeline))
    .map((m) => ({ name: m.name, lag: m.lag ?? Infinity }))
    .filter((m) => m.lag <= wish.maxLagBytes)
    .sort((a, b) => a.lag - b.lag || (a.name < b.name ? -1 : 1));
  const best = fit[0];
  if (best !== undefined) return { type: 'move', leader: leader.name, candidate: best.name };
  const among = wish.candidates.length === 0 ? '' : ` among ${wish.candidates.join(', ')}`;
  return { type: 'refuse', msg: `no ${wish.synchronous ? 'synchronous standby' : 'replica'} can take over from ${leader.name}${among}`, remedy: 'wait until one streams with little lag (`care-patronictl list`); then run this again' };
}
