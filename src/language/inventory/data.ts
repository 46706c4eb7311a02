/**
 * Hosts and groups as they are read, with Ansible's rules for how groups nest, how deep they lie and
 * who is ungrouped (`inventory/data.py` and `inventory/group.py` of ansible-core 2.14).
 */
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import type { Span } from '../../support/source.ts';
import type { Value } from '../../support/value.ts';
import { copyEntryPosition } from '../positions.ts';

export interface Group {
  readonly name: string;
  /** Where its hosts are written, the first time. */
  span: Span | undefined;
  /** Longest way down from `all`: variables of deeper groups win. */
  depth: number;
  /** `ansible_group_priority`: decides between groups of one depth. */
  priority: number;
  readonly vars: Record<string, Value>;
  /** Direct members, in the order of the inventory. */
  readonly hosts: Set<Host>;
  readonly children: Group[];
  readonly parents: Group[];
}

export interface Host {
  readonly name: string;
  readonly vars: Record<string, Value>;
  /** Every group that the host is in, directly or through children. */
  readonly groups: Set<Group>;
  /** The file that named the host first; undefined for hosts named on the command line. */
  readonly file: string | undefined;
}

/** Compares by code points, as Python sorts. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function walk(start: Group, relation: 'parents' | 'children'): Set<Group> {
  const seen = new Set<Group>();
  let level = start[relation];
  while (level.length > 0) {
    const next: Group[] = [];
    for (const group of level) {
      if (seen.has(group)) continue;
      seen.add(group);
      next.push(...group[relation]);
    }
    level = next;
  }
  return seen;
}

/** All groups above a group. */
export function ancestors(group: Group): Set<Group> {
  return walk(group, 'parents');
}

/**
 * The hosts of a group and of the groups below it: its own first, then level by level. Within a level
 * the inventory's order holds (Ansible leaves the order of the third level and deeper to chance).
 */
export function hostsOf(group: Group): Host[] {
  return [...new Set([group, ...walk(group, 'children')].flatMap((g) => [...g.hosts]))];
}

export class InventoryData {
  readonly groups = new Map<string, Group>();
  readonly hosts = new Map<string, Host>();
  readonly warnings: Diagnostic[] = [];
  readonly all: Group;
  readonly ungrouped: Group;

  constructor() {
    this.all = this.addGroup('all');
    this.ungrouped = this.addGroup('ungrouped');
    this.addChild(this.all, this.ungrouped, undefined);
  }

  addGroup(name: string): Group {
    let group = this.groups.get(name);
    if (group === undefined) {
      group = { name, span: undefined, depth: 0, priority: 1, vars: {}, hosts: new Set(), children: [], parents: [] };
      this.groups.set(name, group);
    }
    return group;
  }

  /** @param port becomes `ansible_port`, and only where the host is named for the first time */
  addHost(name: string, group: Group, port: number | undefined, file: string | undefined): Host {
    let host = this.hosts.get(name);
    if (host === undefined) {
      host = { name, vars: {}, groups: new Set(), file };
      if (port !== undefined && port !== 0) host.vars['ansible_port'] = port;
      this.hosts.set(name, host);
    }
    this.#join(group, host);
    return host;
  }

  #join(group: Group, host: Host): void {
    if (group.hosts.has(host)) return;
    group.hosts.add(host);
    for (const above of ancestors(group)) host.groups.add(above);
    host.groups.add(group);
  }

  /** @throws Diagnostic (`circular-group`) when `child` contains `parent` */
  addChild(parent: Group, child: Group, span: Span | undefined): void {
    if (parent === child || ancestors(parent).has(child)) {
      throw badInput('circular-group', `group ${child.name} cannot be inside ${parent.name}: it contains it`, {
        span,
        detail: `the circle is ${circle(child, parent).join(' > ')}`,
      });
    }
    if (parent.children.includes(child)) return;
    parent.children.push(child);
    child.parents.push(parent);
    deepen(child, parent.depth + 1);
    const above = [parent, ...ancestors(parent)];
    for (const host of hostsOf(child)) for (const group of above) host.groups.add(group);
  }

  /**
   * Sets a variable of the group or host of this name. As in Ansible the group wins when there are both.
   *
   * @param source the map that the variable stands in, for its place
   */
  setVariable(name: string, key: string, value: Value, source: object): void {
    const group = this.groups.get(name);
    if (group !== undefined && key === 'ansible_group_priority') {
      group.priority = Number(value);
      return;
    }
    const target = group ?? this.hosts.get(name);
    if (target === undefined) throw new Error(`no group or host ${name} to set ${key} for`);
    target.vars[key] = value;
    copyEntryPosition(source, target.vars, key);
  }

  /** After all sources: groups without a parent go under `all`, hosts without a group into `ungrouped`. */
  reconcile(): void {
    for (const group of this.groups.values()) if (group !== this.all && ancestors(group).size === 0) this.addChild(this.all, group, undefined);
    for (const host of this.hosts.values()) {
      const others = [...host.groups].filter((group) => group !== this.all && group !== this.ungrouped);
      if (host.groups.has(this.ungrouped)) {
        if (others.length > 0) this.#leaveUngrouped(host);
      } else if (others.length === 0) {
        this.#join(this.ungrouped, host);
      }
    }
    for (const name of this.groups.keys()) {
      if (this.hosts.has(name)) {
        this.warnings.push(
          badInput('group-and-host', `${name} is both a group and a host`, {
            detail: 'as in Ansible, variables set for the host after the group was named go to the group',
            remedy: 'rename one of them',
          }),
        );
      }
    }
  }

  #leaveUngrouped(host: Host): void {
    if (!this.ungrouped.hosts.delete(host)) return;
    host.groups.delete(this.ungrouped);
  }
}

function deepen(group: Group, depth: number): void {
  if (group.depth >= depth) return;
  group.depth = depth;
  for (const child of group.children) deepen(child, depth + 1);
}

/** The names on the way from a group down to one below it, and back to the first. */
function circle(from: Group, to: Group): string[] {
  const way = (group: Group): string[] | undefined => {
    if (group === to) return [group.name];
    for (const child of group.children) {
      const rest = way(child);
      if (rest !== undefined) return [group.name, ...rest];
    }
    return undefined;
  };
  return [...(way(from) ?? [from.name]), from.name];
}
