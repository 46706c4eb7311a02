/** From the end frame of a script to what callers see. */
import { failure, type Diagnostic } from '../support/diagnostic.ts';
import { interrupted } from './errors.ts';
import type { Outcome } from './types.ts';

/** How the runner says that a script ended: done, timed out, not run, killed on request, could not be stored. */
const WAYS = ['d', 't', 'n', 'k', 'x'] as const;

export interface EndFrame {
  readonly sequence: number;
  readonly status: number;
  readonly how: (typeof WAYS)[number];
  /** Bytes of stdout and of stderr that follow. */
  readonly out: number;
  readonly err: number;
  readonly truncated: boolean;
}

export const NOT_RUN: Outcome = { state: 'not-run', status: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), truncated: false, seconds: 0 };

/** Reads `sequence status how outBytes outCut errBytes errCut`. @throws Error when it is something else */
export function parseEnd(words: readonly string[]): EndFrame {
  const how = WAYS.find((way) => way === words[2]);
  const [sequence, status, , out, outCut, err, errCut] = words.map(Number);
  if (how === undefined || sequence === undefined || status === undefined || out === undefined || err === undefined || !Number.isSafeInteger(sequence + status + out + err) || out < 0 || err < 0) {
    throw new Error(`an end frame that cannot be read: ${words.join(' ')}`);
  }
  return { sequence, status, how, out, err, truncated: outCut === 1 || errCut === 1 };
}

/** Whether later scripts of the same chain must not run; the runner decides by the same rule. */
export function breaksChain(end: EndFrame): boolean {
  return end.how !== 'n' && (end.how !== 'd' || end.status !== 0);
}

/** @param startedAt when the start frame came, on the clock of `performance.now()` */
export function outcomeOf(host: string, end: EndFrame, body: Buffer, startedAt: number | undefined): Outcome | Diagnostic {
  switch (end.how) {
    case 'k':
      return interrupted(host, 'a script');
    case 'n':
      return NOT_RUN;
    case 'x':
      return failure('no-space-for-script', `${host}: a script could not be stored on the host`, {
        remedy: 'make room in its temporary directories (df -h /dev/shm /tmp /var/tmp; df -i)',
      });
    case 'd':
    case 't':
      return {
        state: end.how === 't' ? 'timed-out' : 'done',
        status: end.status,
        stdout: body.subarray(0, end.out),
        stderr: body.subarray(end.out),
        truncated: end.truncated,
        seconds: startedAt === undefined ? 0 : (performance.now() - startedAt) / 1000,
      };
  }
}
