/** What the parts of a run share. */
import type { HostSession } from '../host/host-session.ts';
import type { Inventory } from '../language/inventory/index.ts';
import type { Play, Task } from '../language/playbook/model.ts';
import type { Project } from '../language/playbook/project.ts';
import type { ValueMap } from '../support/value.ts';
import type { RunEvent } from './events.ts';
import type { RunOptions } from './options.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { ReportQueue } from './report-queue.ts';
import type { Tally } from './counts.ts';
import type { SharedBatch } from './together.ts';
import type { PlayVariables, Variables } from './variables.ts';

/** A handler that a host is to run, and the change that asked for it. */
export interface Notified {
  readonly handler: Task;
  readonly noteId: string;
}

/** One host during the run. */
export interface HostState {
  readonly name: string;
  readonly session: HostSession;
  readonly reports: ReportQueue;
  condition: 'active' | 'failed' | 'unreachable' | 'ended';
  /** By handler id, in the order of notification. */
  readonly notified: Map<string, Notified>;
  /** Those of them that have failed: their ids. */
  readonly broken: Set<string>;
  /** Notes found on the host of handlers that an earlier run still owes; undefined before root has looked. */
  owed: Set<string> | undefined;
  /** Notes on the host that this run has made or taken up. */
  readonly noted: Set<string>;
  /** Those of them made for tasks that then changed nothing: to be struck off. */
  readonly stray: Set<string>;
  /** Whether `--start-at-task` has been reached. */
  startReached: boolean;
  /** Whether the run has left it before its end, for what happened elsewhere. */
  cutShort: boolean;
}

export interface RunContext {
  readonly options: RunOptions;
  readonly run: string;
  readonly inventory: Inventory;
  readonly project: Project;
  readonly variables: Variables;
  readonly tally: Tally;
  /** Asked before every change. @throws Diagnostic when the run has lost its inventory to another one */
  admit(): Promise<void>;
  emit(event: RunEvent): void;
  /** The host's state, made when first asked for; also `localhost` when the inventory lacks it. @throws Diagnostic for an unknown host */
  host(name: string): HostState;
  /** The hosts that have been asked for so far. */
  known(): readonly HostState[];
  /** How often some host's condition has changed. */
  conditionChanges(): number;
  /** A session of its own for tasks delegated to a host, with the mutex that keeps them one at a time. */
  delegate(name: string): { readonly session: HostSession; exclusively<T>(work: () => Promise<T>): Promise<T> };
  /** Bounds how many hosts are begun with at once: what is asked first is thought out only then. */
  starting<T>(work: () => Promise<T>): Promise<T>;
  /** Bounds a task's hosts (`throttle`), by task. */
  throttle(taskId: string, limit: number): <T>(work: () => Promise<T>) => Promise<T>;
}

/** One play on one batch of hosts. */
export interface PlayState {
  readonly play: Play;
  readonly variables: PlayVariables;
  readonly rendezvous: Rendezvous;
  /** Where other workers have hosts of the batch as well. */
  readonly shared: SharedBatch | undefined;
  /** Results of run_once tasks, by task and position. */
  readonly once: Map<string, OnceSlot>;
  /** Set when max_fail_percentage or any_errors_fatal ends the play for everybody. */
  stopped: string | undefined;
  /** Set by meta end_play: hosts leave the play, without failing, before their next task. */
  ended: boolean;
  /** The play's handlers, those of included roles among them. */
  handlers(): readonly Task[];
  addHandlers(handlers: readonly Task[]): void;
  /** Called when a host fails; decides about {@link stopped}. */
  hostFailed(host: HostState, fatal: boolean): void;
}

/** Where the host that runs a run_once task leaves the result for the others, who may look first. */
export interface OnceSlot {
  readonly result: Promise<OnceResult>;
  resolve(result: OnceResult): void;
  isResolved(): boolean;
}

/** The slot of a task, made by whoever comes first. */
export function onceSlot(play: PlayState, key: string): OnceSlot {
  let slot = play.once.get(key);
  if (slot === undefined) {
    let resolve: (result: OnceResult) => void = () => undefined;
    const result = new Promise<OnceResult>((r) => {
      resolve = r;
    });
    let resolved = false;
    slot = { result, resolve: (r) => { resolved = true; resolve(r); }, isResolved: () => resolved };
    play.once.set(key, slot);
  }
  return slot;
}

export interface OnceResult {
  readonly register: ValueMap | undefined;
  readonly facts: ValueMap | undefined;
  readonly failed: boolean;
  readonly unknownBecause: string | undefined;
}
