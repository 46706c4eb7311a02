/** Tasks of one host whose changes may still be on their way, and who answers for what becomes of them. */
import { ChangeFailed, type HostSession } from '../host/host-session.ts';
import type { Task } from '../language/playbook/model.ts';
import { Diagnostic } from '../support/diagnostic.ts';
import type { ValueMap } from '../support/value.ts';
import { cutsOff } from './task-result.ts';
import type { TaskRun } from './task-run.ts';

export class InFlight {
  readonly #session: HostSession;
  readonly #register: (task: Task, result: ValueMap) => void;
  #open: TaskRun[] = [];
  /** Errors that a task has reported: they are not told again as the host's. */
  readonly #reported = new WeakSet<Diagnostic>();

  /** @param register gives a task's variable the result of a failure that came later */
  constructor(session: HostSession, register: (task: Task, result: ValueMap) => void) {
    this.#session = session;
    this.#register = register;
  }

  add(run: TaskRun): void {
    this.#open.push(run);
  }

  /** Sends what waits; a change that failed is charged to its task. @throws TaskFailed, Diagnostic */
  async settle(): Promise<void> {
    try {
      await this.#session.flush();
    } catch (error) {
      if (cutsOff(error)) await this.cutOff(error, undefined);
      else this.charge(error);
    }
    this.#open = [];
  }

  /** Drops what waits: it is neither made nor reported. */
  discard(): void {
    this.#session.discard();
    for (const run of this.#open) if (run.waits) run.dropped();
    this.#open = [];
  }

  /**
   * Finds the task of a change that failed.
   * @returns the task's result, when ignore_errors takes the failure
   * @throws TaskFailed, or the error itself when it is another
   */
  charge(error: unknown): ValueMap {
    if (!(error instanceof ChangeFailed)) throw error;
    const at = this.#open.findIndex((t) => t.owns(error.pending));
    const owner = this.#open[at];
    if (owner === undefined) throw error;
    // Later tasks were planned on top of what was not made: they count as not reached.
    for (const run of this.#open.slice(at + 1)) run.dropped();
    this.#open = [];
    const { result, failed } = owner.failedLater(error.message);
    // What was registered when the change was put on its way spoke of success.
    this.#register(owner.task, result);
    if (failed !== undefined) throw failed;
    return result;
  }

  /**
   * The connection is lost, or the run was killed: the first task in flight reports it, or the one at work.
   * @throws the error, unless the task has ignore_unreachable
   */
  async cutOff(error: Diagnostic, atWork: TaskRun | undefined): Promise<void> {
    const guilty = this.#open.find((run) => run.waits) ?? atWork;
    for (const run of this.#open) if (run !== guilty && (run.waits || run === atWork)) run.dropped();
    this.#open = [];
    guilty?.cutOff(error);
    if (guilty !== undefined) this.#reported.add(error);
    if (error.kind !== 'unreachable' || guilty?.ignoresUnreachable !== true) throw error;
    await this.#session.disconnect();
  }

  /** Whether a task has reported this error already. */
  hasReported(error: unknown): boolean {
    return error instanceof Diagnostic && this.#reported.has(error);
  }
}
