/** The beds by name, and what goes across them. */
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { containerDriver } from './container-driver.ts';
import type { Lab, LabDriver, Snapshots } from './driver.ts';
import type { DriverName } from './driver-name.ts';
import { vmDriver } from './vm/driver.ts';

const DRIVERS: Readonly<Record<DriverName, LabDriver>> = { container: containerDriver, vm: vmDriver };

export function driverNamed(name: DriverName): LabDriver {
  return DRIVERS[name];
}

/** Without docker there are no containers to look for; that it is missing is told by what needs it. */
export async function withoutDocker<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Diagnostic && (error.code === 'docker-unreachable' || error.code === 'program-missing')) return otherwise;
    throw error;
  }
}

/**
 * Removes the labs whose owner, a test run, is gone: killed before it could clean up.
 *
 * @param projectRoot where their files are; those of another checkout stay there
 * @returns the names of the labs removed
 */
export async function sweep(projectRoot: string): Promise<readonly string[]> {
  const machines = await vmDriver.sweep(projectRoot);
  return [...machines, ...(await withoutDocker([], async () => containerDriver.sweep(projectRoot)))];
}

/** Names of all labs on this machine, with their bed and number of hosts. */
export async function listLabs(): Promise<readonly { readonly name: string; readonly driver: DriverName; readonly hosts: number }[]> {
  const containers = await withoutDocker(new Map<string, number>(), async () => containerDriver.labs());
  const machines = await vmDriver.labs();
  return [
    ...[...containers].map(([name, hosts]) => ({ name, driver: 'container' as const, hosts })),
    ...[...machines].map(([name, hosts]) => ({ name, driver: 'vm' as const, hosts })),
  ];
}

/** @throws Diagnostic `lab-no-snapshots` where the lab's bed has none */
export function labSnapshots(lab: Lab): Snapshots {
  const { snapshots } = driverNamed(lab.state.driver);
  if (snapshots !== undefined) return snapshots;
  throw badInput('lab-no-snapshots', `lab ${lab.state.name} is one of containers, which have no snapshots`, { remedy: 'care-provision lab up --driver vm' });
}
