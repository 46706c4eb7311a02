/** From paths to inventory files: which entries of a directory Ansible reads, and in which order. */
import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import { readSourceFile } from '../yaml.ts';
import { byCodePoint, type InventoryData } from './data.ts';
import { expandHostPattern } from './ranges.ts';
import { notYaml, readYamlInventory } from './yaml-source.ts';

/** `INVENTORY_IGNORE_EXTS` and the fixed names of ansible-core 2.14's `inventory/manager.py`; artifacts.yml is ours, and no source of hosts. */
const IGNORED =
  /^\.|^artifacts\.yml$|^host_vars$|^group_vars$|^vars_plugins$|\.pyc$|\.pyo$|\.swp$|\.bak$|~$|\.rpm$|\.md$|\.txt$|\.rst$|\.orig$|\.ini$|\.cfg$|\.retry$/;
const YAML_NAMES = ['.yml', '.yaml', '.json'];
const MAX_DIRECTORY_DEPTH = 20;

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A source such as `web1,web2,`: names in place of a file. */
export function isHostList(source: string): boolean {
  return source.includes(',') && !exists(source);
}

/**
 * Reads one source into an inventory: a file, a directory, or a list of hosts with commas.
 *
 * @throws Diagnostic or DiagnosticList (bad-input)
 */
export function readSource(source: string, data: InventoryData, depth = 0): void {
  if (depth === 0 && isHostList(source)) {
    readHostList(source, data);
    return;
  }
  if (isDirectory(source)) {
    if (depth > MAX_DIRECTORY_DEPTH) throw badInput('inventory-too-deep', `${source} lies too deep in the inventory`, { remedy: 'look for a link that leads back up' });
    for (const entry of readdirSync(source).sort(byCodePoint)) if (!IGNORED.test(entry)) readSource(join(source, entry), data, depth + 1);
    return;
  }
  const extension = extname(source);
  if (extension !== '' && !YAML_NAMES.includes(extension)) {
    if (exists(source)) throw notYaml(source, `its name ends in ${extension}; YAML inventories end in .yml, .yaml, .json or have no ending`);
    throw badInput('unreadable-file', `cannot read ${source}: there is no such file`);
  }
  readYamlInventory(readSourceFile(source), data, extension !== '');
}

function readHostList(source: string, data: InventoryData): void {
  for (const part of source.split(',')) {
    const name = part.trim();
    if (name === '') continue;
    if (name.includes('[') && !/^\[[^\]]*\]:\d+$/.test(name)) throw badInput('host-list', `a list of hosts takes no ranges: ${name}`, { remedy: 'put ranges into an inventory file' });
    const { names, port } = name.includes('[') ? { names: [name.slice(1, name.lastIndexOf(']'))], port: Number(name.slice(name.lastIndexOf(':') + 1)) } : expandHostPattern(name);
    for (const host of names) data.addHost(host, data.ungrouped, port, undefined);
  }
}
