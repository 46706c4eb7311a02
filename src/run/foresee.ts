/** What a task will ask its host, told before it is reached, for {@link LookAhead}. */
import type { Task } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import { isList, type Value } from '../support/value.ts';
import type { HostState, RunContext } from './context.ts';
import type { FileCache } from './controller-files.ts';
import { allHold } from './evaluate.ts';
import { identityOf } from './identity.ts';
import type { Foreseen } from './look-ahead.ts';
import { selected, type TagSelection } from './tags.ts';
import { prepareTask } from './task-item.ts';

export interface ForeseeInit {
  readonly ctx: RunContext;
  readonly host: HostState;
  readonly cache: FileCache;
  readonly tags: TagSelection;
}

/** A task's questions, as far as they can be told now. */
export function foresee(init: ForeseeInit, scope: Scope, task: Task): Foreseen | undefined {
  const { ctx, host, tags, cache } = init;
  if (task.attributes.delegateTo !== undefined || task.module === 'meta' || !selected(task.attributes.tags, tags)) return undefined;
  const identity = identityOf(task.attributes, scope, ctx.variables.hostScope(host.name), ctx.options.becomePassword);
  const items: readonly Value[] | undefined = task.loop === undefined ? undefined : asList(renderValue(task.loop, scope, task.span));
  const scopes = items === undefined ? [scope] : items.map((item) => scope.child({ values: { [task.loopControl.loopVar]: item }, templated: false }));
  const unknown = ctx.variables.unknownNames(host.name);
  const prepared = scopes.flatMap((s) => {
    if (!mayHold(task, s, unknown)) return [];
    const module = prepareTask(task, s);
    return [{ queries: (session: HostState['session']) => module.queries(session.view(identity, cache.files(ctx.project, task, s))) }];
  });
  return { identity, prepared };
}

function asList(value: Value): readonly Value[] {
  return isList(value) ? value : [];
}

/** False only when a condition certainly does not hold. */
function mayHold(task: Task, scope: Scope, unknown: ReadonlyMap<string, string>): boolean {
  try {
    return allHold(task.attributes.when, scope, unknown);
  } catch {
    // Needs something that is not known yet: asking needlessly does no harm.
    return true;
  }
}
