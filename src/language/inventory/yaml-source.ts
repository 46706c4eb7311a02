/** One YAML inventory file: groups, hosts and their variables (Ansible's `plugins/inventory/yaml.py`). */
import { resolve } from 'node:path';
import { badInput, Diagnostic, DiagnosticList } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import type { SourceFile, Span } from '../../support/source.ts';
import { isList, isMap, typeName, type Value, type ValueMap } from '../../support/value.ts';
import { keysInFileOrder, keySpanOf, spanOf } from '../positions.ts';
import { resolveAnsible } from '../scalars.ts';
import { parseYaml } from '../yaml.ts';
import type { Group, InventoryData } from './data.ts';
import { expandHostPattern, RangeProblem } from './ranges.ts';

const SECTIONS = ['hosts', 'children', 'vars'] as const;
const INI_SECTION = /^\s*\[[^\]\n]+\]\s*$/m;
const MAX_GROUP_DEPTH = 100;

/** The refusal of a file that Ansible might read with another plugin than YAML. */
export function notYaml(path: string, why: string): Diagnostic {
  return badInput('not-a-yaml-inventory', `${path} is not a YAML inventory`, {
    detail: why,
    remedy: 'INI, TOML and dynamic inventories are not read: convert it with ansible-inventory --list --yaml --export --output FILE.yml, or move it out of the inventory',
  });
}

function parse(file: SourceFile, hasYamlName: boolean): Value {
  if (file.text.startsWith('#!')) throw notYaml(file.path, 'it begins with #!, so Ansible would run it as a dynamic inventory');
  if (file.text.startsWith('$ANSIBLE_VAULT')) {
    throw badInput('vault-file', `${file.path} is encrypted with Ansible's vault`, { remedy: 'decrypt it with ansible-vault, and keep its secrets as !secret values' });
  }
  try {
    return parseYaml(file, { dialect: 'ansible' });
  } catch (error) {
    if (!hasYamlName && INI_SECTION.test(file.text)) throw notYaml(file.path, 'it has [sections], so it seems to be in INI form');
    throw error;
  }
}

/**
 * Adds one file to an inventory.
 *
 * @param hasYamlName whether the name ends in .yml, .yaml or .json: without, the file may be an INI one
 * @throws Diagnostic or DiagnosticList (bad-input)
 */
export function readYamlInventory(file: SourceFile, data: InventoryData, hasYamlName: boolean): void {
  const root = parse(file, hasYamlName);
  if (root === null) return;
  if (!isMap(root)) {
    if (!hasYamlName) throw notYaml(file.path, `its content is ${typeName(root)} for YAML, not a map of groups`);
    throw badInput('inventory-structure', `an inventory must be a map of groups, not ${typeName(root)}`, { span: { file, start: 0, end: 1 } });
  }
  const plugin = root['plugin'];
  if (plugin !== undefined && plugin !== null && plugin !== '') {
    throw badInput('inventory-plugin', `this file configures an inventory plugin${typeof plugin === 'string' ? `, ${plugin}` : ''}`, {
      span: keySpanOf(root, 'plugin'),
      detail: 'dynamic inventories are not supported',
      remedy: 'write its result to a file: ansible-inventory --list --yaml --export --output FILE.yml',
    });
  }
  const reader = new Reader(data, resolve(file.path));
  for (const name of keysInFileOrder(root)) reader.group(root, name, 0);
  const [first, ...others] = reader.problems;
  if (first !== undefined) throw others.length === 0 ? first : new DiagnosticList([first, ...others]);
}

class Reader {
  readonly problems: Diagnostic[] = [];
  readonly #data: InventoryData;
  readonly #path: string;

  constructor(data: InventoryData, path: string) {
    this.#data = data;
    this.#path = path;
  }

