/** Trying something that may be away for a moment, a bounded number of times. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A failure that another try would only repeat: a wrong password, a mailbox that is not there, a 404. */
export class Permanent extends Error {
  override readonly name = 'Permanent';
}

/** Seconds before the second try; doubled before each further one. */
const FIRST_PAUSE_SECONDS = 2;
const LONGEST_PAUSE_SECONDS = 30;

/**
 * @param tries in all
 * @param stop ends the pauses: who interrupts a run does not want to wait for a mail server
 * @throws Error the last one, when no try did
 */
export async function attempt(tries: number, stop: AbortSignal, work: () => Promise<void>, pauseSeconds = FIRST_PAUSE_SECONDS): Promise<void> {
  for (let made = 1; ; made += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (error instanceof Permanent || made >= tries || stop.aborted) throw error;
      await sleep(Math.min(pauseSeconds * 2 ** (made - 1), LONGEST_PAUSE_SECONDS) * 1000, undefined, { signal: stop }).catch(() => undefined);
    }
  }
}
