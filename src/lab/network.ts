/** The docker network of a lab: a bridge with a range that nothing else on the machine uses. */
import { failure } from '../support/diagnostic.ts';
import { docker, dockerLines, dockerTry, LABEL } from './docker.ts';
import { runProgram } from './process.ts';
import { chooseNetwork, networkName } from './spec.ts';

const TRIES = 4;

/** Networks that this machine has: its routes, and those of docker, which need not be in use. A machine without docker has none of those. */
export async function takenNetworks(): Promise<readonly string[]> {
  const ids = await dockerTry(['network', 'ls', '--quiet']).then((seen) => seen.stdout.split('\n').filter((id) => id !== ''), () => []);
  const subnets = ids.length === 0 ? [] : await dockerLines(['network', 'inspect', '--format', '{{range .IPAM.Config}}{{println .Subnet}}{{end}}', ...ids]);
  const routes = await runProgram('ip', ['-4', 'route', 'show'], { timeoutMs: 10_000 });
  return [...subnets.map((line) => line.trim()), ...routes.stdout.split('\n').map((line) => line.split(' ')[0] ?? '')];
}

/**
 * Makes the lab's network, or finds it from before.
 *
 * @param isolated no way leads out of it; this machine reaches its hosts all the same
 * @returns its range, `a.b.c.d/len`
 */
export async function ensureNetwork(lab: string, labels: Readonly<Record<string, string>>, isolated = false): Promise<string> {
  const name = networkName(lab);
  const present = await dockerTry(['network', 'inspect', '--format', '{{(index .IPAM.Config 0).Subnet}}', name]);
  if (present.status === 0) return present.stdout.trim();
  const tried: string[] = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const subnet = chooseNetwork([...(await takenNetworks()), ...tried]);
    const labelled = Object.entries({ [LABEL.lab]: lab, ...labels }).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
    const made = await dockerTry(['network', 'create', '--driver', 'bridge', ...(isolated ? ['--internal'] : []), '--subnet', subnet, ...labelled, name]);
    if (made.status === 0) return subnet;
    // Another lab may have taken the range between the look and the creation.
    if (!/overlap/i.test(made.stderr)) throw failure('lab-network', `docker could not make the network ${name}`, { detail: made.stderr.trim() });
    tried.push(subnet);
  }
  throw failure('lab-network', `no free network for the lab after ${TRIES} tries`, { detail: tried.join(', ') });
}

export async function removeNetworks(ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await docker(['network', 'rm', ...ids]);
}
