/** Results of tasks: what one item gave, what `register` gets, and how failures travel. */
import type { Task } from '../language/playbook/model.ts';
import type { ValueMap } from '../support/value.ts';
import type { Value } from '../support/value.ts';
import type { Seen } from '../state/store.ts';
import { Diagnostic } from '../support/diagnostic.ts';
import type { Observation } from '../support/observation.ts';

/** A change as the report will name it. */
export interface MadeChange {
  readonly resource: string;
  readonly what: string;
  readonly diff: string | undefined;
  readonly unknown: boolean;
  readonly seen?: Seen | undefined;
  /** What did it has to be run to know: no effects tell what it has replaced. */
  readonly byAction?: boolean;
  /** The host that it is made on, where the task is delegated. */
  readonly delegatedTo?: string;
}

/** How one item of a task (or the task, without a loop) ended, as far as planning and running can tell. */
export interface ItemResult {
  readonly status: 'ok' | 'changed' | 'failed' | 'skipped' | 'unknown';
  /** For `register`. */
  readonly values: ValueMap;
  readonly msg: string | undefined;
  readonly changes: readonly MadeChange[];
  readonly facts: ValueMap | undefined;
  /** In check mode: why the values are not those that doing would give. */
  readonly valuesUnknown: string | undefined;
  readonly label: string | undefined;
  /** For the calendars of reports. */
  readonly observations?: readonly Observation[];
}

/** Whether an error ends the host's way through the play whatever the task says: the connection, a lock, Ctrl-C. */
export function cutsOff(error: unknown): error is Diagnostic {
  return error instanceof Diagnostic && (error.kind === 'unreachable' || error.kind === 'interrupted' || error.kind === 'locked');
}

/** A task failed on a host; caught by rescue, or the end of the play for the host. */
export class TaskFailed extends Error {
  override readonly name = 'TaskFailed';
  readonly task: Task;
  readonly result: ValueMap;
  /** Ends the play for all hosts (any_errors_fatal). */
  readonly fatal: boolean;
  constructor(task: Task, message: string, result: ValueMap, fatal: boolean) {
    super(message);
    this.task = task;
    this.result = result;
    this.fatal = fatal;
  }
}

/** `meta: end_host`, `meta: end_play`: leaves the play without failing. */
export class HostEnded extends Error {
  override readonly name = 'HostEnded';
  readonly wholePlay: boolean;
  constructor(wholePlay: boolean) {
    super(wholePlay ? 'the play has been ended' : 'the host has left the play');
    this.wholePlay = wholePlay;
  }
}

/** The value for `register` of one item, or of a whole loop. */
export function registered(items: readonly ItemResult[], looped: boolean, loopValues: readonly Value[], loopVar: string): ValueMap {
  const each = items.map((item): ValueMap => ({
    ...item.values,
    changed: item.status === 'changed',
    failed: item.status === 'failed',
    skipped: item.status === 'skipped',
    ...(item.msg === undefined ? {} : { msg: item.msg }),
  }));
  const [first] = each;
  if (!looped) return first ?? { changed: false, failed: false, skipped: true };
  return {
    results: each.map((value, i) => ({ ...value, [loopVar]: loopValues[i] ?? null, ansible_loop_var: loopVar })),
    changed: each.some((v) => v['changed'] === true),
    failed: each.some((v) => v['failed'] === true),
    skipped: each.length > 0 && each.every((v) => v['skipped'] === true),
    msg: each.some((v) => v['failed'] === true) ? 'One or more items failed' : 'All items completed',
  };
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
