/** What the names of a policy reach in these playbooks: a misspelt tag holds nothing back, and nobody would notice. Pure but for includes, which are read. */
import { lineageOf, type Playbook } from '../../language/playbook/model.ts';
import { allTasks } from '../play-tasks.ts';
import { verdictOn } from './decide.ts';
import type { Policy } from './policy.ts';

export interface Reach {
  readonly tasks: number;
  /** Tasks that are only reported on. */
  readonly held: number;
  /** Tags of the policy that no task of these playbooks has. */
  readonly unusedTags: readonly string[];
}

/** Tasks of includes whose name is a template are not known, and not counted. */
export function reachOf(policy: Policy, playbooks: readonly Playbook[]): Reach {
  const tasks = playbooks.flatMap((playbook) => playbook.plays).flatMap((play) => play.sections).flatMap((section) => allTasks(section.nodes)).filter((node) => node.kind === 'task');
  const tags = new Set(tasks.flatMap((task) => task.attributes.tags));
  return {
    tasks: tasks.length,
    held: tasks.filter(({ attributes }) => verdictOn(policy, { roles: lineageOf(attributes.role).map((use) => use.role.name), tags: attributes.tags }) === 'report').length,
    unusedTags: Object.keys(policy.unattended.tags).filter((tag) => !tags.has(tag)),
  };
}
