/** `verify`: the same plays, but instead of converging, every role's verify.yml: does it really work, seen from outside? */
import type { Play, Playbook, RoleUse, TaskNode } from '../language/playbook/model.ts';
import { loadVerifyTasks, playParseContext } from '../language/playbook/parse-play.ts';
import type { ModuleCatalogue } from '../language/playbook/parse-task.ts';
import type { Project } from '../language/playbook/project.ts';

function distinct(uses: readonly RoleUse[]): readonly RoleUse[] {
  const seen = new Set<string>();
  return uses.filter((use) => {
    const key = `${use.role.directory}\0${JSON.stringify(use.params)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function verifyPlay(play: Play, project: Project, modules: ModuleCatalogue): Play {
  const context = playParseContext(project, modules);
  // Who borrows one file of a role's tasks does not promise what the whole role does.
  const nodes = distinct(play.roles.filter((use) => use.tasksFrom === undefined)).flatMap((use): readonly TaskNode[] => loadVerifyTasks(use, play.attributes, context));
  return { ...play, sections: nodes.length === 0 ? [] : [{ title: 'tasks', nodes }], handlers: [] };
}

export function verifyPlays(playbook: Playbook, project: Project, modules: ModuleCatalogue): Playbook {
  return { ...playbook, plays: playbook.plays.map((p) => verifyPlay(p, project, modules)).filter((p) => p.sections.length > 0) };
}
