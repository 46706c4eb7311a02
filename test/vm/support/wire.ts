/** What goes over the wire between two sites of a lab, as this machine, which is the way between them, sees it. */
import { runProgram } from '../../../src/lab/process.ts';
import type { Lab } from '../../../src/lab/index.ts';
import { labHost } from '../../../src/lab/index.ts';
import { bridgeName } from '../../../src/lab/vm/names.ts';

/** The /24 of a host's site. */
const siteOf = (address: string): string => address.replace(/\d+$/, '0/24');

/**
 * Everything of IP that passes between the sites of two hosts in so many seconds, one line a packet. The lab's own SSH is not among it: this
 * machine has an address in each site and speaks to each host from within that host's site.
 */
export async function wireBetween(lab: Lab, one: string, other: string, seconds: number): Promise<readonly string[]> {
  const [here, there] = [labHost(lab, one).address, labHost(lab, other).address];
  const filter = `(src net ${siteOf(here)} and dst net ${siteOf(there)}) or (src net ${siteOf(there)} and dst net ${siteOf(here)})`;
  // Only what comes in or leaves through the bridge of one site: what passes between two is not seen twice.
  const seen = await runProgram('timeout', ['-s', 'INT', String(seconds), 'tcpdump', '-n', '-q', '-t', '-l', '--immediate-mode', '-i', bridgeName(lab.state.name, here), filter], { timeoutMs: (seconds + 30) * 1000 });
  // timeout(1) says 124 for the end that was meant.
  if (seen.status !== 0 && seen.status !== 124) throw new Error(`tcpdump could not listen between the sites: ${seen.stderr}`);
  return seen.stdout.split('\n').filter((line) => line !== '');
}
