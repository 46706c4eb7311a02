/** Waiting for a host to answer again, after a reboot or a change of its network. */
import type { ActionPort } from '../../host/plan.ts';
import { rawScript, sh } from '../../support/shell.ts';

/** Prints the boot's id; empty where the kernel has none (not Linux). */
export const BOOT_ID = sh`cat /proc/sys/kernel/random/boot_id 2>/dev/null || :`;

export interface Answering {
  readonly timeoutSeconds: number;
  /** Between tries; doubled after each, up to half a minute. */
  readonly sleepSeconds: number;
  /** A line for sh that must exit 0. */
  readonly test: string;
  /** A boot that must be over: answers of that boot do not count. */
  readonly notBoot: string | undefined;
}

/** Longest pause between tries. */
const LONGEST_SLEEP = 30;
/** What one try may take. */
const TRY_SECONDS = 30;

async function tryOnce(port: ActionPort, wanted: Answering, waitSeconds: number): Promise<string | undefined> {
  await port.reconnect(waitSeconds);
  const boot = await port.run(BOOT_ID, { timeoutSeconds: TRY_SECONDS });
  if (wanted.notBoot !== undefined && wanted.notBoot !== '' && boot.stdout.toString('latin1').trim() === wanted.notBoot) return 'the host has not gone down: it is still the same boot';
  const test = await port.run(rawScript(wanted.test), { timeoutSeconds: TRY_SECONDS });
  if (test.state === 'done' && test.status === 0) return undefined;
  return `${wanted.test}: ${test.state === 'timed-out' ? 'timed out' : `exit status ${String(test.status)}`} ${test.stderr.toString('utf8').trim().slice(-500)}`.trim();
}

/** @returns undefined when the host answers as it should, else why it did not in time */
export async function untilAnswering(port: ActionPort, wanted: Answering): Promise<string | undefined> {
  const end = performance.now() + wanted.timeoutSeconds * 1000;
  let sleep = wanted.sleepSeconds;
  for (;;) {
    let problem: string;
    const left = (): number => (end - performance.now()) / 1000;
    try {
      const found = await tryOnce(port, wanted, Math.max(1, Math.min(TRY_SECONDS, left())));
      if (found === undefined) return undefined;
      problem = found;
    } catch (error) {
      // Not reachable yet is what this loop waits out; a stop asked for is not.
      if (port.signal.aborted) throw error;
      problem = error instanceof Error ? error.message : String(error);
    }
    if (left() <= 0) return problem;
    await port.sleep(Math.max(0, Math.min(sleep, left())));
    sleep = Math.min(LONGEST_SLEEP, sleep * 2);
  }
}
