/** The lines that the event stream gets of a task on a host, and its tally: one place for both. */
import type { Task, TaskNode } from '../language/playbook/model.ts';
import { formatPlace } from '../support/source.ts';
import type { HostState, PlayState, RunContext } from './context.ts';
import type { TaskStatus } from './events.ts';
import type { ItemResult } from './task-result.ts';

export interface ReportedTask {
  readonly ctx: RunContext;
  readonly host: HostState;
  readonly play: PlayState;
  readonly node: TaskNode;
  readonly title: string;
  readonly handler: boolean;
}

export interface ReportedEnd {
  readonly status: TaskStatus;
  readonly seconds: number;
  readonly msg?: string | undefined;
  readonly error?: string | undefined;
  readonly result?: string | undefined;
}

export function roleName(node: TaskNode): string {
  return node.attributes.role?.role.name ?? '';
}

function moduleName(node: TaskNode): string {
  return node.kind === 'task' ? node.module : node.kind === 'include' ? `include_${node.what}` : 'block';
}

/** One `change` line a change that was made or predicted. */
export function reportChanges(task: ReportedTask & { readonly node: Task }, items: readonly ItemResult[]): void {
  for (const item of items) {
    if (item.status !== 'changed' && item.status !== 'unknown') continue;
    for (const change of item.changes) {
      if (change.byAction === true) task.host.session.acted(change.resource, change.what);
      task.ctx.emit({
        type: 'change', host: task.host.name, role: roleName(task.node), task: task.title, resource: change.resource, what: change.what, handler: task.handler,
        ...(change.diff === undefined ? {} : { diff: change.diff }), ...(change.unknown ? { unknown: true } : {}), ...(change.seen === undefined ? {} : { seen: change.seen }), ...(change.delegatedTo === undefined ? {} : { delegated_to: change.delegatedTo }),
      });
    }
  }
}

/** What the task has seen that has an age or an end. */
export function reportObservations(task: ReportedTask, items: readonly ItemResult[]): void {
  for (const item of items) for (const observation of item.observations ?? []) task.ctx.emit({ type: 'observation', host: task.host.name, ...observation });
}

/** The `task` line, and one more in the tally. Texts are masked already. */
export function reportEnd(task: ReportedTask, end: ReportedEnd): void {
  const { ctx, host, play, node, title, handler } = task;
  const role = roleName(node);
  ctx.emit({
    type: 'task', host: host.name, play: play.play.name, role, task: title, module: moduleName(node), status: end.status, seconds: end.seconds, at: formatPlace(node.span), handler,
    ...(end.msg === undefined ? {} : { msg: end.msg }), ...(end.error === undefined ? {} : { error: end.error }), ...(end.result === undefined ? {} : { result: end.result }),
  });
  ctx.tally.count(host.name, role, title, end.status, end.seconds);
}
