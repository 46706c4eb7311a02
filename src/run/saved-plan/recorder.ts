/** Collects what check mode predicts: it stands at the gate, and reads the run's events. */
import type { Reporter, RunEvent } from '../events.ts';
import type { Gate, TaskMutation } from '../gate.ts';
import type { PlannedChange, PlannedHost, UnknownTask } from './format.ts';

type Start = Extract<RunEvent, { type: 'start' }>;

/** A task that went wrong while the plan was made. */
export interface Trouble {
  readonly host: string;
  readonly status: 'failed' | 'unreachable';
  readonly task: string;
  readonly error: string;
}

export class PlanRecorder implements Gate, Reporter {
  readonly #changes = new Map<string, PlannedChange[]>();
  readonly #unknown = new Map<string, UnknownTask[]>();
  readonly #trouble: Trouble[] = [];
  #start: Start | undefined;

  pass(mutations: readonly TaskMutation[]): void {
    for (const { host, diff, ...rest } of mutations) {
      const change: PlannedChange = { ...rest, state: [...rest.state], ...(diff === undefined || diff === '' ? {} : { diff }) };
      const list = this.#changes.get(host);
      if (list === undefined) this.#changes.set(host, [change]);
      else list.push(change);
    }
  }

  event(event: RunEvent): void {
    if (event.type === 'start') this.#start = event;
    else if (event.type === 'task' && event.status === 'unknown') {
      this.#unknown.set(event.host, [...(this.#unknown.get(event.host) ?? []), { role: event.role, task: event.task, place: event.at, because: event.msg ?? 'it cannot be told' }]);
    } else if (event.type === 'task' && (event.status === 'failed' || event.status === 'unreachable')) {
      this.#trouble.push({ host: event.host, status: event.status, task: event.task, error: event.error ?? event.msg ?? '' });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The run's first event. @throws Error before it */
  get start(): Start {
    if (this.#start === undefined) throw new Error('a plan is asked for before its run has begun');
    return this.#start;
  }

  get trouble(): readonly Trouble[] {
    return this.#trouble;
  }

  /** Every host of the run, in its order. */
  hosts(): Record<string, PlannedHost> {
    return Object.fromEntries(this.start.hosts.map((host) => [host, { changes: this.#changes.get(host) ?? [], unknown: this.#unknown.get(host) ?? [] }]));
  }
}
