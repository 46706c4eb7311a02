/**
 * What a worker tells of its share: changes, failures, doubts and warnings as they come, into the store; what was merely ok or skipped it only
 * counts, since sixty thousand lines of a converged night would be all that the others do.
 */
import type { Reporter, RunEvent } from '../events.ts';
import type { Share } from './share.ts';

export type Summary = Extract<RunEvent, { type: 'summary' }>;

const BATCH = 200;
const OLDEST_MS = 500;

export function isWorthTelling(event: RunEvent): boolean {
  switch (event.type) {
    case 'start':
    case 'task-start':
    case 'summary':
      return false;
    case 'task':
      return event.status !== 'ok' && event.status !== 'skipped';
    case 'play':
    case 'retry':
    case 'change':
    case 'observation':
    case 'warning':
      return true;
  }
}

export class ShareReporter implements Reporter {
  readonly #share: Pick<Share, 'tellEvents' | 'lost' | 'inDoubt'>;
  readonly #timer: NodeJS.Timeout;
  #waiting: string[] = [];
  #told = 0;
  #queue: Promise<void> = Promise.resolve();
  #summary: Summary | undefined;
  #trouble: Error | undefined;

  constructor(share: Pick<Share, 'tellEvents' | 'lost' | 'inDoubt'>) {
    this.#share = share;
    this.#timer = setInterval(() => { this.#flush(); }, OLDEST_MS);
  }

  get summary(): Summary | undefined {
    return this.#summary;
  }

  event(event: RunEvent): void {
    if (event.type === 'summary') this.#summary = event;
    if (!isWorthTelling(event) || this.#share.lost.aborted) return;
    // How it ends for a worker that may have lost its share is not how it ends for the hosts: they are another worker's by then. What it has
    // done to them is true all the same, and whoever comes next finds it done: without this line nobody would know who did it.
    if (this.#share.inDoubt.aborted && event.type !== 'change') return;
    this.#waiting.push(JSON.stringify(event));
    if (this.#waiting.length >= BATCH) this.#flush();
  }

  #flush(): void {
    const events = this.#waiting;
    if (events.length === 0) return;
    const first = this.#told;
    this.#waiting = [];
    this.#told += events.length;
    this.#queue = this.#queue.then(() => this.#share.tellEvents(first, events)).catch((error: unknown) => { this.#trouble ??= error instanceof Error ? error : new Error(String(error)); });
  }

  /** All that has been reported by now is told. @throws what has kept it from being told */
  async settled(): Promise<void> {
    this.#flush();
    await this.#queue;
    if (this.#trouble !== undefined) throw this.#trouble;
  }

  /** @throws what has kept something from being told: the share is not through then, and is carried out by another worker */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.settled();
  }
}
