/** The variables of each host during a run, layered by Ansible's precedence. */
import type { EncryptedValue } from '../language/encrypted.ts';
import type { Inventory } from '../language/inventory/index.ts';
import { lineageOf, type Attributes, type Play, type RoleUse } from '../language/playbook/model.ts';
import { createScope, lazyMap, lazyView } from '../language/scope.ts';
import type { Scope, VariableLayer } from '../language/scope-types.ts';
import type { BaseFacts } from '../host/view.ts';
import { Diagnostic } from '../support/diagnostic.ts';
import type { Secret } from '../support/secret.ts';
import type { Value, ValueMap } from '../support/value.ts';
import type { RunMode } from './events.ts';
import { UnknownValue } from './evaluate.ts';
import type { Together } from './together.ts';

/** Marks an argument to be left out, as Ansible's `omit`. Not a word anybody would write. */
export const OMIT = '__omit_place_holder__9f1c2b7e5d';

export interface VariablesInit {
  readonly inventory: Inventory;
  readonly extraVars: ValueMap;
  readonly mode: RunMode;
  readonly diff: boolean;
  readonly decrypt: ((encrypted: EncryptedValue) => Secret) | undefined;
  /** Where other workers have hosts of the run: which are here, and the names that tasks make, which are not known of those that are not. */
  readonly elsewhere?: Pick<Together, 'owns' | 'made'> | undefined;
}

/** What tasks of one host have learnt and set. */
interface HostMemory {
  facts: ValueMap;
  readonly included: Record<string, Value>;
  readonly set: Record<string, Value>;
  /** Registered results that check mode cannot know, with the reason. */
  readonly unknown: Map<string, string>;
  /** The host's own variables, until one changes. */
  hostScope: Scope | undefined;
  /** Variables of the tasks of one play by their role, until one changes: most tasks of a host share theirs. */
  taskScopes: { readonly play: PlayVariables; readonly byRole: Map<RoleUse | undefined, Scope> } | undefined;
}

/** Names that every host has without anybody setting them, for static checks. */
export const MAGIC_NAMES = [
  'inventory_hostname', 'inventory_hostname_short', 'group_names', 'groups', 'hostvars', 'inventory_dir', 'inventory_file',
  'ansible_facts', 'ansible_check_mode', 'ansible_diff_mode', 'ansible_verify_mode', 'ansible_play_name', 'ansible_play_hosts', 'ansible_play_hosts_all',
  'ansible_play_batch', 'play_hosts', 'playbook_dir', 'role_name', 'role_path', 'omit', 'ansible_loop', 'ansible_failed_task', 'ansible_failed_result',
  'ansible_host', 'ansible_port', 'ansible_user', 'care_version',
] as const;

/** Base facts as Ansible names them at the top level: `ansible_` in front. */
export function factVariables(base: BaseFacts): ValueMap {
  const { epoch: _epoch, ...facts } = base;
  const plain: Record<string, Value> = { ...facts, default_ipv4: facts.default_ipv4 === null ? {} : { ...facts.default_ipv4 } };
  const out: Record<string, Value> = { ansible_facts: plain };
  for (const [name, value] of Object.entries(plain)) out[`ansible_${name}`] = value;
  out['ansible_date_time'] = { epoch: String(base.epoch), iso8601: new Date(base.epoch * 1000).toISOString() };
  return out;
}

export class Variables {
  readonly #init: VariablesInit;
  readonly #memory = new Map<string, HostMemory>();
  readonly #inventoryVars = new Map<string, ValueMap>();
  readonly #groups: ValueMap;
  /** `hostvars` together with a play's lists of hosts. */
  readonly #live = new WeakMap<ValueMap, VariableLayer>();

  constructor(init: VariablesInit) {
    this.#init = init;
    this.#groups = Object.fromEntries(init.inventory.groups().map((g) => [g, [...init.inventory.hostsOfGroup(g)]]));
  }

