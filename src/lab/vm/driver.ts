/** The lab's bed of virtual machines: QEMU, with disks, a kernel and a network of their own. */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab, LabDriver } from '../driver.ts';
import { isAlive } from '../owner.ts';
import type { LabPower } from '../power.ts';
import { labPaths, type LabHost, type LabPaths } from '../state.ts';
import { guestExec, guestLook } from './guest-exec.ts';
import { removeVmImages } from './image.ts';
import { guestPaths, interfacePrefix, RUN_DIRECTORY } from './names.ts';
import { removeVmNetwork, restoreForwarding } from './network.ts';
import { vmPower } from './power.ts';
import { killMachine, machineProcess } from './process.ts';
import { machinesOf, registeredLabs, unregister } from './registry.ts';
import { vmSnapshots } from './snapshots.ts';
import { prepare } from './up.ts';

/** A guest that does not answer by then is said not to. */
const LOOK_MS = 10_000;

function pathsOf(lab: Lab, host: LabHost): ReturnType<typeof guestPaths> {
  return guestPaths(lab.paths, lab.state.name, host.name);
}

async function power(host: string, address: string): Promise<LabPower | undefined> {
  const lab = (await registeredLabs()).find((each) => each.hosts.some((one) => one.name === host && one.address === address));
  return lab === undefined ? undefined : vmPower(guestPaths(labPaths(lab.projectRoot, lab.name), lab.name, host));
}

/** Whether this machine has anything of a lab of virtual machines of that name. */
async function hasTraces(name: string, paths: LabPaths): Promise<boolean> {
  if (existsSync(join(RUN_DIRECTORY, name)) || existsSync(join(paths.directory, 'vm'))) return true;
  const interfaces = await readdir('/sys/class/net').catch(() => []);
  return interfaces.some((each) => each.startsWith(interfacePrefix(name)));
}

/** Ends processes first, then interfaces and rules, files last: killed in between, the next `lab down` finds what is left. */
async function remove(name: string, paths: LabPaths, report: (line: string) => void): Promise<number> {
  if (!(await hasTraces(name, paths))) return 0;
  const machines = await machinesOf(name);
  for (const machine of machines.keys()) await killMachine(guestPaths(paths, name, machine));
  await removeVmNetwork(name);
  const kept = await readdir(join(paths.directory, 'vm')).catch(() => []);
  await rm(join(paths.directory, 'vm'), { recursive: true, force: true });
  await unregister(name);
  if ((await registeredLabs()).length === 0) await restoreForwarding(report);
  return new Set([...machines.keys(), ...kept]).size;
}

/** Files too are those of the lab's own checkout: this one may have another lab of that name. */
async function sweep(): Promise<readonly string[]> {
  const dead = (await registeredLabs()).filter((lab) => lab.owner !== undefined && !isAlive(lab.owner));
  for (const lab of dead) {
    const paths = labPaths(lab.projectRoot, lab.name);
    await remove(lab.name, paths, () => undefined);
    await rm(paths.directory, { recursive: true, force: true });
    await rm(paths.lock, { force: true });
  }
  return dead.map((lab) => lab.name);
}

export const vmDriver: LabDriver = {
  name: 'vm',
  prepare,
  async look(lab, host) {
    const paths = pathsOf(lab, host);
    if ((await machineProcess(paths)) === undefined) return { machine: existsSync(paths.root) ? 'off' : 'missing', system: '' };
    const seen = await guestLook(paths.agent, ['systemctl', 'is-system-running'], LOOK_MS);
    return { machine: 'running', system: seen.stdout.trim() === '' ? 'no answer' : seen.stdout.trim() };
  },
  async exec(lab, host, argv, options) {
    return guestExec(pathsOf(lab, host).agent, argv, { timeoutMs: options.timeoutMs ?? 60_000, input: options.input });
  },
  power,
  remove,
  sweep,
  async removeImages(report) {
    const users = (await registeredLabs()).map((lab) => lab.name);
    if (users.length > 0) report(`images of virtual machines stay: the disks of lab ${users.join(', ')} lie over them`);
    else await removeVmImages(report);
  },
  async labs() {
    return new Map((await registeredLabs()).map((lab) => [lab.name, lab.hosts.length]));
  },
  snapshots: vmSnapshots,
};
