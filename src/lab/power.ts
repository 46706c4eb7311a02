/** The power switch of a lab host, whatever bed it is in. */
import { failure } from '../support/diagnostic.ts';
import { driverNamed, withoutDocker } from './drivers.ts';

export interface LabPower {
  /** Ends the host at once, and it stays off. */
  cut(): Promise<void>;
  /** Shuts the host down in order: its services are stopped. */
  shutDown(): Promise<void>;
  /** Harmless when it is on. */
  on(): Promise<void>;
  /** The reset button: no power is lost, nothing is flushed, and the host boots. */
  reset(): Promise<void>;
  isOn(): Promise<boolean>;
}

/**
 * The power switch of a lab host, found by what an inventory knows of it.
 *
 * @param host inventory name
 * @param address `lab_address` of the inventory
 * @throws Diagnostic `lab-host-not-here` when nothing on this machine is that host
 */
export async function labPower(host: string, address: string): Promise<LabPower> {
  const found = (await driverNamed('vm').power(host, address)) ?? (await withoutDocker(undefined, async () => driverNamed('container').power(host, address)));
  if (found !== undefined) return found;
  throw failure('lab-host-not-here', `no container or virtual machine on this machine is the lab host ${host} (${address})`, {
    remedy: 'run the drill on the machine that the lab is on; care-provision lab status shows it',
  });
}
