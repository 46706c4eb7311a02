/** `--list-hosts` and `--list-tasks`: what a run would work on, without touching a host. */
import type { TaskNode } from '../language/playbook/model.ts';
import { loadProject } from './load.ts';
import type { RunOptions } from './options.ts';
import { selected } from './tags.ts';

export interface ListedPlay {
  readonly play: string;
  readonly pattern: string;
  readonly hosts: readonly string[];
  readonly tasks: readonly { readonly role: string; readonly task: string; readonly tags: readonly string[] }[];
}

function list(nodes: readonly TaskNode[], options: Pick<RunOptions, 'tags' | 'skipTags'>): ListedPlay['tasks'] {
  return nodes.flatMap((node) => {
    if (node.kind === 'block') return [...list(node.body, options), ...list(node.rescue, options), ...list(node.always, options)];
    if (!selected(node.attributes.tags, options)) return [];
    const role = node.attributes.role?.role.name ?? '';
    const task = node.name ?? (node.kind === 'include' ? `include ${node.target}` : node.module);
    return [{ role, task, tags: node.attributes.tags }];
  });
}

/** The plays of a run with their hosts and tasks, after --limit, --tags and --skip-tags. @throws Diagnostic */
export function listRun(options: Pick<RunOptions, 'inventory' | 'playbooks' | 'mode' | 'limit' | 'tags' | 'skipTags'>): readonly ListedPlay[] {
  const loaded = loadProject(options);
  return loaded.playbooks.flatMap((playbook) =>
    playbook.plays.map((play) => ({
      play: play.name,
      pattern: play.hosts,
      hosts: loaded.inventory.select(play.hosts, options.limit),
      tasks: play.sections.flatMap((s) => list(s.nodes, options)),
    })),
  );
}
