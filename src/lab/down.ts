/** `lab down`: nothing of the lab stays, whatever state it was in. */
import { readFile, rm } from 'node:fs/promises';
import { containerDriver } from './container-driver.ts';
import { GENERATED_MARK } from './inventory.ts';
import { stopProxies } from './proxy-process.ts';
import { checkSpec, DEFAULT_LAB } from './spec.ts';
import { labPaths, readState } from './state.ts';
import { defaultInventoryFile } from './up.ts';
import { vmDriver } from './vm/driver.ts';

export interface LabDownOptions {
  readonly projectRoot: string;
  readonly name?: string | undefined;
  /** Removes the lab images as well, when no other lab uses them. */
  readonly images?: boolean | undefined;
  readonly report?: ((line: string) => void) | undefined;
}

/**
 * Removes a lab's containers or virtual machines, volumes, networks, proxies, keys and generated inventory. Works by
 * labels and names, so it also takes down what a killed `lab up` left. No lab is no error.
 *
 * @returns how many hosts there were
 * @throws Diagnostic `lab-removal` when docker can't remove something; those of vm/process.ts and vm/network.ts
 */
export async function labDown(options: LabDownOptions): Promise<number> {
  const name = options.name ?? DEFAULT_LAB;
  const report = options.report ?? ((): void => undefined);
  checkSpec(name, []);
  const paths = labPaths(options.projectRoot, name);
  // A state that can't be read must not keep the containers alive: they are found by label.
  const state = await readState(paths).catch(() => undefined);
  if (state?.proxy !== undefined) await stopProxies(state.proxy.owner);
  const machines = await vmDriver.remove(name, paths, report);
  // A lab of virtual machines alone is taken down on a machine without docker too.
  const onlyMachines = state === undefined ? machines > 0 : state.driver === 'vm';
  const hosts = machines + (onlyMachines ? 0 : await containerDriver.remove(name, paths, report));
  await removeGenerated(state?.inventoryFile ?? defaultInventoryFile(options.projectRoot, name));
  await rm(paths.directory, { recursive: true, force: true });
  report(hosts === 0 ? `lab ${name}: there was none` : `lab ${name}: ${hosts} hosts removed`);
  if (options.images === true) {
    await vmDriver.removeImages(report);
    if (!onlyMachines) await containerDriver.removeImages(report);
  }
  return hosts;
}

async function removeGenerated(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text.startsWith(GENERATED_MARK)) await rm(file, { force: true });
}
