/** What goes over the wire between two sites of a lab, as this machine, which is the way between them, sees it. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../../src/lab/index.ts';
import { labHost } from '../../../src/lab/index.ts';
import { bridgeName } from '../../../src/lab/vm/names.ts';

/** The /24 of a host's site. */
const siteOf = (address: string): string => address.replace(/\d+$/, '0/24');
/** Seconds that are listened at the most, should nobody stop it. */
const AT_MOST = 900;

export interface Wire {
  /** Ends it. What passed since it began, one line a packet. @throws Error when tcpdump could not listen */
  stop(): Promise<readonly string[]>;
}

/**
 * Listens to everything of IP that passes between the sites of two hosts. The lab's own SSH is not among it: this machine has an address in
 * each site and speaks to each host from within that host's site.
 */
export function watchWire(lab: Lab, one: string, other: string): Wire {
  const [here, there] = [labHost(lab, one).address, labHost(lab, other).address];
  const filter = `(src net ${siteOf(here)} and dst net ${siteOf(there)}) or (src net ${siteOf(there)} and dst net ${siteOf(here)})`;
  // Only what comes in or leaves through the bridge of one site: what passes between two is not seen twice.
  const child = spawn('timeout', ['-s', 'INT', String(AT_MOST), 'tcpdump', '-n', '-q', '-t', '-l', '--immediate-mode', '-i', bridgeName(lab.state.name, here), filter], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [lines, trouble] = ['', ''];
  child.stdout.on('data', (data: Buffer) => { lines += data.toString(); });
  child.stderr.on('data', (data: Buffer) => { trouble += data.toString(); });
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => { trouble += error.message; });
    child.once('close', resolve);
  });
  return {
    async stop() {
      child.kill('SIGINT');
      const status = await ended;
      // timeout(1) passes the signal on, and tcpdump ends well; 124 would be an end that nobody waited for.
      if (status !== 0) throw new Error(`tcpdump did not listen between the sites: ${trouble}`);
      return lines.split('\n').filter((line) => line !== '');
    },
  };
}

/** What passes in so many seconds. @throws as stop() */
export async function wireBetween(lab: Lab, one: string, other: string, seconds: number): Promise<readonly string[]> {
  const wire = watchWire(lab, one, other);
  await sleep(seconds * 1000);
  return wire.stop();
}
