/** Bounded waiting that Ctrl-C ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Diagnostic } from '../support/diagnostic.ts';

const POLL_MS = 200;

export function interruptedDrill(): Diagnostic {
  return new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'the drill was interrupted' });
}

/** @throws Diagnostic `interrupted` */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw interruptedDrill();
  await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
    throw signal.aborted ? interruptedDrill() : error;
  });
}

/**
 * Asks again and again until nothing is missing.
 *
 * @param missing what is still missing; undefined: nothing
 * @returns undefined when it came about, else what was still missing at the end
 * @throws Diagnostic `interrupted`
 */
export async function waitUntil(missing: () => Promise<string | undefined> | string | undefined, seconds: number, signal: AbortSignal): Promise<string | undefined> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const still = await missing();
    if (still === undefined) return undefined;
    if (performance.now() > deadline) return still;
    await pause(POLL_MS, signal);
  }
}
