/**
 * What holds for every module, tried through the whole engine on all hosts of the shared lab at once: check mode
 * predicts just what apply does and leaves nothing behind, a second run changes nothing, and what somebody
 * changed by hand is found and mended, nothing else.
 */
import { expect } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import type { Result } from '../../unit/run/support.ts';
import { hostVariables, inventoryOf, labProject, LEFTOVERS, onHost, type LabProject } from './lab-project.ts';
import { SHARED_HOSTS } from './lab.ts';

/** Every host of the shared lab. */
export const HOSTS: readonly string[] = SHARED_HOSTS.map((h) => h.name);

/** The host that drifts; the others must be left alone. */
const DRIFTING = 'test-bookworm';

export interface Drift {
  /** Shell text, run as root on one host. */
  readonly script: string;
  /** `task|resource` of what mends it, in order of the tasks. */
  readonly mends: readonly string[];
  /** Tasks that check mode cannot tell about then, though apply may do something. */
  readonly unknown?: readonly string[];
}

/** A project whose inventory is the shared lab's hosts. */
export function sharedProject(lab: Lab, files: Readonly<Record<string, string>>): LabProject {
  return labProject({ 'inventory.yml': inventoryOf(Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)]))), ...files });
}

/** `host|task|resource` of each change event, sorted. */
export function changesOf(p: LabProject, result: Result): readonly string[] {
  return result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.task}|${e.resource.replaceAll(p.dir, '')}`] : [])).sort();
}

/** `host: task: error` of what went wrong, and `task: why` of what check mode could not tell. */
function troubles(result: Result): readonly string[] {
  return result.events.flatMap((e) => (e.type === 'task' && (e.status === 'failed' || e.status === 'unreachable') ? [`${e.host}: ${e.task}: ${e.error ?? e.msg ?? ''}`] : []));
}

/** Tasks that check mode could not tell about, on any host, once each. */
export function unknownTasks(result: Result): readonly string[] {
  return [...new Set(result.events.flatMap((e) => (e.type === 'task' && e.status === 'unknown' ? [e.task] : [])))];
}

/** `task|resource` from a map of tasks and what each changes; `@` stands for the directory of the tests. */
export function listed(base: string, changes: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(changes).flatMap(([task, resources]) => resources.split(', ').map((resource) => `${task}|${resource.replace('@', base)}`));
}

/** The same on every host, whose name `%h` stands for: `task|resource` → `host|task|resource`, sorted. */
export function onEvery(changes: readonly string[], hosts: readonly string[] = HOSTS): readonly string[] {
  return hosts.flatMap((host) => changes.map((change) => `${host}|${change.replace('%h', host)}`)).sort();
}

function without(changes: readonly string[], tasks: readonly string[] = []): readonly string[] {
  return changes.filter((change) => !tasks.includes(change.split('|')[1] ?? ''));
}

/** Commands without what they run. */
function shortened(changes: readonly string[]): readonly string[] {
  return changes.map((change) => change.replace(/\|(command|shell|script) [^]*$/, '|$1')).sort();
}

/** Runs and expects that nothing failed. */
export async function succeeds(p: LabProject, status: number, options: Partial<RunOptions> = {}): Promise<Result> {
  const result = await p.run({ diff: true, ...options });
  expect(troubles(result)).toEqual([]);
  expect(result.status).toBe(status);
  return result;
}

/** Every file of a host with what would change when it is touched, but for what the machine itself writes at any time. */
const OWN_AFFAIRS = ['/proc', '/sys', '/dev', '/run', '/tmp', '/var/tmp', '/var/log', '/var/lib/systemd', '/var/lib/lastlog', '/var/lib/wtmpdb', '/var/lib/apt', '/var/cache/apt'];
const LISTING = `find / -xdev \\( ${OWN_AFFAIRS.map((path) => `-path ${path}`).join(' -o ')} \\) -prune -o -printf '%p %y %m %u %g %s %T@ %C@ %l\\n' | sort; ls -A /tmp /var/tmp | grep -v '^systemd-private' || true; ${LEFTOVERS}`;

async function listings(lab: Lab): Promise<readonly (readonly string[])[]> {
  return Promise.all(HOSTS.map(async (host) => (await onHost(lab, host, LISTING)).split('\n')));
}

/** Check mode, with a comparison of every file before and after. */
export async function checksWithoutTrace(p: LabProject, lab: Lab, status: number, options: Partial<RunOptions> = {}): Promise<Result> {
  const before = await listings(lab);
  const result = await succeeds(p, status, { mode: 'check', ...options });
  const after = await listings(lab);
  after.forEach((lines, i) => {
    const known = new Set(before[i]);
    expect(lines.filter((line) => !known.has(line)), `what check mode left on ${HOSTS[i] ?? ''}`).toEqual([]);
    expect(lines).toHaveLength(before[i]?.length ?? 0);
    expect(lines.length).toBeGreaterThan(5000);
  });
  return result;
}

/**
 * All the laws for a project's playbook.
 *
 * @param init.changes `task|resource` of what a first run changes on every host
 * @param init.once `host|task|resource` of what it changes on one host only
 * @param init.unknown tasks that check mode cannot tell about on hosts where nothing is done yet
 * @returns the apply
 */
export async function obeysTheLaws(p: LabProject, lab: Lab, init: { readonly changes: readonly string[]; readonly once?: readonly string[]; readonly drift: Drift; readonly unknown?: readonly string[]; readonly options?: Partial<RunOptions> }): Promise<Result> {
  const options = init.options ?? {};
  const checked = await checksWithoutTrace(p, lab, 2, options);
  expect(unknownTasks(checked)).toEqual(init.unknown ?? []);
  const applied = await succeeds(p, 0, options);
  expect(changesOf(p, checked), 'check mode predicts what apply does').toEqual(without(changesOf(p, applied), init.unknown));
  expect(shortened(changesOf(p, applied))).toEqual([...onEvery(init.changes), ...(init.once ?? [])].sort());
  const again = await succeeds(p, 0, options);
  expect(changesOf(p, again), 'a second run changes nothing').toEqual([]);
  expect(again.summary?.total).toMatchObject({ changed: 0, unknown: 0 });
  await mendsDrift(p, lab, init.drift, options);
  return applied;
}

async function mendsDrift(p: LabProject, lab: Lab, drift: Drift, options: Partial<RunOptions>): Promise<void> {
  await onHost(lab, DRIFTING, drift.script);
  const wanted = onEvery(drift.mends, [DRIFTING]);
  const checked = await succeeds(p, 2, { mode: 'check', ...options });
  expect(shortened(changesOf(p, checked)), 'check mode finds the drift').toEqual(without(wanted, drift.unknown));
  expect(unknownTasks(checked)).toEqual(drift.unknown ?? []);
  expect(shortened(changesOf(p, await succeeds(p, 0, options))), 'apply mends the drift').toEqual(wanted);
  const result = await succeeds(p, 0, { mode: 'check', ...options });
  expect(changesOf(p, result), 'nothing is left to mend').toEqual([]);
  expect(unknownTasks(result)).toEqual([]);
}
