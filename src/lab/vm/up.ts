/** `lab up` with virtual machines: images, network, then each host. */
import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { badInput, failure } from '../../support/diagnostic.ts';
import type { Prepared, UpOrder } from '../driver.ts';
import type { Release } from '../image-recipe.ts';
import { seedFiles, type SeedFile } from '../keys.ts';
import { takenNetworks } from '../network.ts';
import { chooseNetwork, takenBy, type HostSpec, type PlacedHost } from '../spec.ts';
import { chooseAcceleration, type Chosen } from './acceleration.ts';
import { guestExec } from './guest-exec.ts';
import { ensureVmImage, type VmImage } from './image.ts';
import { awaitMachine, disksThere, machineHash, makeMachine, readRecord, writeSeed } from './machine.ts';
import { openMonitor } from './json-socket.ts';
import { guestPaths, type GuestPaths } from './names.ts';
import { ensureVmNetwork, hasVmInterfaces } from './network.ts';
import { killMachine, machineProcess, startMachine } from './process.ts';
import { qemuArguments } from './qemu-arguments.ts';
import { machinesOf, register, registered } from './registry.ts';
import { nameservers, vmSeed } from './seed.ts';
import { LAB_TOOLS, needTools } from './tools.ts';
import { checkCapacity } from './words.ts';

/** From the start to a working sshd, in milliseconds; software emulation with a busy machine takes its time. */
const BOOT_MS = { kvm: 120_000, tcg: 600_000 } as const;
const SETTLE_MS = 60_000;

/** Refuses before anything is made. @throws Diagnostic `lab-vm-machine`, `program-missing` */
async function checkMachine(): Promise<void> {
  if (process.arch !== 'x64') throw badInput('lab-vm-machine', `virtual machines of the lab need an x86-64 machine, and this is ${process.arch}`, { remedy: 'use the lab of containers (without --driver vm)' });
  if (process.getuid?.() !== 0) {
    throw badInput('lab-vm-machine', 'the lab of virtual machines needs root: it makes bridges, taps and firewall rules', { remedy: 'sudo care-provision lab up --driver vm, or the lab of containers (without --driver vm)' });
  }
  await needTools(LAB_TOOLS, 'the lab of virtual machines needs');
}

async function capacity(): Promise<{ availableMiB: number; cpus: number }> {
  const meminfo = await readFile('/proc/meminfo', 'utf8');
  return { availableMiB: Math.floor(Number(/^MemAvailable:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0) / 1024), cpus: availableParallelism() };
}

async function machineNameservers(): Promise<readonly string[]> {
  // systemd-resolved's stub is on loopback; the servers that it asks are in a file beside (systemd-resolved(8)).
  for (const path of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const found = nameservers(await readFile(path, 'utf8').catch(() => ''));
    if (found.length > 0) return found;
  }
  return [];
}

/** What must be running anew: the memory of the others is taken already. */
async function off(order: UpOrder): Promise<readonly HostSpec[]> {
  const processes = await Promise.all(order.hosts.map(async (host) => machineProcess(guestPaths(order.paths, order.name, host.name))));
  return order.hosts.filter((_, index) => processes[index] === undefined);
}

/**
 * The lab's own network from before this machine was restarted: hosts with other addresses would be other hosts.
 *
 * @throws Diagnostic `lab-network` when somebody else has it by now: the lab would take away that one's routes
 */
async function networkBefore(order: UpOrder): Promise<string | undefined> {
  const network = order.before?.network;
  if (network === undefined || (await hasVmInterfaces(order.name))) return network;
  const taker = takenBy(network, await takenNetworks());
  if (taker === undefined) return network;
  throw badInput('lab-network', `the network of lab ${order.name}, ${network}, is in use by something else on this machine now (${taker})`, {
    remedy: `take that down, or care-provision lab down --name ${order.name}: its hosts are made anew then, with other addresses`,
  });
}

export async function prepare(order: UpOrder): Promise<Prepared> {
  if (order.hosts.some((host) => host.nested === true)) order.report('lab_nested is for containers: a virtual machine runs containers as it is');
  await checkMachine();
  const running = await registered(order.name);
  if (running !== undefined && running.projectRoot !== order.projectRoot) {
    throw badInput('lab-elsewhere', `a lab ${order.name} of virtual machines is up already, of the checkout ${running.projectRoot}`, { remedy: `take it down there, or give this one another --name` });
  }
  checkCapacity(await off(order), await capacity());
  const images = new Map<Release, VmImage>();
  for (const release of new Set(order.hosts.map((host) => host.release))) images.set(release, await ensureVmImage(release, order));
  const [first] = images.values();
  const chosen = await chooseAcceleration(first?.kernel ?? '', order.acceleration, order.report);
  order.report(chosen.kind === 'kvm' ? 'virtual machines run with KVM' : `virtual machines run in software emulation, several times slower than with KVM: ${chosen.why ?? ''}`);
  const network = running?.network ?? (await networkBefore(order)) ?? chooseNetwork(await takenNetworks());
  return { network, start: async (placed) => startAll(order, placed, network, images, chosen) };
}

