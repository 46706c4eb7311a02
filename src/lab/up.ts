/** `lab up`: from nothing, or from whatever is there, to a lab of the hosts asked for. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import type { Lab } from './access.ts';
import { containerSpec, type ContainerSpec } from './container.ts';
import { dockerLines, LABEL } from './docker.ts';
import { awaitHost, runsAlready, specHash, startWithDocker, type StartContainer } from './hosts.ts';
import { ensureImage } from './image.ts';
import type { Release } from './image-recipe.ts';
import { raiseInotifyLimit } from './inotify.ts';
import { hostsFromInventory } from './inventory-hosts.ts';
import { inventoryText } from './inventory.ts';
import { keptRandom, knownHostsText, seedFiles, type SeedFile } from './keys.ts';
import { withLock } from './lock.ts';
import { machineFacts, type MachineFacts } from './machine.ts';
import { prepareKernelForNested, prepareNestedHost } from './nested-kernel.ts';
import { ensureNetwork } from './network.ts';
import { startProxies, stopProxies } from './proxy-process.ts';
import { checkSpec, DEFAULT_LAB, generateHosts, placeHosts, type HostSpec, type PlacedHost } from './spec.ts';
import { labPaths, makeLabDirectory, readState, writeState, type LabPaths, type LabState } from './state.ts';
import { removeContainers, sweep } from './sweep.ts';
import { isMissing } from '../support/missing.ts';
import { writeWhole } from '../support/write-whole.ts';

/** How long a host may take from its start to a working sshd. */
const BOOT_MS = 90_000;
/** Hosts started at once: two cores gain nothing from more. */
const PARALLEL = 4;
const LOCK_MS = 60_000;
const DEFAULT_HOSTS = 4;

export interface LabUpOptions {
  /** The directory that `.care/` and `inventory/` are in. */
  readonly projectRoot: string;
  readonly name?: string | undefined;
  /** The hosts; without them, the default lab has those of `inventory/lab/hosts.yml`, another lab four generated ones. */
  readonly hosts?: readonly HostSpec[] | undefined;
  /** Emulated round-trip time to each host's sshd, in milliseconds. */
  readonly rttMs?: number | undefined;
  /** Where the generated inventory goes; see {@link defaultInventoryFile}. */
  readonly inventoryFile?: string | undefined;
  /** The lab belongs to a process, named by `ownerOf`: it is swept once that is gone. For tests. */
  readonly owner?: string | undefined;
  /** No way leads out of the lab's network: hosts of a site without internet. */
  readonly isolated?: boolean | undefined;
  /** Builds images anew, for newer packages. */
  readonly rebuild?: boolean | undefined;
  /** Told each step, one line each. */
  readonly report?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Makes and starts a container; the docker command line unless told otherwise. */
  readonly startContainer?: StartContainer | undefined;
}

/** The default lab's goes beside its hand-written inventory; others keep theirs to themselves. */
export function defaultInventoryFile(projectRoot: string, lab: string): string {
  return lab === DEFAULT_LAB ? join(projectRoot, 'inventory', 'lab', 'zz_generated.yml') : join(labPaths(projectRoot, lab).directory, 'inventory.yml');
}

interface Planned {
  readonly host: PlacedHost;
  readonly spec: ContainerSpec;
  readonly seed: readonly SeedFile[];
  readonly hash: string;
}

/**
 * Brings a lab up. Hosts that run already as they should are kept; others are made anew; those no longer
 * asked for are removed. After a `lab up` that was killed, the next one repairs.
 *
 * @throws Diagnostic of docker.ts, image.ts, hosts.ts, spec.ts and lock.ts
 */
export async function labUp(options: LabUpOptions): Promise<Lab> {
  const name = options.name ?? DEFAULT_LAB;
  const inventory = options.hosts === undefined && name === DEFAULT_LAB ? await readHosts(options.projectRoot) : undefined;
  const hosts = options.hosts ?? inventory ?? generateHosts(DEFAULT_HOSTS, name === DEFAULT_LAB ? undefined : `${name}-`);
  checkSpec(name, hosts);
  const paths = labPaths(options.projectRoot, name);
  await mkdir(dirname(paths.lock), { recursive: true });
  return withLock(paths.lock, LOCK_MS, async () => bring(name, hosts, paths, options, inventory === undefined));
}

async function readHosts(projectRoot: string): Promise<readonly HostSpec[] | undefined> {
  const path = join(projectRoot, 'inventory', 'lab', 'hosts.yml');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return undefined;
    throw cause;
  });
  return text === undefined ? undefined : hostsFromInventory(text, path);
}

