/** Who is hurt, and where the client is meanwhile. Pure. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { DrilledCluster } from './installation.ts';

type Hosts = Pick<DrilledCluster, 'controlPlanes' | 'workers' | 'hosts'>;

/** How many voters make a majority. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The node that the client is on: a worker where there is one, for clients are on workers; never one that is hurt. */
export function nodeForClient({ controlPlanes, workers }: Hosts, hurt: readonly string[]): ClusterHost | undefined {
  return [...workers, ...controlPlanes.toReversed()].find((host) => !hurt.includes(host.name));
}

/** As many control planes as leave no majority: the one that leads first, that of the client's node last. */
export function victimsOfQuorum({ controlPlanes }: Hosts, leader: string, clientNode: string): readonly ClusterHost[] {
  const rank = (host: ClusterHost): number => (host.name === clientNode ? 2 : host.name === leader ? 0 : 1);
  // n voters have a majority until n - majority + 1 of them are gone.
  return [...controlPlanes].sort((a, b) => rank(a) - rank(b)).slice(0, controlPlanes.length - majorityOf(controlPlanes.length) + 1);
}

export interface SiteCut {
  readonly site: string;
  readonly inside: readonly ClusterHost[];
  readonly outside: readonly ClusterHost[];
}

/** The site to be cut off: of those without which there still is a majority, the one with the most control planes. @returns why there is none */
export function siteToCut({ controlPlanes, hosts }: Hosts): SiteCut | string {
  const homeless = hosts.filter((host) => host.site === undefined).map((host) => host.name);
  if (homeless.length > 0) return `the inventory does not say the site of ${homeless.join(', ')}`;
  const sites = [...new Set(hosts.map((host) => host.site ?? ''))];
  if (sites.length < 2) return `all nodes are in one site, ${sites.join('')}`;
  const voters = (site: string): number => controlPlanes.filter((host) => host.site === site).length;
  const [best] = sites.filter((site) => voters(site) > 0 && controlPlanes.length - voters(site) >= majorityOf(controlPlanes.length)).sort((a, b) => voters(b) - voters(a));
  if (best === undefined) return 'there is no site with a control plane without which the others still are a majority';
  return { site: best, inside: hosts.filter((host) => host.site === best), outside: hosts.filter((host) => host.site !== best) };
}
