/**
 * Which of several values of a variable a host gets: Ansible's precedence for inventories, lowest first
 * (`VARIABLE_PRECEDENCE` and `vars/manager.py` of ansible-core 2.14). A later map replaces the
 * variables of an earlier one whole: maps are not merged (`hash_behaviour = replace`).
 */
import { dirname } from 'node:path';
import type { Value, ValueMap } from '../../support/value.ts';
import { copyEntryPosition } from '../positions.ts';
import { byCodePoint, type Group, type Host } from './data.ts';
import { isDirectory, isHostList } from './sources.ts';
import type { VarsFiles } from './vars-files.ts';

/** Depth first, then priority, then name: later ones win. */
export function sortGroups(groups: Iterable<Group>): Group[] {
  return [...groups].sort((a, b) => a.depth - b.depth || a.priority - b.priority || byCodePoint(a.name, b.name));
}

/** Maps laid over each other, later ones on top; places go with their values. */
export function overlay(maps: Iterable<ValueMap>): ValueMap {
  const out: Record<string, Value> = {};
  for (const map of maps) {
    for (const [key, value] of Object.entries(map)) {
      out[key] = value;
      copyEntryPosition(map, out, key);
    }
  }
  return out;
}

export class Variables {
  readonly #files: VarsFiles;
  readonly #all: Group;
  /** The directories whose group_vars/ and host_vars/ count, in the order of the sources. */
  readonly bases: readonly string[];
  readonly #playbook: string | undefined;

  constructor(files: VarsFiles, all: Group, sources: readonly string[], playbookDirectory: string | undefined) {
    this.#files = files;
    this.#all = all;
    this.bases = sources.filter((source) => !isHostList(source)).map((source) => (isDirectory(source) ? source : dirname(source)));
    this.#playbook = playbookDirectory;
  }

  #inventoryFiles(folder: 'group_vars' | 'host_vars', names: readonly string[]): ValueMap[] {
    return this.bases.flatMap((base) => names.flatMap((name) => this.#files.variables(base, folder, name)));
  }

  #playbookFiles(folder: 'group_vars' | 'host_vars', names: readonly string[]): ValueMap[] {
    const base = this.#playbook;
    return base === undefined ? [] : names.flatMap((name) => this.#files.variables(base, folder, name));
  }

  ofHost(host: Host): ValueMap {
    const groups = sortGroups([...host.groups].filter((group) => group !== this.#all));
    const names = groups.map((group) => group.name);
    return overlay([
      this.#all.vars,
      ...groups.map((group) => group.vars),
      ...this.#inventoryFiles('group_vars', [this.#all.name]),
      ...this.#playbookFiles('group_vars', [this.#all.name]),
      ...this.#inventoryFiles('group_vars', names),
      ...this.#playbookFiles('group_vars', names),
      host.vars,
      ...this.#inventoryFiles('host_vars', [host.name]),
      ...this.#playbookFiles('host_vars', [host.name]),
    ]);
  }

  /** Reads every file of variables that belongs to one of these, so that a broken one is refused early. */
  readFiles(hosts: Iterable<string>, groups: Iterable<string>): void {
    for (const folder of ['group_vars', 'host_vars'] as const) {
      const names = [...(folder === 'group_vars' ? groups : hosts)];
      this.#inventoryFiles(folder, names);
      this.#playbookFiles(folder, names);
    }
  }

  /** What is set for a group itself, without the groups above it. */
  ofGroup(group: Group): ValueMap {
    const own = overlay([group.vars, ...this.#inventoryFiles('group_vars', [group.name]), ...this.#playbookFiles('group_vars', [group.name])]);
    return group.priority === 1 ? own : overlay([own, { ansible_group_priority: group.priority }]);
  }
}
