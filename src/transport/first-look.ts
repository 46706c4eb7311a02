/**
 * The controller's end of a runner's first look (stages.ts): a script that only asks, sent along with the runner's start.
 * On a host that is as it should be it is all that is sent. The host has no watchdog for it: time is kept here.
 */
import { randomBytes } from 'node:crypto';
import { Diagnostic } from '../support/diagnostic.ts';
import { interrupted } from './errors.ts';
import { scriptBody, type Until } from './frames.ts';
import { DEFAULT_OUTPUT_LIMIT } from './requests.ts';
import type { FirstLook } from './stages.ts';
import type { Outcome, RunRequest } from './types.ts';

/** How long the host may take to begin. */
const SILENCE_SECONDS = 180;

/** Whether a script can be a first look: what it needs besides its text would need a directory. */
export function canBeFirst(request: RunRequest): boolean {
  return request.script.attachments.length === 0 && !request.script.text.includes('\0');
}

export class PendingLook {
  readonly script: FirstLook;
  /** What the script said. Its stderr is not kept apart: it is the channel's. @throws Diagnostic */
  readonly answer: Promise<Outcome>;
  readonly #host: string;
  readonly #request: RunRequest;
  readonly #settle: (result: Outcome | Diagnostic) => void;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #body: Buffer = Buffer.alloc(0);
  #cut = false;
  #over = false;
  #giveUp: ((why: Diagnostic | undefined) => void) | undefined;

  /** @param host its inventory name, for messages */
  constructor(host: string, request: RunRequest, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#request = request;
    this.script = { text: scriptBody(request.script.text, request.environment).toString('utf8'), mark: randomBytes(12).toString('hex') };
    const onAbort = (): void => { this.#end(interrupted(host, 'a look at the host')); };
    let settle: (result: Outcome | Diagnostic) => void = () => undefined;
    this.answer = new Promise<Outcome>((resolve, reject) => {
      settle = (result) => {
        this.#over = true;
        clearTimeout(this.#timer);
        signal?.removeEventListener('abort', onAbort);
        if (result instanceof Diagnostic) reject(result);
        else resolve(result);
      };
    });
    this.#settle = settle;
    // Who starts the runner may learn of a failure before anybody waits for the answer.
    this.answer.catch(() => undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) this.fail(interrupted(host, 'a look at the host'));
  }

  /** @param giveUp ends the runner, since its output is not ours any more; told why, unless time is over */
  sent(giveUp: (why: Diagnostic | undefined) => void): void {
    this.#giveUp = giveUp;
    if (this.#over) giveUp(undefined);
    else this.#watch(SILENCE_SECONDS);
  }

  /** The host has begun. */
  begin(): Until {
    this.#startedAt = performance.now();
    this.#watch(this.#request.timeoutSeconds);
    return { mark: this.script.mark, limit: this.#request.outputLimit ?? DEFAULT_OUTPUT_LIMIT };
  }

  /** What it printed, and whether that was more than is kept. */
  take(body: Buffer, cut: boolean): void {
    this.#body = body;
    this.#cut = cut;
  }

  /** It has ended. @param status its exit status */
  done(status: number): void {
    this.#settle({ state: 'done', status, stdout: this.#body, stderr: Buffer.alloc(0), truncated: this.#cut, seconds: this.#seconds() });
  }

  /** The runner, or the connection, is lost. */
  fail(why: Diagnostic): void {
    this.#settle(why);
  }

  #watch(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#settle({ state: 'timed-out', status: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), truncated: false, seconds: this.#seconds() });
      this.#giveUp?.(undefined);
    }, Math.min(seconds * 1000, 2 ** 31 - 1));
  }

  #end(why: Diagnostic): void {
    this.#settle(why);
    this.#giveUp?.(why);
  }

  #seconds(): number {
    return this.#startedAt === 0 ? 0 : (performance.now() - this.#startedAt) / 1000;
  }
}
