/** The controller's end of one held sh: queue, credit, chains, cancellation, results. */
import { randomBytes } from 'node:crypto';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { breaksChain, NOT_RUN, outcomeOf, parseEnd, type EndFrame } from './answers.ts';
import { connectionLost, interrupted } from './errors.ts';
import type { PendingLook } from './first-look.ts';
import { DIRECTORIES, encodeKill, encodeRequest, type Until } from './frames.ts';
import { gatherRow, load, wireRequest, type Load, type Queued } from './load.ts';
import type { PreparedRequest } from './requests.ts';
import { ROW_SCRIPTS } from './rows.ts';
import { startStage, type Stage, type StageHost } from './stage.ts';
import { runnerProgram } from './stages.ts';
import { Uploads } from './uploads.ts';
import type { Become, Outcome, Runner, RunRequest } from './types.ts';

/** What may be on the way or waiting on the host: enough to hide the round trip, little enough to lose. */
const CREDIT_REQUESTS = 16;
/** A hello that takes so long comes from a host on whose way bytes are dear: sudo and a shell's start take 5 to 20. */
const FAR_MS = 40;
const CREDIT_IN_ROWS = 2 * ROW_SCRIPTS;
const CREDIT_BYTES = 256 * 1024;
/** TERM, five seconds, KILL; then some for the way. */
const KILL_ANSWER_SECONDS = 20;
const CLOSE_SECONDS = 8;
/** The host ends a script that takes too long; these are for a host that does not even do that. */
const SILENCE_SECONDS = 180;
const OVERTIME_SECONDS = 60;

interface Item extends Queued {
  readonly signal: AbortSignal | undefined;
  readonly settle: (result: Outcome | Diagnostic) => void;
  /** Undefined until sent. */
  bytes: number | undefined;
  startedAt: number | undefined;
  killTimer: NodeJS.Timeout | undefined;
}

export class HeldRunner implements Runner {
  readonly #host: StageHost;
  readonly #become: Become | undefined;
  readonly #uploads: Uploads;
  #stage: Stage | undefined;
  readonly #waiting: Item[] = [];
  readonly #sent = new Map<number, Item>();
  #sentBytes = 0;
  #sequence = 0;
  #chains = 0;
  #failedChain = 0;
  #sending = false;
  #ended: Diagnostic | undefined;
  #closing = false;
  #end: EndFrame | undefined;
  /** Sent with the start and not answered: requests wait for it. */
  #look: PendingLook | undefined;
  #directories: { readonly small: string; readonly large: string } | undefined;
  /** What it says that it can: `r` for rows, `z` for unpacking. */
  #able = '';
  #ready: (() => void) | undefined;
  #guard: NodeJS.Timeout | undefined;
  readonly #isReady: Promise<void>;

  /** Use {@link startRunner}. */
  constructor(host: StageHost, become: Become | undefined) {
    this.#host = host;
    this.#become = become;
    this.#uploads = new Uploads(host, become);
    this.#isReady = new Promise((resolve) => { this.#ready = resolve; });
  }

  /** False once the shell has ended; a new one must be started. */
  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** Whether the host runs rows (`docs/protocol.md`); false until it has said so. */
  get rows(): boolean {
    return this.#able.includes('r');
  }

