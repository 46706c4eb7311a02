/** The power switch of a virtual machine. */
import { failure } from '../../support/diagnostic.ts';
import type { LabPower } from '../power.ts';
import { openMonitor } from './json-socket.ts';
import { readRecord } from './machine.ts';
import type { GuestPaths } from './names.ts';
import { ended, killMachine, machineProcess, startMachine } from './process.ts';

/** A guest in software emulation stops its services slowly. */
const SHUT_DOWN_MS = 180_000;

/**
 * Cutting the power ends QEMU in the middle of whatever it does: what the guest had not flushed to its disk is lost, as without power.
 * A machine that is off stays off until it is switched on, also after a shutdown of its own; a reboot of its own is one.
 */
export function vmPower(paths: GuestPaths): LabPower {
  const isOn = async (): Promise<boolean> => (await machineProcess(paths)) !== undefined;
  const press = async (command: 'system_reset' | 'system_powerdown'): Promise<void> => {
    const monitor = await openMonitor(paths.qmp);
    try {
      await monitor.ask(command);
    } finally {
      monitor.close();
    }
  };
  const on = async (): Promise<void> => {
    if (await isOn()) return;
    const record = await readRecord(paths);
    if (record === undefined) throw failure('vm-missing', `there is no machine in ${paths.directory}`, { remedy: 'care-provision lab up makes it' });
    await startMachine(paths, record.args);
  };
  return {
    isOn,
    on,
    cut: async () => killMachine(paths),
    async shutDown() {
      const owner = await machineProcess(paths);
      if (owner === undefined) return;
      await press('system_powerdown');
      await ended(owner, SHUT_DOWN_MS, paths.directory);
    },
    async reset() {
      if (await isOn()) await press('system_reset');
      else await on();
    },
  };
}
