/** Takes away what labs leave behind on the docker daemon, found by labels alone. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../support/diagnostic.ts';
import { docker, dockerLines, dockerTry, LABEL } from './docker.ts';
import { removeNetworks } from './network.ts';
import { isAlive } from './owner.ts';
import { labPaths } from './state.ts';

const TRIES = 5;
const BETWEEN_MS = 500;
const REMOVE_MS = 120_000;

/** cgroup v1: a process frozen by a container inside the host can't be killed; thaw all below the host. */
async function thaw(container: string): Promise<void> {
  const top = join('/sys/fs/cgroup/freezer/docker', container);
  const directories = await readdir(top, { recursive: true, withFileTypes: true }).catch(() => []);
  const frozen = directories.filter((entry) => entry.isFile() && entry.name === 'freezer.state');
  // Deepest last does not matter: each group is thawed by itself; one that vanished meanwhile needs nothing.
  for (const entry of frozen) await writeFile(join(entry.parentPath, entry.name), 'THAWED').catch(() => undefined);
}

async function labelled(kind: 'container' | 'network', filters: readonly string[]): Promise<readonly string[]> {
  const filter = filters.flatMap((each) => ['--filter', `label=${each}`]);
  return kind === 'container'
    ? dockerLines(['ps', '--all', '--quiet', '--no-trunc', ...filter])
    : dockerLines(['network', 'ls', '--quiet', '--no-trunc', ...filter]);
}

/** Removes single containers of a lab, chosen by their docker name. */
export async function removeContainers(lab: string, chosen: (container: string) => boolean): Promise<void> {
  const all = await dockerLines(['ps', '--all', '--no-trunc', '--filter', `label=${LABEL.lab}=${lab}`, '--format', '{{.ID}} {{.Names}}']);
  const ids = all.map((line) => line.split(' ')).filter(([, name = '']) => chosen(name)).map(([id = '']) => id);
  if (ids.length === 0) return;
  for (const id of ids) await thaw(id);
  await docker(['rm', '--force', '--volumes', ...ids], { timeoutMs: REMOVE_MS });
}

/**
 * Removes containers with their anonymous volumes, then networks. Tried a few times: docker may still be removing what
 * another process asked for.
 *
 * @param filters labels, `key` or `key=value`, that all must match
 * @returns how many containers there were
 * @throws Diagnostic `lab-removal` when something stays
 */
export async function removeLabelled(filters: readonly string[]): Promise<number> {
  const begun = await labelled('container', filters);
  let trouble = '';
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const containers = await labelled('container', filters);
    if (containers.length > 0) {
      for (const container of containers) await thaw(container);
      const removed = await dockerTry(['rm', '--force', '--volumes', ...containers], { timeoutMs: REMOVE_MS });
      trouble = removed.stderr.trim();
    }
    if ((await labelled('container', filters)).length === 0) {
      await removeNetworks(await labelled('network', filters));
      return begun.length;
    }
    await sleep(BETWEEN_MS);
  }
  throw failure('lab-removal', 'docker could not remove all containers of the lab', { detail: trouble, remedy: 'docker ps --all --filter label=care-provision.lab' });
}

/**
 * Removes the labs whose owner, a test run, is gone: killed before it could clean up.
 *
 * @param projectRoot where their files are; those of another checkout stay there
 * @returns the names of the labs removed
 */
export async function sweepContainers(projectRoot: string): Promise<readonly string[]> {
  const format = `{{.Label "${LABEL.lab}"}} {{.Label "${LABEL.owner}"}}`;
  const lines = [
    ...(await dockerLines(['ps', '--all', '--filter', `label=${LABEL.owner}`, '--format', format])),
    ...(await dockerLines(['network', 'ls', '--filter', `label=${LABEL.owner}`, '--format', format])),
  ];
  const dead = new Map<string, string>();
  for (const line of lines) {
    const [lab = '', owner = ''] = line.split(' ');
    if (owner !== '' && !isAlive(owner)) dead.set(owner, lab);
  }
  for (const [owner, lab] of dead) {
    await removeLabelled([`${LABEL.lab}=${lab}`, `${LABEL.owner}=${owner}`]);
    const paths = labPaths(projectRoot, lab);
    await rm(paths.directory, { recursive: true, force: true });
    await rm(paths.lock, { force: true });
  }
  return [...new Set(dead.values())];
}
