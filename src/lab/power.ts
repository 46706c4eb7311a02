/**
 * The power switch of a lab host, found by what an inventory knows of it: its name and its address in the lab's network.
 * Cutting the power is SIGKILL to everything in the container: nothing is flushed by the host's own programs, connections
 * get no farewell. What the machine's kernel holds in its page cache survives, which a real power cut would not spare.
 */
import { failure } from '../support/diagnostic.ts';
import { docker, dockerLines, LABEL } from './docker.ts';

export interface LabPower {
  /** Docker's name of the container. */
  readonly container: string;
  /**
   * Ends the host at once. It stays off, though lab hosts are restarted after a reboot: docker takes `kill` for the wish of
   * a person, as it does `stop` (moby: container.HasBeenManuallyStopped).
   */
  cut(): Promise<void>;
  /** Shuts the host down in order: its services are stopped. */
  shutDown(): Promise<void>;
  /** Harmless when it is on. */
  on(): Promise<void>;
  isOn(): Promise<boolean>;
}

/**
 * @param host inventory name
 * @param address `lab_address` of the inventory
 * @throws Diagnostic `lab-host-not-here` when no container on this machine is that host
 */
export async function labPower(host: string, address: string): Promise<LabPower> {
  const named = await dockerLines(['ps', '--all', '--filter', `label=${LABEL.host}=${host}`, '--format', '{{.Names}}']);
  for (const container of named) {
    // The configured address stays while the host is off; the one in use does not.
    const addresses = await docker(['container', 'inspect', '--format', '{{range .NetworkSettings.Networks}}{{if .IPAMConfig}}{{.IPAMConfig.IPv4Address}}{{end}} {{.IPAddress}} {{end}}', container]);
    if (addresses.split(/\s+/).includes(address)) return power(container);
  }
  throw failure('lab-host-not-here', `no container on this machine is the lab host ${host} (${address})`, {
    detail: named.length === 0 ? undefined : `of that name, with other addresses: ${named.join(', ')}`,
    remedy: 'run the drill on the machine that the lab is on; care-provision lab status shows it',
  });
}

function power(container: string): LabPower {
  const isOn = async (): Promise<boolean> => (await docker(['container', 'inspect', '--format', '{{.State.Running}}', container])) === 'true';
  return {
    container,
    isOn,
    async cut() {
      await docker(['kill', '--signal', 'KILL', container]);
    },
    async shutDown() {
      await docker(['stop', '--time', '60', container], { timeoutMs: 90_000 });
    },
    async on() {
      if (!(await isOn())) await docker(['start', container]);
    },
  };
}
