/** Ansible's YAML inventories, read as Ansible reads them. `docs/inventory.md` says what is supported. */
import { dirname } from 'node:path';
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import type { Span } from '../../support/source.ts';
import { suggestion } from '../../support/nearest.ts';
import type { ValueMap } from '../../support/value.ts';
import { byCodePoint, hostsOf, InventoryData, type Group, type Host } from './data.ts';
import { formatJson, graphText, listJson, variablesJson, type Json } from './output.ts';
import { LOCALHOST, Selector, splitPattern, type Warn } from './patterns.ts';
import { isIpAddress } from './ranges.ts';
import { readSource } from './sources.ts';
import { overlay, Variables } from './variables.ts';
import { VarsFiles, type DecryptFile } from './vars-files.ts';

export { formatJson, type Json, type DecryptFile, type Warn };

export interface InventoryOptions {
  /** Directory of the playbook: its group_vars/ and host_vars/ win over those of the inventory. */
  readonly playbookDirectory?: string | undefined;
  /** Opens files of variables that are encrypted whole; without it such a file is refused. */
  readonly decryptFile?: DecryptFile | undefined;
}

export interface Inventory {
  /** All hosts, in the order in which Ansible goes through `all`. */
  readonly hosts: readonly string[];
  /** Things to tell the user that are no errors: files without an owner, names used twice. */
  readonly warnings: readonly Diagnostic[];
  /** Group names in the order in which the sources name them, `all` and `ungrouped` first. */
  groups(): readonly string[];
  /** The hosts of a group and the groups below it. @throws Diagnostic for an unknown group */
  hostsOfGroup(group: string): readonly string[];
  /** Where the hosts of a group are written; undefined for a group that is in no YAML file. */
  placeOfGroup(group: string): Span | undefined;
  /** `group_names`: the groups of a host, sorted, without `all`. @throws Diagnostic for an unknown host */
  groupsOf(host: string): readonly string[];
  /**
   * The variables of a host by Ansible's precedence, not rendered; `spanOf(map, name)` knows where each
   * was set. The implicit localhost has those of `all` and `ansible_connection: local`.
   *
   * @throws Diagnostic for an unknown host
   */
  variablesOf(host: string): ValueMap;
  /** inventory_hostname, inventory_hostname_short, group_names, inventory_file and inventory_dir. */
  magicVariablesOf(host: string): ValueMap;
  /**
   * The hosts of a pattern, in its order.
   *
   * @param limit a second pattern that leaves only its own hosts (`--limit`); `@FILE` reads one pattern a line
   * @param warn is told of parts of `pattern` that match nothing
   * @throws Diagnostic when a part of `limit` matches nothing
   */
  select(pattern: string, limit?: string, warn?: Warn): readonly string[];
  /** The object of `ansible-inventory --list`; print it with {@link formatJson}. */
  list(): { readonly [key: string]: Json };
  /** The object of `ansible-inventory --host NAME`. @throws Diagnostic for an unknown host */
  hostJson(name: string): { readonly [key: string]: Json };
  /** The text of `ansible-inventory --graph [GROUP] [--vars]`, without a final newline. */
  graph(options?: { readonly group?: string | undefined; readonly variables?: boolean | undefined }): string;
}

/**
 * Reads inventories: files, directories, or lists of names such as `web1,web2,`. Later sources add to
 * earlier ones and win over them.
 *
 * @throws Diagnostic or DiagnosticList (bad-input)
 */
export function loadInventory(sources: readonly string[], options: InventoryOptions = {}): Inventory {
  const data = new InventoryData();
  for (const source of sources) readSource(source, data);
  data.reconcile();
  const files = new VarsFiles(options.decryptFile);
  const variables = new Variables(files, data.all, sources, options.playbookDirectory);
  return new LoadedInventory(data, files, variables);
}

class LoadedInventory implements Inventory {
  readonly hosts: readonly string[];
  readonly warnings: readonly Diagnostic[];
  readonly #data: InventoryData;
  readonly #variables: Variables;
  readonly #selector: Selector;
  readonly #merged = new Map<string, ValueMap>();

  constructor(data: InventoryData, files: VarsFiles, variables: Variables) {
    this.#data = data;
    this.#variables = variables;
    this.#selector = new Selector(data);
    this.hosts = hostsOf(data.all).map((host) => host.name);
    // Every file of variables is read now, so that a broken one is refused before any host is touched.
    variables.readFiles([...data.hosts.keys(), ...LOCALHOST], data.groups.keys());
    const unused = [...new Set(variables.bases)].flatMap((base) => [
      ...files.unused(base, 'group_vars', data.groups.keys()),
      ...files.unused(base, 'host_vars', [...data.hosts.keys(), ...LOCALHOST]),
    ]);
    this.warnings = [...data.warnings, ...files.warnings, ...unused];
  }

  groups(): readonly string[] {
    return [...this.#data.groups.keys()];
  }

  #group(name: string): Group {
    const group = this.#data.groups.get(name);
    if (group === undefined) throw badInput('unknown-group', `there is no group ${name} in the inventory`, { remedy: suggestion(name, this.#data.groups.keys()) });
    return group;
  }

  #host(name: string): Host {
    const host = this.#data.hosts.get(name) ?? this.#implicit(name);
    if (host === undefined) throw badInput('unknown-host', `there is no host ${name} in the inventory`, { remedy: suggestion(name, this.#data.hosts.keys()) });
    return host;
  }

  #implicit(name: string): Host | undefined {
    if (!LOCALHOST.includes(name)) return undefined;
    return this.#data.hosts.get(this.#selector.localhost(name)) ?? { name, vars: { ansible_connection: 'local' }, groups: new Set(), file: undefined };
  }

  placeOfGroup(group: string): Span | undefined {
    return this.#data.groups.get(group)?.span;
  }

  hostsOfGroup(group: string): readonly string[] {
    return hostsOf(this.#group(group)).map((host) => host.name);
  }

  groupsOf(host: string): readonly string[] {
    return [...this.#host(host).groups]
      .filter((group) => group !== this.#data.all)
      .map((group) => group.name)
      .sort(byCodePoint);
  }

  variablesOf(name: string): ValueMap {
    let merged = this.#merged.get(name);
    if (merged === undefined) {
      merged = this.#variables.ofHost(this.#host(name));
      this.#merged.set(name, merged);
    }
    return merged;
  }

  magicVariablesOf(name: string): ValueMap {
    const host = this.#host(name);
    return overlay([
      {
        inventory_hostname: host.name,
        inventory_hostname_short: isIpAddress(host.name) ? host.name : (host.name.split('.')[0] ?? host.name),
        group_names: this.groupsOf(name),
        inventory_file: host.file ?? null,
        inventory_dir: host.file === undefined ? null : dirname(host.file),
      },
    ]);
  }

  select(pattern: string, limit?: string, warn: Warn = () => undefined): readonly string[] {
    const chosen = this.#selector.evaluate(splitPattern(pattern), warn);
    if (limit === undefined) return chosen;
    const allowed = this.#selector.limit(limit);
    return chosen.filter((host) => allowed.has(host));
  }

  list(): { readonly [key: string]: Json } {
    return listJson(this.#data, (host) => this.variablesOf(host.name));
  }

  hostJson(name: string): { readonly [key: string]: Json } {
    return variablesJson(this.variablesOf(name));
  }

  graph(options: { readonly group?: string | undefined; readonly variables?: boolean | undefined } = {}): string {
    return graphText(this.#group(options.group ?? 'all'), this.#data, this.#variables, options.variables === true);
  }
}
