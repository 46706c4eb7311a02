/** `verify`: the same plays, but instead of converging, every role's verify.yml: does it really work, seen from outside? */
import type { Play, Playbook, RoleUse, TaskNode } from '../language/playbook/model.ts';
import { loadVerifyTasks, playParseContext } from '../language/playbook/parse-play.ts';
import type { ModuleCatalogue } from '../language/playbook/parse-task.ts';
import type { Project } from '../language/playbook/project.ts';
import { namesMadeIn } from './play-tasks.ts';

export interface Verification {
  readonly playbooks: readonly Playbook[];
  /** What cannot be verified, for people. */
  readonly remarks: readonly string[];
}

/** Each role and its parameters once for each condition that it is used under; once in all where one use has none. */
function distinct(uses: readonly RoleUse[]): readonly RoleUse[] {
  const key = (use: RoleUse): string => `${use.role.directory}\0${JSON.stringify(use.params)}`;
  const always = new Set(uses.filter((use) => use.when.length === 0).map(key));
  const seen = new Set<string>();
  return uses.filter((use) => {
    if (always.has(key(use)) && use.when.length > 0) return false;
    const condition = `${key(use)}\0${JSON.stringify(use.when.map((each) => each.text))}`;
    if (seen.has(condition)) return false;
    seen.add(condition);
    return true;
  });
}

/** The name in its conditions that only a task makes, which verify does not run: whether the role is applied cannot be told. */
function undecidable(use: RoleUse, made: ReadonlySet<string>): string | undefined {
  // By its text: a name that is only asked about (`defined`), or looked up in hostvars, is among no expression's variables.
  const words = use.when.flatMap((each) => each.text.match(/[A-Za-z_]\w*/g) ?? []);
  return words.find((word) => made.has(word));
}

/**
 * Of each play the checks of its roles, under the conditions under which the roles are applied: a role that a play
 * leaves out on a host is not verified there. A condition on the result of a task (`register`, `set_fact`) can't be
 * known, since verify runs no tasks of plays: such a role is left out, and a remark says so.
 */
export function verifyPlays(playbooks: readonly Playbook[], project: Project, modules: ModuleCatalogue): Verification {
  const context = playParseContext(project, modules);
  const remarks: string[] = [];
  // Before anything is looked into: fixed includes add to the roles of their play when they are.
  const used = new Map(playbooks.flatMap((p) => p.plays).map((play) => [play, [...play.roles]]));
  const made = namesMadeIn(playbooks);

  const verifyPlay = (play: Play): Play => {
    // Who borrows one file of a role's tasks does not promise what the whole role does.
    const roles = used.get(play) ?? [];
    const uses = distinct(roles.filter((use) => use.tasksFrom === undefined && use.idle !== true));
    const nodes = uses.flatMap((use): readonly TaskNode[] => {
      const tasks = loadVerifyTasks(use, play.attributes, context);
      const name = undecidable(use, made);
      if (name === undefined || tasks.length === 0) return tasks;
      remarks.push(`play ${play.name}: role ${use.role.name} is not verified: whether it is applied hangs on ${name}, which a task of the play finds out, and verify runs no tasks of plays`);
      return [];
    });
    return { ...play, roles, sections: nodes.length === 0 ? [] : [{ title: 'tasks', nodes }], handlers: [] };
  };

  const verified = playbooks.map((playbook) => ({ ...playbook, plays: playbook.plays.map(verifyPlay).filter((p) => p.sections.length > 0) }));
  return { playbooks: verified, remarks };
}
