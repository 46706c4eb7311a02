/** How a batch stands on all workers: what fails here is told, and what ends the play elsewhere ends it here. */
import type { BatchPlace, SharedBatch, Together } from './together.ts';

const LOOK_MS = 1000;

export class BatchWatch implements SharedBatch {
  readonly together: Together;
  readonly at: BatchPlace;
  readonly #members: number;
  readonly #size: number;
  readonly #mostFailed: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failed = 0;
  #stopped: string | undefined;
  #telling: Promise<unknown> = Promise.resolve();

  /**
   * @param members hosts of the batch that are here
   * @param size hosts of the batch on all workers
   * @param mostFailed `max_fail_percentage`
   */
  constructor(together: Together, at: BatchPlace, members: number, size: number, mostFailed: number | undefined) {
    this.together = together;
    this.at = at;
    this.#members = members;
    this.#size = size;
    this.#mostFailed = mostFailed;
  }

  /** @param stop told why the play is ended for everybody */
  watch(stop: (why: string) => void): void {
    this.#timer = setInterval(() => { this.#tell(stop); }, LOOK_MS);
  }

  /** @param fatal why the play is to be ended at once */
  failed(count: number, fatal: string | undefined, stop: (why: string) => void): void {
    this.#failed = count;
    this.#stopped ??= fatal;
    if (fatal !== undefined) stop(fatal);
    this.#tell(stop);
  }

  #tell(stop: (why: string) => void): void {
    // What cannot be told now is told at the next look, and at the end, where it has to be.
    this.#telling = this.#telling.then(() => this.#tellNow(stop)).catch(() => undefined);
  }

  async #tellNow(stop: (why: string) => void): Promise<void> {
    const { failed, stopped } = await this.together.stand(this.at, { hosts: this.#members, failed: this.#failed, stopped: this.#stopped });
    const most = this.#mostFailed;
    if (stopped === undefined && most !== undefined && (failed / this.#size) * 100 > most) this.#stopped ??= `${String(failed)} of ${String(this.#size)} hosts have failed, more than ${String(most)} %`;
    const why = stopped ?? this.#stopped;
    if (why !== undefined) stop(why);
  }

  /** The batch is over here. @throws what keeps it from being told: the others would wait for nothing */
  async close(failed: number): Promise<void> {
    clearInterval(this.#timer);
    await this.#telling;
    this.#failed = failed;
    const standing = await this.together.stand(this.at, { hosts: this.#members, failed, stopped: this.#stopped });
    const most = this.#mostFailed;
    if (standing.stopped === undefined && most !== undefined && (standing.failed / this.#size) * 100 > most) {
      await this.together.stand(this.at, { hosts: this.#members, failed, stopped: `${String(standing.failed)} of ${String(this.#size)} hosts have failed, more than ${String(most)} %` });
    }
  }
}
