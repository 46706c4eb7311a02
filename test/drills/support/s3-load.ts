/** A client that writes and reads all the time, and tries again as a client does; what it wrote is compared afterwards. */
import { randomBytes } from 'node:crypto';
import { Caller, sha256, type Account, type Store } from './s3-contract.ts';

export interface Told {
  readonly requests: number;
  /** How often something was tried again. */
  readonly retried: number;
  /** What did not come about in all tries, with the last answer. */
  readonly failed: readonly string[];
  readonly longestMs: number;
}

/** As the SDKs do it. */
const TRIES = 6;
const PAUSE_MS = 500;

export class Load {
  readonly #store: Store;
  readonly #account: () => Account;
  readonly #bucket: string;
  readonly #prefix = `load/${randomBytes(4).toString('hex')}`;
  readonly #written = new Map<string, string>();
  readonly #failed: string[] = [];
  readonly #callers = new Map<string, Caller>();
  #requests = 0;
  #retried = 0;
  #longestMs = 0;
  #running: Promise<void> | undefined;
  #ended = false;

  constructor(store: Store, account: () => Account, bucket: string) {
    this.#store = store;
    this.#account = account;
    this.#bucket = bucket;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Waits until so many more objects were written and read. */
  async several(count = 5): Promise<void> {
    const until = this.#requests + 2 * count;
    const end = Date.now() + 240_000;
    while (this.#requests < until && !this.#ended) {
      if (Date.now() > end) throw new Error(`the client stands still after ${String(this.#requests)} requests`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async stop(): Promise<Told> {
    this.#ended = true;
    await this.#running;
    return { requests: this.#requests, retried: this.#retried, failed: this.#failed, longestMs: Math.round(this.#longestMs) };
  }

  /** Objects that are not what was written. */
  async wrong(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const [path, digest] of this.#written) {
      const answer = await this.#caller().send('GET', path);
      if (answer.status !== 200 || sha256(answer.body) !== digest) wrong.push(`${path}: ${String(answer.status)}`);
    }
    await Promise.all([...this.#callers.values()].map((c) => c.close()));
    this.#callers.clear();
    return wrong;
  }

  #caller(): Caller {
    const account = this.#account();
    const known = this.#callers.get(account.name);
    if (known !== undefined) return known;
    const made = new Caller(this.#store, account);
    this.#callers.set(account.name, made);
    return made;
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#ended; n += 1) {
      const path = `/${this.#bucket}/${this.#prefix}/${String(n)}`;
      const body = randomBytes(150_000);
      if (await this.#tried(`PUT ${path}`, async () => (await this.#caller().put(path, body)).status === 200)) this.#written.set(path, sha256(body));
      await this.#tried(`GET ${path}`, async () => sha256((await this.#caller().send('GET', path)).body) === sha256(body));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #tried(what: string, work: () => Promise<boolean>): Promise<boolean> {
    this.#requests += 1;
    const started = performance.now();
    let last = 'another answer';
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (tries > 0) {
        this.#retried += 1;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries));
      }
      try {
        if (await work()) {
          this.#longestMs = Math.max(this.#longestMs, performance.now() - started);
          return true;
        }
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
    }
    this.#failed.push(`${what}: ${last}`);
    return false;
  }
}