  #refuse(summary: string, span: Span | undefined, more: { detail?: string | undefined; remedy?: string | undefined } = {}): void {
    this.problems.push(badInput('inventory-structure', summary, { span, ...more }));
  }

  /** @returns the group; undefined when it was refused */
  group(container: ValueMap, name: string, depth: number): Group | undefined {
    const place = keySpanOf(container, name);
    if (!this.#isText(container, name)) {
      this.#refuse(`a group's name must be text, not ${name}`, place, { remedy: `quote it: "${name}"` });
      return undefined;
    }
    if (name === '') {
      this.#refuse("a group's name must not be empty", place);
      return undefined;
    }
    if (depth > MAX_GROUP_DEPTH) {
      this.#refuse(`groups may lie ${MAX_GROUP_DEPTH} deep at most`, place);
      return undefined;
    }
    const content = container[name] ?? null;
    if (content !== null && !isMap(content)) {
      this.#refuse(`group ${name} must be a map with hosts, children or vars, not ${typeName(content)}`, spanOf(container, name) ?? place);
      return undefined;
    }
    const group = this.#data.addGroup(name);
    if (content !== null && ('hosts' in content || 'children' in content)) group.span ??= place;
    if (content !== null) for (const section of keysInFileOrder(content)) this.#section(group, content, section, depth);
    return group;
  }

  #section(group: Group, content: ValueMap, section: string, depth: number): void {
    const known = SECTIONS.find((name) => name === section);
    if (known === undefined) {
      this.#refuse(`${section} is not known in group ${group.name}: a group has hosts, children and vars`, keySpanOf(content, section), {
        remedy: suggestion(section, SECTIONS) ?? `a group goes under children, a variable under vars`,
      });
      return;
    }
    const value = content[section] ?? null;
    if (value === null) return;
    // As in Ansible, one bare word stands for a map with that one key.
    const entries: Value = typeof value === 'string' ? { [value]: null } : value;
    if (!isMap(entries)) {
      const remedy = isList(value) ? 'write each as a key: "name:" in place of "- name"' : undefined;
      this.#refuse(`${section} of group ${group.name} must be a map, not ${typeName(value)}`, spanOf(content, section), { remedy });
      return;
    }
    for (const key of keysInFileOrder(entries)) {
      if (known === 'vars') this.#variable(group.name, entries, key);
      else if (known === 'hosts') this.#hosts(group, entries, key);
      else this.#child(group, entries, key, depth);
    }
  }

  #child(group: Group, entries: ValueMap, name: string, depth: number): void {
    const child = this.group(entries, name, depth + 1);
    if (child === undefined) return;
    try {
      this.#data.addChild(group, child, keySpanOf(entries, name));
    } catch (error) {
      if (!(error instanceof Diagnostic)) throw error;
      this.problems.push(error);
    }
  }

  #hosts(group: Group, entries: ValueMap, pattern: string): void {
    const place = keySpanOf(entries, pattern);
    if (!this.#isText(entries, pattern)) {
      this.#refuse(`a host's name must be text, not ${pattern}`, place, { remedy: `quote it: "${pattern}"` });
      return;
    }
    const value = entries[pattern] ?? null;
    const empty = value === null || value === '' || value === false || value === 0 || (isList(value) && value.length === 0);
    if (!empty && !isMap(value)) {
      this.#refuse(`the variables of host ${pattern} must be a map, not ${typeName(value)}`, spanOf(entries, pattern) ?? place);
      return;
    }
    const variables = isMap(value) ? value : {};
    for (const name of this.#expand(pattern, place)) {
      this.#data.addHost(name.name, group, name.port, this.#path);
      for (const key of keysInFileOrder(variables)) this.#variable(name.name, variables, key);
    }
  }

  #expand(pattern: string, place: Span | undefined): { readonly name: string; readonly port: number | undefined }[] {
    if (pattern === '') {
      this.#refuse("a host's name must not be empty", place);
      return [];
    }
    try {
      const { names, port } = expandHostPattern(pattern);
      return names.map((name) => ({ name, port }));
    } catch (error) {
      if (!(error instanceof RangeProblem)) throw error;
      this.#refuse(`the host name ${pattern} cannot be expanded: ${error.message}`, place);
      return [];
    }
  }

  #variable(owner: string, source: ValueMap, key: string): void {
    const value = source[key] ?? null;
    if (key === 'ansible_group_priority' && this.#data.groups.has(owner) && !isIntegral(value)) {
      this.#refuse(`ansible_group_priority of ${owner} must be an integer, not ${typeName(value)}`, spanOf(source, key));
      return;
    }
    this.#data.setVariable(owner, key, value, source);
  }

  /** False for names that YAML reads as numbers, truth values or null, which Ansible refuses. */
  #isText(container: ValueMap, key: string): boolean {
    const span = keySpanOf(container, key);
    if (span === undefined) return true;
    const written = span.file.text.slice(span.start, span.end);
    if (/^["'*&!]/.test(written)) return true;
    const result = resolveAnsible(written.trim());
    return !result.ok || typeof result.value === 'string';
  }
}

function isIntegral(value: Value): boolean {
  return (typeof value === 'number' && Number.isInteger(value)) || (typeof value === 'string' && /^\s*[-+]?[0-9]+\s*$/.test(value));
}
