/** `lab up`: from nothing, or from whatever is there, to a lab of the hosts asked for. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { badInput } from '../support/diagnostic.ts';
import { isMissing } from '../support/missing.ts';
import { writeWhole } from '../support/write-whole.ts';
import type { Lab } from './driver.ts';
import type { DriverName } from './driver-name.ts';
import { driverNamed, sweep } from './drivers.ts';
import type { StartContainer } from './hosts.ts';
import { hostsFromInventory } from './inventory-hosts.ts';
import { inventoryText } from './inventory.ts';
import { keptRandom, knownHostsText, seedFiles } from './keys.ts';
import { withLock } from './lock.ts';
import { startProxies, stopProxies } from './proxy-process.ts';
import { checkSpec, DEFAULT_LAB, generateHosts, placeHosts, type HostSpec } from './spec.ts';
import { labPaths, makeLabDirectory, readState, writeState, type LabPaths, type LabState } from './state.ts';
import type { Acceleration } from './vm/qemu-arguments.ts';
import type { Wan } from './vm/words.ts';

/** For people. */
const BED: Readonly<Record<DriverName, string>> = { container: 'containers', vm: 'virtual machines' };
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
  /** The bed: containers, unless told otherwise or the lab is there already. */
  readonly driver?: DriverName | undefined;
  /** Virtual machines only: delay and loss between sites. */
  readonly wan?: Wan | undefined;
  /** Virtual machines only: insists on KVM or software emulation. */
  readonly acceleration?: 'auto' | Acceleration | undefined;
  /** Virtual machines only: memory in MiB, CPUs and extra disks (GiB) of hosts that do not say it themselves. */
  readonly size?: Pick<HostSpec, 'memoryMiB' | 'cpus' | 'disksGiB'> | undefined;
  /** Makes and starts a container; the docker command line unless told otherwise. */
  readonly startContainer?: StartContainer | undefined;
}

/** The default lab's goes beside its hand-written inventory; others keep theirs to themselves. */
export function defaultInventoryFile(projectRoot: string, lab: string): string {
  return lab === DEFAULT_LAB ? join(projectRoot, 'inventory', 'lab', 'zz_generated.yml') : join(labPaths(projectRoot, lab).directory, 'inventory.yml');
}

/**
 * Brings a lab up. Hosts that run already as they should are kept; others are made anew; those no longer
 * asked for are removed. After a `lab up` that was killed, the next one repairs.
 *
 * @throws Diagnostic of the bed (docker.ts, image.ts, hosts.ts; vm/), spec.ts and lock.ts; `lab-driver`
 */
export async function labUp(options: LabUpOptions): Promise<Lab> {
  const name = options.name ?? DEFAULT_LAB;
  const inventory = options.hosts === undefined && name === DEFAULT_LAB ? await readHosts(options.projectRoot) : undefined;
  const listed = options.hosts ?? inventory ?? generateHosts(DEFAULT_HOSTS, name === DEFAULT_LAB ? undefined : `${name}-`);
  const hosts = listed.map((host) => ({ ...options.size, ...host }));
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
  const before = await readState(paths);
  const driver = driverNamed(options.driver ?? before?.driver ?? 'container');
  if (before !== undefined && before.driver !== driver.name) {
    throw badInput('lab-driver', `lab ${name} is one of ${BED[before.driver]}, not of ${BED[driver.name]}`, { remedy: 'lab down first, or give the other lab a --name of its own' });
  }
  const prepared = await driver.prepare({
    name,
    projectRoot: options.projectRoot,
    paths,
    hosts: specs,
    before,
    owner: options.owner,
    isolated: options.isolated ?? false,
    rebuild: options.rebuild ?? false,
    report,
    signal: options.signal,
    startContainer: options.startContainer,
    wan: options.wan,
    acceleration: options.acceleration ?? 'auto',
  });
  const placed = placeHosts(specs, prepared.network);
  await makeLabDirectory(paths);
  if (before?.proxy !== undefined) await stopProxies(before.proxy.owner);
  let state: LabState = {
    name,
    driver: driver.name,
    network: prepared.network,
    inventoryFile: options.inventoryFile ?? defaultInventoryFile(options.projectRoot, name),
    hosts: placed.map((host) => ({ ...host, sshAddress: host.address, sshPort: 22 })),
  };
  // Written before the first host, so that `lab down` knows of the inventory file after a kill.
  await writeState(paths, state);
  await prepared.start(placed);
  if (options.rttMs !== undefined && options.rttMs > 0) state = await putFarAway(state, options.rttMs, paths, options.owner, report);
  await writeAccess(state, paths, withSites);
  return { state, paths };
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

async function writeAccess(state: LabState, paths: LabPaths, withSites: boolean): Promise<void> {
  const publicKeys = new Map<string, string>();
  for (const host of state.hosts) publicKeys.set(host.name, (await seedFiles(paths, state.name, host.name)).find((file) => file.name === 'ssh_host_ed25519_key.pub')?.text ?? '');
  await writeWhole(paths.knownHosts, knownHostsText(state.hosts, publicKeys));
  await mkdir(dirname(state.inventoryFile), { recursive: true });
  await writeWhole(
    state.inventoryFile,
    inventoryText({ lab: state.name, hosts: state.hosts, privateKeyFile: paths.loginKey, knownHostsFile: paths.knownHosts, withSites, secret: await keptRandom(paths.secret) }),
    0o644,
  );
}