  #of(host: string): HostMemory {
    let memory = this.#memory.get(host);
    if (memory === undefined) {
      memory = { facts: {}, included: {}, set: {}, unknown: new Map(), hostScope: undefined, taskScopes: undefined };
      this.#memory.set(host, memory);
    }
    return memory;
  }

  /** Whether base facts of the host have been learnt before. */
  knowsFacts(host: string): boolean {
    return this.#memory.get(host)?.facts['ansible_facts'] !== undefined;
  }

  learnFacts(host: string, base: BaseFacts): void {
    const memory = this.#of(host);
    memory.facts = factVariables(base);
    changed(memory);
  }

  set(host: string, values: ValueMap): void {
    const memory = this.#of(host);
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(memory.set, name, { value, enumerable: true, configurable: true, writable: true });
      memory.unknown.delete(name);
    }
    changed(memory);
  }

  include(host: string, values: ValueMap): void {
    const memory = this.#of(host);
    // Defined, not assigned: a variable called __proto__ is one like any other.
    for (const [name, value] of Object.entries(values)) Object.defineProperty(memory.included, name, { value, enumerable: true, configurable: true, writable: true });
    changed(memory);
  }

  /** Check mode: the variable will have a value that only doing can tell. */
  setUnknown(host: string, name: string, because: string): void {
    const memory = this.#of(host);
    memory.unknown.set(name, because);
    // Asking for it must fail, and the failure say "unknown": an absent variable would make `defined` and `default` guess.
    Object.defineProperty(memory.set, name, {
      enumerable: true,
      configurable: true,
      get: () => {
        throw new UnknownValue(because);
      },
    });
    changed(memory);
  }

  unknownNames(host: string): ReadonlyMap<string, string> {
    return this.#of(host).unknown;
  }

  inventoryVars(host: string): ValueMap {
    let vars = this.#inventoryVars.get(host);
    if (vars === undefined) {
      vars = this.#init.inventory.variablesOf(host);
      this.#inventoryVars.set(host, vars);
    }
    return vars;
  }

  #magic(host: string): ValueMap {
    const inventory = this.#init.inventory;
    return {
      ...inventory.magicVariablesOf(host),
      groups: this.#groups,
      ansible_check_mode: this.#init.mode === 'check',
      ansible_verify_mode: this.#init.mode === 'verify',
      ansible_diff_mode: this.#init.diff,
      omit: OMIT,
    };
  }

  #hostvarsLayer: VariableLayer | undefined;

  /** Lazily: a host's variables are rendered only when asked for. Never kept: they change as hosts go on. */
  #hostvars(): VariableLayer {
    if (this.#hostvarsLayer !== undefined) return this.#hostvarsLayer;
    const all: Record<string, Value> = {};
    for (const host of this.#init.inventory.hosts) {
      Object.defineProperty(all, host, { enumerable: true, get: () => this.#viewOf(host) });
    }
    this.#hostvarsLayer = { values: { hostvars: all }, templated: false };
    return this.#hostvarsLayer;
  }

  /** What `hostvars` has of a host. What only its own worker knows must not look as if it were not defined: `default` would then guess. */
  #viewOf(host: string): ValueMap {
    const scope = this.hostScope(host);
    const { elsewhere } = this.#init;
    if (elsewhere === undefined || elsewhere.owns(host)) return lazyView(scope);
    const { made } = elsewhere;
    return lazyMap([...new Set([...scope.names(), ...made])], (name) => {
      if (!made.has(name)) return scope.get(name);
      throw new Diagnostic({ kind: 'failed', code: 'not-shared', summary: `${name} of ${host} is not known here: a task makes it, and another worker has that host`, remedy: 'run this without --workers (docs/workers.md)' });
    });
  }

  /**
   * A host's own variables: inventory, facts, what its tasks have set, extra vars. What they are rendered to is kept until
   * one changes, but for what looks at other hosts: that is on top, in a layer of each asker's own.
   */
  hostScope(host: string): Scope {
    const memory = this.#of(host);
    memory.hostScope ??= this.#scope([
      { values: this.inventoryVars(host), templated: true },
      { values: memory.facts, templated: false },
      { values: memory.included, templated: true },
      { values: memory.set, templated: false },
      { values: this.#init.extraVars, templated: true },
      { values: this.#magic(host), templated: false },
    ]);
    return memory.hostScope.child(this.#hostvars());
  }

  #scope(layers: readonly VariableLayer[]): Scope {
    return this.#init.decrypt === undefined ? createScope(layers) : createScope(layers, { decrypt: this.#init.decrypt });
  }

  /**
   * All variables that a task sees on a host, lowest precedence first. Tasks without variables of their own share what is
   * rendered; what looks at other hosts (`hostvars`, who is still in the play) is rendered for each task anew.
   */
  taskScope(host: string, play: PlayVariables, attributes: Attributes): Scope {
    const live = this.#liveLayer(play);
    if (attributes.vars.length > 0) return this.#taskLayers(host, play, attributes).child(live);
    const memory = this.#of(host);
    if (memory.taskScopes?.play !== play) memory.taskScopes = { play, byRole: new Map() };
    const { byRole } = memory.taskScopes;
    let scope = byRole.get(attributes.role);
    if (scope === undefined) {
      scope = this.#taskLayers(host, play, attributes);
      byRole.set(attributes.role, scope);
    }
    return scope.child(live);
  }

  #liveLayer(play: PlayVariables): VariableLayer {
    const lists = play.live();
    let layer = this.#live.get(lists);
    if (layer === undefined) {
      layer = { values: { ...this.#hostvars().values, ...lists }, templated: false };
      this.#live.set(lists, layer);
    }
    return layer;
  }

  #taskLayers(host: string, play: PlayVariables, attributes: Attributes): Scope {
    const memory = this.#of(host);
    const roles = lineageOf(attributes.role);
    return this.#scope([
      ...play.roleDefaults.map((values) => ({ values, templated: true })),
      ...roles.map((use) => ({ values: use.role.defaults, templated: true })),
      { values: this.inventoryVars(host), templated: true },
      { values: memory.facts, templated: false },
      { values: play.vars, templated: true },
      ...play.varsFiles.map((values) => ({ values, templated: true })),
      ...roles.map((use) => ({ values: use.role.vars, templated: true })),
      ...attributes.vars,
      { values: memory.included, templated: true },
      { values: memory.set, templated: false },
      ...roles.map((use) => ({ values: use.params, templated: true })),
      { values: this.#init.extraVars, templated: true },
      { values: { ...this.#magic(host), ...play.magic, ...roleMagic(attributes) }, templated: false },
    ]);
  }
}

/** A layer over the host's variables must not change while a scope is in use: new ones are made. */
function changed(memory: HostMemory): void {
  memory.hostScope = undefined;
  memory.taskScopes = undefined;
}

function roleMagic(attributes: Attributes): ValueMap {
  const role = attributes.role;
  return role === undefined ? {} : { role_name: role.role.name, role_path: role.role.directory };
}

/** The play's share of the variables. */
export interface PlayVariables {
  readonly roleDefaults: readonly ValueMap[];
  readonly vars: ValueMap;
  readonly varsFiles: readonly ValueMap[];
  /** The play's name and folder. */
  readonly magic: ValueMap;
  /** Who is in the play; the same object until that changes. */
  readonly live: () => ValueMap;
}

export interface PlayHosts {
  readonly all: readonly string[];
  readonly batch: readonly string[];
  readonly present: () => readonly string[];
  /** Another number whenever `present` may have changed. */
  readonly changes: () => number;
}

export function playVariables(play: Play, varsFiles: readonly ValueMap[], hosts: PlayHosts): PlayVariables {
  let seen: { readonly changes: number; readonly values: ValueMap } | undefined;
  return {
    roleDefaults: play.roles.map((use) => use.role.defaults),
    vars: play.vars,
    varsFiles,
    magic: { ansible_play_name: play.name, playbook_dir: play.directory },
    live: () => {
      const changes = hosts.changes();
      if (seen?.changes !== changes) {
        const present = [...hosts.present()];
        seen = { changes, values: { ansible_play_hosts_all: [...hosts.all], ansible_play_hosts: present, play_hosts: present, ansible_play_batch: [...hosts.batch] } };
      }
      return seen.values;
    },
  };
}
