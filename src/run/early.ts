/** For what is told of tasks before any host is asked: values that hang on facts are simply not told. */
import { z } from 'zod';
import { readMapFile } from '../language/playbook/role.ts';
import type { Play, Task } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import { Diagnostic, DiagnosticList } from '../support/diagnostic.ts';
import { isList } from '../support/value.ts';
import { playVariables, type PlayVariables } from './variables.ts';

/** The value, or undefined where it hangs on something that only the run will know. */
export function told<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Diagnostic || error instanceof DiagnosticList || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

/** The variables of a task's items: one scope without a loop. Undefined where the loop can't be told. */
export function scopesOf(task: Task, scope: Scope): readonly Scope[] | undefined {
  const { loop } = task;
  if (loop === undefined) return [scope];
  const items = told(() => renderValue(loop, scope, task.span)) ?? null;
  return isList(items) ? items.map((item) => scope.child({ values: { [task.loopControl.loopVar]: item }, templated: false })) : undefined;
}

/** A play's variables; undefined where a file of them can't be read yet. */
export function variablesOf(play: Play, hosts: readonly string[]): PlayVariables | undefined {
  const files = told(() => play.varsFiles.map((file) => readMapFile(file.path, 'strict')));
  return files === undefined ? undefined : playVariables(play, files, { all: hosts, batch: hosts, present: () => hosts, changes: () => 0 });
}
