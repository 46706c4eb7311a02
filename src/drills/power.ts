/** Cutting the power of a host and giving it back: a lab's switch, or the kernel's own reset where that is asked for. */
import type { ClusterHost } from '../operations/inventory.ts';
import type { HostAccess } from '../operations/hosts.ts';
import { labPower, type LabPower } from '../lab/index.ts';
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { sh } from '../support/shell.ts';

export interface Power {
  /** @throws Diagnostic (bad input) when the power of this host can't be cut from here */
  check(host: ClusterHost): Promise<void>;
  cut(host: ClusterHost): Promise<void>;
  on(host: ClusterHost): Promise<void>;
  byHand(host: ClusterHost): string;
}

/** `lab`: by the lab's containers; `sysrq`: the kernel resets the machine at once, and it boots again by itself. */
export type PowerMethod = 'lab' | 'sysrq';

export function powerBy(method: PowerMethod, hosts: HostAccess): Power {
  const switches = new Map<string, Promise<LabPower>>();
  const ofLab = (host: ClusterHost, address: string): Promise<LabPower> => {
    const known = switches.get(host.name) ?? labPower(host.name, address);
    switches.set(host.name, known);
    return known;
  };
  return {
    async check(host) {
      // In a container, the kernel that sysrq resets is the machine's: a lab host never gets that.
      if (host.labAddress !== undefined) await ofLab(host, host.labAddress);
      else if (method !== 'sysrq') {
        throw badInput('no-power-switch', `${host.name} is no host of a lab on this machine, so its power can't be cut from here`, {
          remedy: 'run the drill on a lab, or with --power sysrq, which resets the host by its kernel without syncing its disks (it must boot by itself)',
        });
      }
    },
    async cut(host) {
      if (host.labAddress !== undefined) await (await ofLab(host, host.labAddress)).cut();
      else {
        try {
          await hosts.run(host, sh`echo 1 >/proc/sys/kernel/sysrq && (sleep 0.2; echo b >/proc/sysrq-trigger) >/dev/null 2>&1 &`, 10);
        } catch (error) {
          // The connection may be gone before the answer is: that is the wish.
          if (!(error instanceof Diagnostic && error.kind === 'unreachable')) throw error;
        }
      }
      hosts.drop(host);
    },
    async on(host) {
      if (host.labAddress !== undefined) await (await ofLab(host, host.labAddress)).on();
    },
    byHand: (host) => (host.labAddress === undefined ? `see that ${host.name} boots (its console)` : `care-provision lab up brings ${host.name} back`),
  };
}
