/** What `ansible-inventory` prints: `--list`, `--host` and `--graph` (ansible-core 2.14's `cli/inventory.py`). */
import { MASK, Secret } from '../../support/secret.ts';
import type { ValueMap } from '../../support/value.ts';
import { EncryptedValue, UnsafeText, VaultValue } from '../encrypted.ts';
import { byCodePoint, hostsOf, type Group, type Host, type InventoryData } from './data.ts';
import { pythonText } from './python-text.ts';
import type { Variables } from './variables.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Variables that Ansible sets by itself and leaves out of its lists, whoever set them. */
const INTERNAL: ReadonlySet<string> = new Set([
  'ansible_diff_mode',
  'ansible_config_file',
  'ansible_facts',
  'ansible_forks',
  'ansible_inventory_sources',
  'ansible_limit',
  'ansible_playbook_python',
  'ansible_run_tags',
  'ansible_skip_tags',
  'ansible_verbosity',
  'ansible_version',
  'inventory_dir',
  'inventory_file',
  'inventory_hostname',
  'inventory_hostname_short',
  'groups',
  'group_names',
  'omit',
  'playbook_dir',
]);

function toJson(value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return value;
  if (value instanceof Secret) return MASK;
  if (value instanceof EncryptedValue) return { __care_secret: value.armored };
  if (value instanceof VaultValue) return { __ansible_vault: value.ciphertext };
  if (value instanceof UnsafeText) return { __ansible_unsafe: value.text };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  throw new Error(`a variable holds ${typeof value}, which no inventory can say`);
}

function visible(variables: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(variables).filter(([key]) => !INTERNAL.has(key)));
}

export function variablesJson(variables: ValueMap): { readonly [key: string]: Json } {
  return Object.fromEntries(Object.entries(visible(variables)).map(([key, value]) => [key, toJson(value)]));
}

/** The object of `ansible-inventory --list`. */
export function listJson(data: InventoryData, variablesOf: (host: Host) => ValueMap): { readonly [key: string]: Json } {
  const out: Record<string, Json> = {};
  const seen = new Set<Group>();
  const add = (group: Group): void => {
    if (seen.has(group)) return;
    seen.add(group);
    const entry: Record<string, Json> = {};
    if (group !== data.all && group.hosts.size > 0) entry['hosts'] = [...group.hosts].map((host) => host.name);
    if (group.children.length > 0) entry['children'] = group.children.map((child) => child.name);
    if (Object.keys(entry).length > 0) out[group.name] = entry;
    for (const child of group.children) add(child);
  };
  add(data.all);
  const hostvars: Record<string, Json> = {};
  for (const host of hostsOf(data.all)) {
    const own = variablesJson(variablesOf(host));
    if (Object.keys(own).length > 0) hostvars[host.name] = own;
  }
  out['_meta'] = { hostvars };
  return out;
}

/** The text of `ansible-inventory --graph [--vars]`, from one group down; lines without a final newline. */
export function graphText(start: Group, data: InventoryData, variables: Variables, showVariables: boolean): string {
  const lines: string[] = [];
  const line = (text: string, depth: number): void => {
    lines.push(depth === 0 ? text : `${'  |'.repeat(depth)}--${text}`);
  };
  const show = (map: ValueMap, depth: number): void => {
    if (!showVariables) return;
    const shown = visible(map);
    for (const key of Object.keys(shown).sort(byCodePoint)) line(`{${key} = ${pythonText(shown[key])}}`, depth);
  };
  const add = (group: Group, depth: number): void => {
    line(`@${group.name}:`, depth);
    for (const child of group.children) add(child, depth + 1);
    if (group !== data.all) {
      for (const host of group.hosts) {
        line(host.name, depth + 1);
        show(variables.ofHost(host), depth + 2);
      }
    }
    show(variables.ofGroup(group), depth + 1);
  };
  add(start, 0);
  return lines.join('\n');
}

/**
 * JSON in the layout of `ansible-inventory`: four spaces, keys sorted by code point, other scripts as
 * they are. Infinity and NaN, which JSON lacks, come out as Python writes them.
 *
 * @returns text without a final newline
 */
export function formatJson(value: Json, indent = ''): string {
  const inner = `${indent}    `;
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : String(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isJsonList(value)) return value.length === 0 ? '[]' : `[\n${value.map((item) => inner + formatJson(item, inner)).join(',\n')}\n${indent}]`;
  const map = value;
  const keys = Object.keys(map).sort(byCodePoint);
  if (keys.length === 0) return '{}';
  return `{\n${keys.map((key) => `${inner}${JSON.stringify(key)}: ${formatJson(map[key] ?? null, inner)}`).join(',\n')}\n${indent}}`;
}

function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
