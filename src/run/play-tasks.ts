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

/** Keys of `set_fact`, `register`, loop variables: names that tasks bring into being. */
function namesMadeBy(tasks: readonly (Task | Include)[]): readonly string[] {
  return tasks.flatMap((t) => {
    const control = t.loopControl;
    const names = t.loop === undefined ? [] : [control.loopVar, ...(control.indexVar === undefined ? [] : [control.indexVar])];
    if (t.kind === 'include') return names;
    if (t.register !== undefined) names.push(t.register);
    if (t.module === 'set_fact') names.push(...Object.keys(t.args));
    if (t.module === 'include_vars' && typeof t.args['name'] === 'string') names.push(t.args['name']);
    return names;
  });
}

/** Some variables can't be listed beforehand (include_vars of a file): then unknown names can't be refused. */
export function bringsUnlistedNames(tasks: readonly (Task | Include)[]): boolean {
  return tasks.some((t) => t.kind === 'task' && t.module === 'include_vars' && t.args['name'] === undefined);
}

/** The names that tasks and handlers of these playbooks bring into being. */
export function namesMadeIn(playbooks: readonly Playbook[]): ReadonlySet<string> {
  return new Set(playbooks.flatMap((p) => p.plays).flatMap((play) => namesMadeBy([...taskNodes(play), ...play.handlers])));
}
