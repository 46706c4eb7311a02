/** Small decisions about a task's result: one status for many items, what is shown of its values. */
import type { Plan } from '../host/plan.ts';
import type { Task } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { hasTemplate, renderValue } from '../language/template/index.ts';
import { maskSecrets } from '../support/secret.ts';
import { plainText, type ValueMap } from '../support/value.ts';
import type { ItemResult } from './task-result.ts';

export function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

/** What verbose output shows; `debug` is there to be shown. */
export function shownValues(module: string, values: ValueMap): string | undefined {
  const { msg: _msg, changed: _changed, failed: _failed, skipped: _skipped, ...rest } = values;
  if (Object.keys(rest).length === 0) return undefined;
  return maskSecrets(JSON.stringify(rest, null, 2)).slice(0, 20_000);
}

/** The status of a loop from those of its items: the worst. */
export function overall(items: readonly ItemResult[]): ItemResult['status'] {
  for (const status of ['failed', 'unknown', 'changed'] as const) if (items.some((i) => i.status === status)) return status;
  if (items.length === 0 || items.every((i) => i.status === 'skipped')) return 'skipped';
  return 'ok';
}

/** The result of a plan that needs no host. */
export function planned(plan: Plan): ItemResult {
  const base: ItemResult = { status: 'ok', values: {}, msg: undefined, changes: [], facts: undefined, valuesUnknown: undefined, label: undefined };
  switch (plan.type) {
    case 'ok':
      return { ...base, values: plan.values ?? {}, facts: plan.facts, msg: plan.msg ?? (plan.values?.['msg'] === undefined ? undefined : plainText(plan.values['msg'])) };
    case 'skipped':
      return { ...base, status: 'skipped', msg: plan.because };
    case 'failed':
      return { ...base, status: 'failed', msg: plan.msg, values: plan.values ?? {} };
    case 'unknown':
      return { ...base, status: 'unknown', msg: plan.because, valuesUnknown: plan.because };
    case 'changes':
    case 'action':
      throw new Error('a module of the engine cannot change a host');
  }
}

/** The task's name for people, rendered when that is possible. */
export function taskTitle(task: Task, scope: Scope | undefined): string {
  if (task.name === undefined) return task.module;
  if (scope === undefined || !hasTemplate(task.name)) return task.name;
  try {
    return maskSecrets(plainText(renderValue(task.name, scope, task.span)));
  } catch {
    // A name that cannot be rendered is shown as it was written; it must not fail the task.
    return task.name;
  }
}