async function bring(name: string, specs: readonly HostSpec[], paths: LabPaths, options: LabUpOptions, withSites: boolean): Promise<Lab> {
  const report = options.report ?? ((): void => undefined);
  const swept = await sweep(options.projectRoot);
  if (swept.length > 0) report(`removed what a killed run left: lab ${swept.join(', ')}`);
  const images = new Map<Release, string>();
  for (const release of new Set(specs.map((host) => host.release))) {
    images.set(release, await ensureImage(release, { report, signal: options.signal, rebuild: options.rebuild }));
  }
  const labels: Record<string, string> = options.owner === undefined ? {} : { [LABEL.owner]: options.owner };
  const network = await ensureNetwork(name, labels, options.isolated);
  const placed = placeHosts(specs, network);
  await makeLabDirectory(paths);
  const before = await readState(paths);
  if (before?.proxy !== undefined) await stopProxies(before.proxy.owner);
  let state: LabState = {
    name,
    network,
    inventoryFile: options.inventoryFile ?? defaultInventoryFile(options.projectRoot, name),
    hosts: placed.map((host) => ({ ...host, sshAddress: host.address, sshPort: 22 })),
  };
  // Written before the first container, so that `lab down` knows of the inventory file after a kill.
  await writeState(paths, state);
  const machine = await machineFacts();
  const planned = await plan(name, placed, images, paths, labels, machine);
  await removeContainers(name, (container) => !planned.some((each) => each.spec.name === container));
  const nested = placed.filter((host) => host.nested === true).length;
  await raiseInotifyLimit(planned.length + (await otherHosts(name)), nested, report);
  if (nested > 0) await prepareKernelForNested(report);
  await startAll(planned, machine, options, report);
  if (options.rttMs !== undefined && options.rttMs > 0) state = await putFarAway(state, options.rttMs, paths, options.owner, report);
  await writeAccess(state, planned, paths, withSites);
  return { state, paths };
}

async function plan(
  lab: string,
  hosts: readonly PlacedHost[],
  images: ReadonlyMap<Release, string>,
  paths: LabPaths,
  labels: Readonly<Record<string, string>>,
  machine: MachineFacts,
): Promise<readonly Planned[]> {
  const planned: Planned[] = [];
  for (const host of hosts) {
    const seed = await seedFiles(paths, lab, host.name);
    const bare = containerSpec(lab, host, machine, labels);
    const hash = specHash(bare, images.get(host.release) ?? '', seed);
    planned.push({ host, seed, hash, spec: { ...bare, labels: { ...bare.labels, [LABEL.spec]: hash } } });
  }
  return planned;
}

async function otherHosts(lab: string): Promise<number> {
  const labs = await dockerLines(['ps', '--filter', `label=${LABEL.host}`, '--format', `{{.Label "${LABEL.lab}"}}`]);
  return labs.filter((each) => each !== lab).length;
}

async function startAll(planned: readonly Planned[], machine: MachineFacts, options: LabUpOptions, report: (line: string) => void): Promise<void> {
  const limit = pLimit(PARALLEL);
  const start = options.startContainer ?? startWithDocker;
  const one = async ({ host, spec, seed, hash }: Planned): Promise<void> => {
    options.signal?.throwIfAborted();
    const begun = Date.now();
    const kept = await runsAlready(spec, hash);
    if (!kept) {
      await removeContainers(spec.labels[LABEL.lab] ?? '', (container) => container === spec.name);
      await start(spec, seed);
    }
    const ready = await awaitHost(spec, BOOT_MS, options.signal);
    if (host.nested === true) await prepareNestedHost(spec.name, machine.cgroup);
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    const failed = ready.failed.length > 0 ? `, failed units: ${ready.failed.join(' ')}` : '';
    report(`${host.name} (${host.site}, ${host.release}, ${host.address}): ${kept ? 'was up' : `up in ${seconds} s`}${failed}`);
  };
  const outcomes = await Promise.allSettled(planned.map(async (each) => limit(async () => one(each))));
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}

async function putFarAway(state: LabState, rttMs: number, paths: LabPaths, owner: string | undefined, report: (line: string) => void): Promise<LabState> {
  const running = await startProxies({ rttMs, hosts: state.hosts.map(({ name, address }) => ({ name, address })), state: paths.state, owner });
  report(`a delay proxy emulates ${rttMs} ms to each host's sshd, through loopback`);
  const far: LabState = {
    ...state,
    hosts: state.hosts.map((host) => ({ ...host, sshAddress: '127.0.0.1', sshPort: running.ports.get(host.name) ?? host.sshPort })),
    proxy: { owner: running.owner, rttMs, statsPort: running.statsPort },
  };
  await writeState(paths, far);
  return far;
}

async function writeAccess(state: LabState, planned: readonly Planned[], paths: LabPaths, withSites: boolean): Promise<void> {
  const publicKeys = new Map(planned.map(({ host, seed }) => [host.name, seed.find((file) => file.name === 'ssh_host_ed25519_key.pub')?.text ?? '']));
  await writeWhole(paths.knownHosts, knownHostsText(state.hosts, publicKeys));
  await mkdir(dirname(state.inventoryFile), { recursive: true });
  await writeWhole(
    state.inventoryFile,
    inventoryText({ lab: state.name, hosts: state.hosts, privateKeyFile: paths.loginKey, knownHostsFile: paths.knownHosts, withSites, secret: await keptRandom(paths.secret) }),
    0o644,
  );
}
