/** The tasks of plays, as far as they can be told without running them, and the names that they bring into being. */
import type { Include, Play, Playbook, Task, TaskNode } from '../language/playbook/model.ts';
import { hasTemplate } from '../language/template/index.ts';

/** All tasks of a play's sections, those of fixed includes among them. */
export function taskNodes(play: Play): readonly (Task | Include)[] {
  return play.sections.flatMap((section) => allTasks(section.nodes));
}

/** All tasks of these nodes, those of fixed includes too. */
export function allTasks(nodes: readonly TaskNode[]): readonly (Task | Include)[] {
  return nodes.flatMap((n) => {
    if (n.kind === 'block') return [...allTasks(n.body), ...allTasks(n.rescue), ...allTasks(n.always)];
    // A fixed include is looked into; one with a template can only be checked when it is reached.
    if (n.kind === 'include') return [n, ...(hasTemplate(n.target) ? [] : allTasks(n.load(n.target, n.attributes).nodes))];
    return [n];
  });
}

/** Keys of `set_fact`, `register`, the name of `include_vars`: variables that a task gives its host. */
export function variablesMadeBy(t: Task | Include): readonly string[] {
  if (t.kind === 'include') return [];
  return [
    ...(t.register === undefined ? [] : [t.register]),
    // `cacheable` is a word of the module's own.
    ...(t.module === 'set_fact' ? Object.keys(t.args).filter((name) => name !== 'cacheable') : []),
    ...(t.module === 'include_vars' && typeof t.args['name'] === 'string' ? [t.args['name']] : []),
  ];
}

/** The same, and the variables of its loop. */
function namesMadeBy(t: Task | Include): readonly string[] {
  const { loopVar, indexVar } = t.loopControl;
  const ofLoop = t.loop === undefined ? [] : [loopVar, ...(indexVar === undefined ? [] : [indexVar])];
  return [...ofLoop, ...variablesMadeBy(t)];
}

/** Some variables can't be listed beforehand (include_vars of a file): then unknown names can't be refused. */
export function bringsUnlistedNames(tasks: readonly (Task | Include)[]): boolean {
  return tasks.some((t) => t.kind === 'task' && t.module === 'include_vars' && t.args['name'] === undefined);
}

/** The names that tasks and handlers of these playbooks bring into being. */
export function namesMadeIn(playbooks: readonly Playbook[]): ReadonlySet<string> {
  return new Set(playbooks.flatMap((p) => p.plays).flatMap((play) => [...taskNodes(play), ...play.handlers].flatMap(namesMadeBy)));
}
