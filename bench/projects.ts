/** Writes the workload as a project of ours, as one of Ansible's, and as data for the floor. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { VARIABLES, WORKLOAD, type Item } from './workload.ts';

type Arguments = Readonly<Record<string, unknown>>;

/** The module and its arguments: the same names and meanings in both programs. */
function moduleOf(item: Item): readonly [string, Arguments] {
  switch (item.kind) {
    case 'directory':
      return ['file', { path: item.path, state: 'directory', owner: 'root', group: 'root', mode: item.mode }];
    case 'file':
      return ['copy', { dest: item.path, content: item.content, owner: 'root', group: 'root', mode: item.mode }];
    case 'template':
      return ['template', { src: item.name, dest: item.path, owner: 'root', group: 'root', mode: item.mode }];
    case 'line':
      return ['lineinfile', { path: item.path, regexp: `^${item.key}=`, line: item.line, create: true, mode: '0644' }];
    case 'group':
      return ['group', { name: item.name, gid: item.gid }];
    case 'user':
      return ['user', { name: item.name, uid: item.uid, group: item.group, create_home: false, shell: '/usr/sbin/nologin' }];
    case 'package':
      return ['apt', { name: item.name, state: 'present' }];
    case 'service':
      return ['systemd', { name: item.name, state: 'started', enabled: true }];
    case 'command':
      return ['command', { cmd: item.command, creates: item.creates }];
  }
}

function tasks(items: readonly Item[], module: (name: string) => string, suffix: string): readonly object[] {
  return items.map((item, i) => {
    const [name, args] = moduleOf(item);
    const own = item.kind === 'template' ? { ...args, src: `${item.name}${suffix}` } : args;
    return { name: `${String(i + 1)}: ${item.kind}`, [module(name)]: own };
  });
}

/** Strings are quoted, so that `mode: "0644"` is text in YAML 1.1 as well as in 1.2. */
function playbook(list: readonly object[], play: object): string {
  return stringify([{ name: 'Workload', hosts: 'all', become: true, ...play, vars: VARIABLES, tasks: list }], { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' });
}

export interface Projects {
  readonly ours: string;
  readonly ansible: string;
  readonly floor: string;
}

/** @returns the playbooks and the floor's data */
export async function writeProjects(directory: string, items: readonly Item[] = WORKLOAD): Promise<Projects> {
  const paths = { ours: join(directory, 'care', 'playbooks', 'workload.yml'), ansible: join(directory, 'ansible', 'workload.yml'), floor: join(directory, 'floor.json') };
  const templates = { ours: join(directory, 'care', 'playbooks', 'templates'), ansible: join(directory, 'ansible', 'templates') };
  await mkdir(templates.ours, { recursive: true });
  await mkdir(templates.ansible, { recursive: true });
  await writeFile(paths.ours, playbook(tasks(items, (name) => name, '.hbs'), {}));
  await writeFile(paths.ansible, playbook(tasks(items, (name) => `ansible.builtin.${name}`, '.j2'), {}));
  for (const item of items) {
    if (item.kind !== 'template') continue;
    await writeFile(join(templates.ours, `${item.name}.hbs`), item.source);
    await writeFile(join(templates.ansible, `${item.name}.j2`), item.source);
  }
  await writeFile(paths.floor, JSON.stringify(items));
  return paths;
}
