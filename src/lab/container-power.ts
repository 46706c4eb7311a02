/**
 * The power switch of a container: cutting the power is SIGKILL to everything in the container: nothing is flushed by the host's own programs, connections
 * get no farewell. What the machine's kernel holds in its page cache survives, which a real power cut would not spare.
 */
import { docker, dockerLines, LABEL } from './docker.ts';
import type { LabPower } from './power.ts';

/**
 * @param host inventory name
 * @param address `lab_address` of the inventory
 * @returns undefined when no container on this machine is that host
 */
export async function containerPower(host: string, address: string): Promise<LabPower | undefined> {
  const named = await dockerLines(['ps', '--all', '--filter', `label=${LABEL.host}=${host}`, '--format', '{{.Names}}']);
  for (const container of named) {
    // The configured address stays while the host is off; the one in use does not.
    const addresses = await docker(['container', 'inspect', '--format', '{{range .NetworkSettings.Networks}}{{if .IPAMConfig}}{{.IPAMConfig.IPv4Address}}{{end}} {{.IPAddress}} {{end}}', container]);
    if (addresses.split(/\s+/).includes(address)) return power(container);
  }
  return undefined;
}

function power(container: string): LabPower {
  const isOn = async (): Promise<boolean> => (await docker(['container', 'inspect', '--format', '{{.State.Running}}', container])) === 'true';
  // It stays off, though lab hosts are restarted after a reboot: docker takes `kill` for the wish of a person, as it does `stop`
  // (moby: container.HasBeenManuallyStopped).
  const cut = async (): Promise<void> => {
    if (await isOn()) await docker(['kill', '--signal', 'KILL', container]);
  };
  return {
    isOn,
    cut,
    async shutDown() {
      await docker(['stop', '--time', '60', container], { timeoutMs: 90_000 });
    },
    async on() {
      if (!(await isOn())) await docker(['start', container]);
    },
    async reset() {
      await cut();
      await docker(['start', container]);
    },
  };
}
