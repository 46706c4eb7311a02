/** What a lab consists of: hosts with names, releases, sites and addresses. Pure. */
import { badInput } from '../support/diagnostic.ts';
import { RELEASES, type Release } from './image-recipe.ts';

export const DEFAULT_LAB = 'care';
export const DEFAULT_PREFIX = 'care-';

/** One host to be. */
export interface HostSpec {
  readonly name: string;
  readonly site: string;
  readonly release: Release;
  /** Whether the host runs containers of its own (a Kubernetes node): `lab_nested` of the inventory. It gets more of the machine; see container.ts. */
  readonly nested?: boolean | undefined;
  /** Of a virtual machine, in MiB: `lab_memory`. */
  readonly memoryMiB?: number | undefined;
  /** Of a virtual machine: `lab_cpus`. */
  readonly cpus?: number | undefined;
  /** Extra disks of a virtual machine, sizes in GiB: `lab_disks`. */
  readonly disksGiB?: readonly number[] | undefined;
}

/** One host with its place in the lab's network. */
export interface PlacedHost extends HostSpec {
  readonly address: string;
}

/** Sites of generated hosts, in the order they are filled. */
export const SITES = ['kochi', 'delhi'] as const;

/**
 * Generated hosts: `a1 a2 …` in the first site, `b1 b2 …` in the second, alternately filled in pairs; the last host of
 * four or more has the older Debian. Four hosts, the default, are the hosts of `inventory/lab/hosts.yml`.
 */
export function generateHosts(count: number, prefix = DEFAULT_PREFIX): readonly HostSpec[] {
  if (!Number.isInteger(count) || count < 1 || count > 200) throw badInput('lab-hosts', `a lab has 1 to 200 hosts, not ${count}`);
  if (!/^[a-z]([a-z0-9-]{0,40})$/.test(prefix)) {
    throw badInput('lab-prefix', `${JSON.stringify(prefix)} can't begin host names`, { detail: 'a prefix has lower-case letters, digits and hyphens, and begins with a letter' });
  }
  const counters = [0, 0];
  return Array.from({ length: count }, (_, index) => {
    const site = Math.floor(index / 2) % 2;
    counters[site] = (counters[site] ?? 0) + 1;
    const release: Release = count >= 4 && index === count - 1 ? 'bookworm' : 'trixie';
    return { name: `${prefix}${site === 0 ? 'a' : 'b'}${counters[site]}`, site: SITES[site] ?? SITES[0], release };
  });
}

/** Refuses what docker, DNS or the lab's own files could not carry. */
export function checkSpec(lab: string, hosts: readonly HostSpec[]): void {
  if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(lab)) {
    throw badInput('lab-name', `${JSON.stringify(lab)} can't name a lab`, { detail: 'a lab name has up to 41 lower-case letters, digits and hyphens' });
  }
  const seen = new Set<string>();
  for (const host of hosts) {
    // A label of RFC 1123 section 2.1; Linux allows a host name 64 bytes.
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(host.name)) throw badInput('lab-host-name', `${JSON.stringify(host.name)} is no host name (RFC 1123)`);
    if (seen.has(host.name)) throw badInput('lab-host-twice', `the lab has two hosts named ${host.name}`);
    if (!RELEASES.includes(host.release)) throw badInput('lab-release', `host ${host.name}: there is no lab image of ${host.release}`, { detail: `known are: ${RELEASES.join(', ')}` });
    seen.add(host.name);
  }
}

/** An IPv4 network, `a.b.c.d/len`, as two numbers. */
interface Network {
  readonly base: number;
  readonly length: number;
}

function parseNetwork(text: string): Network | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, length = 0] = match.slice(1).map(Number);
  return { base: ((a * 256 + b) * 256 + c) * 256 + d, length };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function overlap(one: Network, other: Network): boolean {
  const size = 2 ** (32 - Math.min(one.length, other.length));
  return Math.floor(one.base / size) === Math.floor(other.base / size);
}

/** A lab's network has this length: four sites of 256 addresses. */
const LAB_LENGTH = 22;
const SITE_SIZE = 256;
const MOST_SITES = 4;
/** Hosts begin at .10 of their site's part: .1 of the first is docker's gateway. */
const FIRST_HOST = 10;

/** Private ranges (RFC 1918) that labs take their networks from, in this order. */
const RANGES = ['172.30.0.0/16', '10.213.0.0/16', '10.214.0.0/16'] as const;

/**
 * The first /22 of the lab's ranges that overlaps nothing taken.
 *
 * @param taken networks of this machine's routes and of docker, `a.b.c.d/len`; what is no IPv4 network is passed over
 */
export function chooseNetwork(taken: readonly string[]): string {
  // A default route (length 0) covers everything and takes nothing.
  const networks = taken.map(parseNetwork).filter((network) => network !== undefined && network.length > 0);
  for (const range of RANGES) {
    const whole = parseNetwork(range);
    if (whole === undefined) continue;
    for (let base = whole.base; base < whole.base + 2 ** (32 - whole.length); base += 2 ** (32 - LAB_LENGTH)) {
      const candidate = { base, length: LAB_LENGTH };
      if (!networks.some((network) => network !== undefined && overlap(network, candidate))) return `${dotted(base)}/${LAB_LENGTH}`;
    }
  }
  throw badInput('lab-network', `no free network for a lab in ${RANGES.join(', ')}`, { remedy: 'take down labs that are no longer needed: care-provision lab status' });
}

/**
 * Which of the networks that are taken a lab's overlaps; undefined when it is free.
 *
 * @param taken as for {@link chooseNetwork}
 */
export function takenBy(network: string, taken: readonly string[]): string | undefined {
  const own = parseNetwork(network);
  return taken.find((text) => {
    const other = parseNetwork(text);
    return own !== undefined && other !== undefined && other.length > 0 && overlap(own, other);
  });
}

/**
 * Gives each host an address: site n has the n-th /24 of the lab's network, hosts from .10 on in their order, so that a
 * host's address depends on nothing but the list of hosts.
 *
 * @param network the lab's /22
 */
export function placeHosts(hosts: readonly HostSpec[], network: string): readonly PlacedHost[] {
  const parsed = parseNetwork(network);
  if (parsed === undefined) throw badInput('lab-network', `${JSON.stringify(network)} is no IPv4 network`);
  const sites: string[] = [];
  const used = new Map<string, number>();
  return hosts.map((host) => {
    if (!sites.includes(host.site)) sites.push(host.site);
    const site = sites.indexOf(host.site);
    if (site >= MOST_SITES) throw badInput('lab-sites', `a lab has up to ${MOST_SITES} sites`, { detail: `${host.name} is in site ${host.site}` });
    const index = used.get(host.site) ?? 0;
    used.set(host.site, index + 1);
    if (index > SITE_SIZE - FIRST_HOST - 2) throw badInput('lab-hosts', `site ${host.site} has more hosts than addresses`);
    return { ...host, address: dotted(parsed.base + site * SITE_SIZE + FIRST_HOST + index) };
  });
}

/** The docker name of a host's container. */
export function containerName(lab: string, host: string): string {
  return `${lab}.${host}`;
}

export function networkName(lab: string): string {
  return `care-provision.${lab}`;
}
