/**
 * Reads which hosts a lab has from its hand-written inventory, so that the containers, the virtual machines and the
 * provisioner go by one list. vagrant/Vagrantfile reads its own in the same way. Only what a lab needs: names, `site`, `lab_release` and what
 * virtual machines have.
 */
import { parseDocument } from 'yaml';
import { badInput } from '../support/diagnostic.ts';
import { isMap, type Value, type ValueMap } from '../support/value.ts';
import { RELEASES, type Release } from './image-recipe.ts';
import type { HostSpec } from './spec.ts';
import { checkDisks } from './vm/words.ts';

/** Debian of hosts whose inventory does not say `lab_release`. */
const DEFAULT_RELEASE: Release = 'trixie';

type Variables = Readonly<Record<string, Value>>;

function visit(group: Value | undefined, inherited: Variables, found: Map<string, Variables>): void {
  if (!isMap(group)) return;
  const variables = { ...inherited, ...mapOf(group['vars']) };
  for (const [name, own] of Object.entries(mapOf(group['hosts']))) {
    found.set(name, { ...found.get(name), ...variables, ...mapOf(own) });
  }
  for (const child of Object.values(mapOf(group['children']))) visit(child, variables, found);
}

function mapOf(value: Value | undefined): ValueMap {
  return isMap(value) ? value : {};
}

/** What a virtual machine gets, where the inventory says it: `lab_memory` (MiB), `lab_cpus`, `lab_disks` (GiB). */
function machineOf(name: string, variables: Variables, path: string): Pick<HostSpec, 'memoryMiB' | 'cpus' | 'disksGiB'> {
  const whole = (variable: string): number | undefined => {
    const value = variables[variable];
    if (value === undefined || (typeof value === 'number' && Number.isInteger(value) && value > 0)) return value;
    throw badInput('lab-inventory', `${path}: ${variable} of host ${name} must be a whole number above 0`);
  };
  const [memoryMiB, cpus, disks] = [whole('lab_memory'), whole('lab_cpus'), variables['lab_disks']];
  if (disks !== undefined && !Array.isArray(disks)) throw badInput('lab-inventory', `${path}: lab_disks of host ${name} must be a list of sizes in GiB`);
  const disksGiB = disks === undefined ? undefined : checkDisks(disks.map(Number), JSON.stringify(disks));
  return { ...(memoryMiB === undefined ? {} : { memoryMiB }), ...(cpus === undefined ? {} : { cpus }), ...(disksGiB === undefined ? {} : { disksGiB }) };
}

/**
 * @param text of the inventory file: one tree of groups; the variables of outer groups hold for inner ones
 * @param path for messages
 * @returns the hosts in the order they first appear
 * @throws Diagnostic `lab-inventory` when the file is not YAML, has ranges, or a host lacks a site
 */
export function hostsFromInventory(text: string, path: string): readonly HostSpec[] {
  const document = parseDocument(text, { version: '1.2' });
  const error = document.errors[0];
  if (error !== undefined) throw badInput('lab-inventory', `${path} is not YAML: ${error.message}`);
  const found = new Map<string, Variables>();
  // The library's toJS gives plain maps, lists and scalars, which is what Value is.
  for (const group of Object.values(mapOf(document.toJS() as Value))) visit(group, {}, found);
  if (found.size === 0) throw badInput('lab-inventory', `${path} has no hosts`);
  return [...found].map(([name, variables]) => {
    if (name.includes('[')) throw badInput('lab-inventory', `${path}: the lab does not know ranges: ${name}`, { remedy: 'write the hosts out' });
    const site = variables['site'];
    if (typeof site !== 'string') throw badInput('lab-inventory', `${path}: host ${name} has no site`, { remedy: 'give it, or its group, a variable site' });
    const wanted = variables['lab_release'] ?? DEFAULT_RELEASE;
    const release = RELEASES.find((each) => each === wanted);
    if (release === undefined) throw badInput('lab-inventory', `${path}: host ${name} has a lab_release that the lab has no image of`, { detail: `known are: ${RELEASES.join(', ')}` });
    const nested = variables['lab_nested'] ?? false;
    if (typeof nested !== 'boolean') throw badInput('lab-inventory', `${path}: lab_nested of host ${name} must be true or false`);
    return { name, site, release, ...(nested ? { nested } : {}), ...machineOf(name, variables, path) };
  });
}