interface Given {
  readonly order: UpOrder;
  readonly placed: readonly PlacedHost[];
  readonly network: string;
  readonly images: ReadonlyMap<Release, VmImage>;
  readonly chosen: Chosen;
  readonly servers: readonly string[];
  /** By host name: made one after the other, since the first makes the key that all let in. */
  readonly keys: ReadonlyMap<string, readonly SeedFile[]>;
}

async function startAll(order: UpOrder, placed: readonly PlacedHost[], network: string, images: ReadonlyMap<Release, VmImage>, chosen: Chosen): Promise<void> {
  // Registered first: whatever is made from here on is found again after a kill.
  await register({ name: order.name, projectRoot: order.projectRoot, network, owner: order.owner, hosts: placed.map(({ name, address }) => ({ name, address })) });
  await removeOthers(order, placed);
  await ensureVmNetwork(order.name, network, placed, order.isolated, order.report);
  const servers = await machineNameservers();
  if (servers.length === 0) order.report("this machine's name servers are on its loopback only: hosts of the lab resolve their own names and no others");
  // Software emulation keeps a core busy for each host that boots.
  const limit = pLimit(Math.max(1, Math.min(4, availableParallelism())));
  const keys = new Map<string, readonly SeedFile[]>();
  for (const host of placed) keys.set(host.name, await seedFiles(order.paths, order.name, host.name));
  const given: Given = { order, placed, network, images, chosen, servers, keys };
  const outcomes = await Promise.allSettled(placed.map(async (host) => limit(async () => startOne(given, host))));
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}

async function removeOthers(order: UpOrder, placed: readonly PlacedHost[]): Promise<void> {
  for (const name of (await machinesOf(order.name)).keys()) {
    if (placed.some((host) => host.name === name)) continue;
    const paths = guestPaths(order.paths, order.name, name);
    await killMachine(paths);
    await rm(paths.run, { recursive: true, force: true });
    await rm(paths.directory, { recursive: true, force: true });
  }
}

async function startOne({ order, placed, network, images, chosen, servers, keys }: Given, host: PlacedHost): Promise<void> {
  order.signal?.throwIfAborted();
  const begun = Date.now();
  const image = images.get(host.release);
  if (image === undefined) throw failure('vm-start', `there is no image of ${host.release}`);
  const paths = guestPaths(order.paths, order.name, host.name);
  const seed = vmSeed({ lab: order.name, network, host, hosts: placed, keys: keys.get(host.name) ?? [], nameservers: servers, wan: order.wan });
  const args = qemuArguments(order.name, host, paths, chosen.kind, seed.map((file) => file.name));
  const hash = machineHash(image, host, args, seed);
  const record = await readRecord(paths);
  const same = record?.hash === hash && (await disksThere(paths, host, image));
  if (same) await writeSeed(paths, seed);
  else {
    await killMachine(paths);
    await makeMachine(paths, host, image, seed, { hash, args: [...args] });
  }
  const kept = (await machineProcess(paths)) !== undefined;
  if (kept) await goOn(paths);
  else await startMachine(paths, args, order.signal);
  const failed = await awaitMachine(order.name, host, paths, BOOT_MS[chosen.kind], order.signal);
  if (kept) await settle(paths.agent, host.name, seed);
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  order.report(`${host.name} (${host.site}, ${host.release}, ${host.address}): ${kept ? 'was up' : `up in ${seconds} s`}${failed.length > 0 ? `, failed units: ${failed.join(' ')}` : ''}`);
}

/** A `lab snapshot` that was killed leaves machines standing still. To one that runs this says nothing. */
async function goOn(paths: GuestPaths): Promise<void> {
  const monitor = await openMonitor(paths.qmp);
  try {
    await monitor.ask('cont');
  } finally {
    monitor.close();
  }
}

/** What may differ on a host that runs on: the way to other sites, and the names of hosts that are new. */
async function settle(agent: string, host: string, seed: readonly { readonly name: string; readonly text: string }[]): Promise<void> {
  const text = (name: string): string => seed.find((file) => file.name === name)?.text ?? '';
  const names = await guestExec(agent, ['sh', '-c', 'while read -r line; do grep -qxF "$line" /etc/hosts || printf "%s\\n" "$line" >>/etc/hosts; done'], { timeoutMs: SETTLE_MS, input: text('hosts') });
  const wan = await guestExec(agent, ['sh'], { timeoutMs: SETTLE_MS, input: text('wan') });
  for (const ran of [names, wan]) if (ran.status !== 0) throw failure('vm-settle', `lab host ${host} did not take the lab's new settings`, { detail: ran.stderr.trim() });
}
