/** `lab down`: nothing of the lab stays, whatever state it was in. */
import { readFile, rm } from 'node:fs/promises';
import { dockerLines, dockerTry, LABEL } from './docker.ts';
import { imageTag, RELEASES } from './image-recipe.ts';
import { restoreInotifyLimit } from './inotify.ts';
import { GENERATED_MARK } from './inventory.ts';
import { restoreKernelOfNested } from './nested-kernel.ts';
import { stopProxies } from './proxy-process.ts';
import { checkSpec, DEFAULT_LAB } from './spec.ts';
import { labPaths, readState } from './state.ts';
import { removeLabelled } from './sweep.ts';
import { defaultInventoryFile } from './up.ts';

export interface LabDownOptions {
  readonly projectRoot: string;
  readonly name?: string | undefined;
  /** Removes the lab images as well, when no other lab uses them. */
  readonly images?: boolean | undefined;
  readonly report?: ((line: string) => void) | undefined;
}

/**
 * Removes a lab's containers, anonymous volumes, networks, proxies, keys and generated inventory. Works by
 * labels, so it also takes down what a killed `lab up` left. No lab is no error.
 *
 * @returns how many hosts there were
 * @throws Diagnostic `lab-removal` when docker can't remove something
 */
export async function labDown(options: LabDownOptions): Promise<number> {
  const name = options.name ?? DEFAULT_LAB;
  const report = options.report ?? ((): void => undefined);
  checkSpec(name, []);
  const paths = labPaths(options.projectRoot, name);
  // A state that can't be read must not keep the containers alive: they are found by label.
  const state = await readState(paths).catch(() => undefined);
  if (state?.proxy !== undefined) await stopProxies(state.proxy.owner);
  const hosts = await removeLabelled([`${LABEL.lab}=${name}`]);
  await removeGenerated(state?.inventoryFile ?? defaultInventoryFile(options.projectRoot, name));
  await rm(paths.directory, { recursive: true, force: true });
  report(hosts === 0 ? `lab ${name}: there was none` : `lab ${name}: ${hosts} hosts removed`);
  if ((await dockerLines(['ps', '--all', '--quiet', '--filter', `label=${LABEL.host}`])).length === 0) {
    await restoreInotifyLimit(report);
    await restoreKernelOfNested(report);
  }
  if (options.images === true) await removeImages(report);
  return hosts;
}

async function removeGenerated(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text.startsWith(GENERATED_MARK)) await rm(file, { force: true });
}

async function removeImages(report: (line: string) => void): Promise<void> {
  for (const release of RELEASES) {
    const removed = await dockerTry(['image', 'rm', imageTag(release)]);
    if (removed.status === 0) report(`image ${imageTag(release)}: removed`);
    else if (!/no such image/i.test(removed.stderr)) report(`image ${imageTag(release)} stays: ${removed.stderr.trim()}`);
  }
}
