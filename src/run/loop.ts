/** The items of a task's `loop`, and the variables that each of them sees. */
import type { Task } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import { badInput } from '../support/diagnostic.ts';
import { isList, typeName, type Value } from '../support/value.ts';
import { knowing } from './evaluate.ts';

/** The items; one null for a task without a loop. @throws Diagnostic when it gives no list */
export function loopValues(task: Task, scope: Scope, unknown: ReadonlyMap<string, string>): readonly Value[] {
  const { loop } = task;
  if (loop === undefined) return [null];
  const values = knowing(unknown, () => renderValue(loop, scope, task.span));
  if (isList(values)) return values;
  throw badInput('bad-loop', `loop must give a list, not ${typeName(values)}`, { span: task.span });
}

/** The task's variables with those of one item. */
export function itemScope(task: Task, scope: Scope, values: readonly Value[], index: number): Scope {
  const control = task.loopControl;
  const extended = { index: index + 1, index0: index, first: index === 0, last: index === values.length - 1, length: values.length, allitems: [...values] };
  return scope.child({
    values: {
      [control.loopVar]: values[index] ?? null,
      ...(control.indexVar === undefined ? {} : { [control.indexVar]: index }),
      ...(control.extended ? { ansible_loop: extended } : {}),
    },
    templated: false,
  });
}
