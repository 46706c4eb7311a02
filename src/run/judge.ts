/** changed_when and failed_when: the task's own judgement of a result, over the module's. */
import type { Task } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import type { ValueMap } from '../support/value.ts';
import { allHold } from './evaluate.ts';
import type { ItemResult } from './task-result.ts';

/** The variables with the result under its registered name, as the task's own conditions see it. */
export function withResult(task: Task, scope: Scope, result: ItemResult): Scope {
  if (task.register === undefined) return scope;
  const value: ValueMap = { ...result.values, changed: result.status === 'changed', failed: result.status === 'failed', skipped: result.status === 'skipped', ...(result.msg === undefined ? {} : { msg: result.msg }) };
  return scope.child({ values: { [task.register]: value }, templated: false });
}

/** @param title names the change of a task that only changed_when calls changed */
export function judged(task: Task, title: string, result: ItemResult, scope: Scope, unknown: ReadonlyMap<string, string>): ItemResult {
  if (result.status === 'skipped' || result.valuesUnknown !== undefined) return result;
  const seen = withResult(task, scope, result);
  let judgement = result;
  if (task.failedWhen !== undefined) {
    const failed = allHold(task.failedWhen, seen, unknown);
    if (failed) judgement = { ...judgement, status: 'failed', msg: judgement.msg ?? 'failed_when holds' };
    else if (judgement.status === 'failed') judgement = { ...judgement, status: judgement.changes.length > 0 ? 'changed' : 'ok' };
  }
  if (task.changedWhen !== undefined && judgement.status !== 'failed') {
    const changed = allHold(task.changedWhen, seen, unknown);
    const changes = judgement.changes.length > 0 ? judgement.changes : [{ resource: task.module, what: title, diff: undefined, unknown: false }];
    judgement = { ...judgement, status: changed ? 'changed' : 'ok', changes: changed ? changes : [] };
  }
  return judgement;
}
