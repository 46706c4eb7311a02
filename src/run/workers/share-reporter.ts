/**
 * What a worker tells of its share: changes, failures, doubts and warnings as they come, into the store; what was merely ok or skipped it only
 * counts, since sixty thousand lines of a converged night would be all that the others do.
 */
import type { RunShares, ShareLease } from '../../state/shared-run.ts';
import type { Reporter, RunEvent } from '../events.ts';

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
  readonly #shares: RunShares;
  readonly #lease: ShareLease;
  readonly #timer: NodeJS.Timeout;
  #waiting: string[] = [];
  #told = 0;
  #queue: Promise<void> = Promise.resolve();
  #summary: Summary | undefined;
  #trouble: Error | undefined;

  constructor(shares: RunShares, lease: ShareLease) {
    this.#shares = shares;
    this.#lease = lease;
    this.#timer = setInterval(() => { this.#flush(); }, OLDEST_MS);
  }

  get summary(): Summary | undefined {
    return this.#summary;
  }

  event(event: RunEvent): void {
    if (event.type === 'summary') this.#summary = event;
    if (!isWorthTelling(event)) return;
    this.#waiting.push(JSON.stringify(event));
    if (this.#waiting.length >= BATCH) this.#flush();
  }

  #flush(): void {
    const events = this.#waiting;
    if (events.length === 0) return;
    const first = this.#told;
    this.#waiting = [];
    this.#told += events.length;
    this.#queue = this.#queue.then(() => this.#shares.tell(this.#lease, first, events)).catch((error: unknown) => { this.#trouble ??= error instanceof Error ? error : new Error(String(error)); });
  }

  /** @throws what has kept something from being told: the share is not through then, and is carried out by another worker */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#flush();
    await this.#queue;
    if (this.#trouble !== undefined) throw this.#trouble;
  }
}