  async start(look: PendingLook | undefined): Promise<void> {
    this.#look = look;
    const stage = await startStage(this.#host, this.#become, runnerProgram(randomBytes(9).toString('hex'), look?.script), {
      onHeader: (words) => this.#onHeader(words),
      onBody: (body, cut) => { this.#onBody(body, cut); },
      onBroken: (cause) => { this.#fail(failure('protocol-broken', `${this.#host.name}: the runner's answers are garbled: ${cause.message}`, { cause })); },
    });
    this.#stage = stage;
    look?.sent((why) => {
      stage.channel.destroy();
      this.#fail(why ?? failure('runner-ended', `${this.#host.name}: it took too long to look at the host`));
    });
    void stage.channel.ended.then(async () => {
      if (!this.#closing) this.#fail(await stage.explainEnd(this.#during()));
      else this.#fail(connectionLost(this.#host.name, 'while it was being closed'));
    });
  }

  async run(request: RunRequest, signal?: AbortSignal): Promise<Outcome> {
    return this.#submit(request, 0, signal);
  }

  async chain(requests: readonly RunRequest[], signal?: AbortSignal, onOutcome?: (index: number, outcome: Outcome) => void): Promise<readonly Outcome[]> {
    this.#chains += 1;
    const chain = this.#chains;
    // Submitted in one go, so a chain's items lie next to each other in the queue: the host
    // needs to remember only the last chain that failed.
    const results = await Promise.allSettled(requests.map(async (request, index) => {
      const outcome = await this.#submit(request, chain, signal);
      onOutcome?.(index, outcome);
      return outcome;
    }));
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  /** Lets the shell clean up and end; cuts it off when it does not. Never throws. */
  async close(): Promise<void> {
    this.#closing = true;
    const stage = this.#stage;
    if (stage === undefined) return;
    stage.channel.stdin.end();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([stage.channel.ended, new Promise<void>((resolve) => { timer = setTimeout(resolve, CLOSE_SECONDS * 1000); })]);
    clearTimeout(timer);
    stage.channel.destroy();
  }

  #submit(request: RunRequest, chain: number, signal: AbortSignal | undefined): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(interrupted(this.#host.name, 'a script'));
        return;
      }
      this.#sequence += 1;
      const onAbort = (): void => { this.#abort(item); };
      const item: Item = {
        sequence: this.#sequence,
        chain,
        request,
        signal,
        prepared: undefined,
        bytes: undefined,
        startedAt: undefined,
        killTimer: undefined,
        settle: (result) => {
          signal?.removeEventListener('abort', onAbort);
          clearTimeout(item.killTimer);
          if (result instanceof Diagnostic) reject(result);
          else resolve(result);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(item);
      void this.#pump();
    });
  }

  /** Sends what the credit allows, in order. Never rejects: every trouble settles an item. */
  async #pump(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let item = this.#waiting[0]; item !== undefined; item = this.#waiting[0]) {
        if (this.#ended !== undefined) {
          this.#drop(item)?.settle(this.#ended);
          continue;
        }
        if (this.#look !== undefined) return;
        if (item.chain !== 0 && item.chain === this.#failedChain) {
          this.#drop(item)?.settle(NOT_RUN);
          continue;
        }
        if (this.#sent.size >= CREDIT_IN_ROWS || this.#sentBytes >= CREDIT_BYTES) return;
        try {
          const row = this.rows ? await gatherRow(this.#waiting) : [await load(item)];
          if (!this.#hasCredit(row)) return;
          const [only] = row;
          const before = row.length === 1 && only !== undefined && only.prepared.large.length > 0 ? await this.#uploadAll(item, only.prepared) : '';
          // Anything may have happened while files were read: an abort, a failure of the chain, the end.
          if (row.some((each, i) => this.#waiting[i] !== each.item)) continue;
          if (this.#isOver() || (item.chain !== 0 && item.chain === this.#failedChain)) continue;
          this.#send(row, before);
        } catch (error) {
          const diagnostic = error instanceof Diagnostic ? error : failure('cannot-send', `${this.#host.name}: a script could not be sent: ${String(error)}`, { cause: error });
          if (item.chain !== 0) this.#failedChain = item.chain;
          this.#drop(item)?.settle(diagnostic);
        }
      }
    } finally {
      this.#sending = false;
    }
  }

  /** A function of its own because the type checker believes that nothing changes across an await. */
  #isOver(): boolean {
    return this.#ended !== undefined;
  }

  #drop(item: Item): Item | undefined {
    const at = this.#waiting.indexOf(item);
    if (at === -1) return undefined;
    this.#waiting.splice(at, 1);
    return item;
  }

  #hasCredit(row: readonly Load<Item>[]): boolean {
    if (this.#sent.size === 0) return true;
    const scripts = this.#sent.size + row.length;
    const bytes = row.reduce((sum, each) => sum + each.size, this.#sentBytes);
    return scripts <= (row.length > 1 ? CREDIT_IN_ROWS : CREDIT_REQUESTS) && (this.#sentBytes === 0 || bytes <= CREDIT_BYTES);
  }

  #send(row: readonly Load<Item>[], before: string): void {
    const stage = this.#stage;
    const [first] = row;
    if (stage === undefined || first === undefined) throw new Error('a runner is used before it was started');
    this.#waiting.splice(0, row.length);
    for (const { item, size } of row) {
      item.bytes = size;
      item.prepared = undefined;
      this.#sent.set(item.sequence, item);
      this.#sentBytes += size;
    }
    this.#watch();
    stage.channel.stdin.write(encodeRequest(stage.nonce, wireRequest(first, row, before, this.#packs())));
  }

  /** Whether bytes on the way cost more than packing them: the host is far, and can unpack. */
  #packs(): boolean {
    return this.#able.includes('z') && (this.#stage?.helloAfter() ?? 0) >= FAR_MS;
  }

  /** @returns what is to be run before the script */
  async #uploadAll(item: Item, prepared: PreparedRequest): Promise<string> {
    // The runner makes its directories when it is first told anything.
    if (this.#directories === undefined) this.#stage?.channel.stdin.write(DIRECTORIES);
    await this.#isReady;
    if (this.#ended !== undefined) throw this.#ended;
    return this.#uploads.place(this.#directories?.large ?? '', item.sequence, prepared.large, { packs: this.#packs(), signal: item.signal });
  }

  #abort(item: Item): void {
    const unsent = this.#drop(item);
    if (unsent !== undefined) {
      if (item.chain !== 0) this.#failedChain = item.chain;
      unsent.settle(interrupted(this.#host.name, 'a script that had not begun'));
      return;
    }
    const stage = this.#stage;
    if (!this.#sent.has(item.sequence) || stage === undefined) return;
    stage.channel.stdin.write(encodeKill(item.sequence));
    item.killTimer = setTimeout(() => {
      stage.channel.destroy();
      this.#fail(interrupted(this.#host.name, 'a script that did not answer'));
    }, KILL_ANSWER_SECONDS * 1000);
  }

  #onHeader(words: readonly string[]): number | Until {
    const [kind, ...rest] = words;
    if (this.#look !== undefined) {
      if (kind === 'O') {
        this.#able = rest[0] ?? '';
        return this.#look.begin();
      }
      if (kind === 'L') {
        this.#look.done(Number(rest[0]));
        this.#look = undefined;
        void this.#pump();
        return 0;
      }
    }
    if (kind === 'R') {
      const [small, large, able] = rest;
      if (small === undefined || large === undefined) throw new Error('the runner did not name its directories');
      this.#directories = { small, large };
      this.#able = able ?? '';
      this.#ready?.();
      return 0;
    }
    if (kind === 'F') {
      this.#fail(failure('no-temporary-directory', `${this.#host.name}: no private directory could be made in /dev/shm, /run or /tmp and in /var/tmp`, {
        remedy: 'make room (df -h /dev/shm /tmp /var/tmp; df -i) and see that they are writable',
      }));
      return 0;
    }
    if (kind === 'Q') {
      // The executor is gone: at the end of our input, or because something killed it. Closing our end lets
      // the reader kill the script in hand and remove the files.
      this.#stage?.channel.stdin.end();
      if (!this.#closing) this.#fail(failure('runner-ended', `${this.#host.name}: the shell that runs scripts was ended ${this.#during()}`, { remedy: 'see on the host what killed it (journalctl -k for the out-of-memory killer), then run again' }));
      return 0;
    }
    const item = this.#sent.get(Number(rest[0]));
    if (item === undefined) throw new Error(`an answer to a request that was not made: ${words.join(' ')}`);
    if (kind === 'S') {
      item.startedAt = performance.now();
      this.#watch();
      return 0;
    }
    if (kind !== 'E') throw new Error(`a frame of an unknown kind: ${words.join(' ')}`);
    const end = parseEnd(rest);
    this.#end = end;
    const { out, err } = end;
    if (out + err > 0) return out + err;
    this.#onBody(Buffer.alloc(0), false);
    return 0;
  }

  #onBody(body: Buffer, cut: boolean): void {
    if (this.#look !== undefined) {
      this.#look.take(body, cut);
      return;
    }
    const end = this.#end;
    const item = end === undefined ? undefined : this.#sent.get(end.sequence);
    if (end === undefined || item === undefined) return;
    this.#end = undefined;
    this.#sent.delete(item.sequence);
    this.#sentBytes -= item.bytes ?? 0;
    if (breaksChain(end) && item.chain !== 0) this.#failedChain = item.chain;
    // One that had ended by itself when it was to be killed is done, whoever wants it no more: a change that is made is told of.
    const isCut = item.signal?.aborted === true && end.how !== 'd';
    item.settle(isCut ? interrupted(this.#host.name, 'a script') : outcomeOf(this.#host.name, end, body, item.startedAt));
    this.#watch();
    void this.#pump();
  }

  /** Every wait is bounded: the next frame must come before this runs out. */
  #watch(): void {
    clearTimeout(this.#guard);
    if (this.#sent.size === 0) return;
    const running = [...this.#sent.values()].find((item) => item.startedAt !== undefined);
    const seconds = running === undefined ? SILENCE_SECONDS : running.request.timeoutSeconds * 1.1 + OVERTIME_SECONDS;
    this.#guard = setTimeout(() => {
      this.#stage?.channel.destroy();
      this.#fail(connectionLost(this.#host.name, this.#during(), { detail: `no answer for ${String(Math.round(seconds))} seconds, past every timeout` }));
    }, Math.min(seconds * 1000, 2 ** 31 - 1));
  }

  #during(): string {
    const running = [...this.#sent.values()].find((item) => item.startedAt !== undefined);
    if (this.#look !== undefined) return 'while it looked at the host';
    if (running !== undefined) return `while a script was running (${String(this.#sent.size)} sent and not answered)`;
    if (this.#sent.size > 0) return 'before a script had begun';
    return 'between scripts';
  }

  #fail(why: Diagnostic): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    clearTimeout(this.#guard);
    this.#ready?.();
    this.#look?.fail(why);
    this.#look = undefined;
    const sent = [...this.#sent.values()];
    this.#sent.clear();
    this.#sentBytes = 0;
    for (const item of sent) item.settle(item.signal?.aborted === true ? interrupted(this.#host.name, 'a script') : why);
    void this.#pump();
  }
}

/**
 * Starts a held sh. Without a password to give it resolves before the host has answered; trouble with
 * become then shows in the first `run`.
 *
 * @param look a script that is sent along, see {@link PendingLook.answer}
 * @throws Diagnostic when the channel cannot be opened or sudo refuses the password
 */
export async function startRunner(host: StageHost, become: Become | undefined, look?: PendingLook): Promise<HeldRunner> {
  const runner = new HeldRunner(host, become);
  await runner.start(look);
  return runner;
}
