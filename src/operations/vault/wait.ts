/** Waiting for members, within a bound. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Diagnostic, failure } from '../../support/diagnostic.ts';

const POLL_MS = 500;

/**
 * Looks until nothing is missing.
 *
 * @param look what was seen, and in words what is still missing; undefined when all is there
 * @throws Diagnostic `not-as-wanted` after so many seconds, or `interrupted`
 */
export async function waitUntil<T>(seconds: number, signal: AbortSignal, look: () => Promise<{ readonly seen: T; readonly missing: string | undefined }>): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const { seen, missing } = await look();
    if (missing === undefined) return seen;
    if (signal.aborted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: `interrupted while waiting: ${missing}` });
    if (performance.now() > deadline) throw failure('not-as-wanted', `after ${String(seconds)} s: ${missing}`, { remedy: 'look at it: care-provision vault status, and journalctl -u care-vault on the members' });
    await sleep(POLL_MS);
  }
}
