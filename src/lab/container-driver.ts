/** The lab's bed of containers: systemd and sshd in Docker. */
import pLimit from 'p-limit';
import { containerPower } from './container-power.ts';
import { containerSpec, type ContainerSpec } from './container.ts';
import { dockerLines, dockerTry, LABEL } from './docker.ts';
import type { LabDriver, Prepared, UpOrder } from './driver.ts';
import { awaitHost, runsAlready, specHash, startWithDocker } from './hosts.ts';
import { ensureImage } from './image.ts';
import { imageTag, RELEASES, type Release } from './image-recipe.ts';
import { raiseInotifyLimit, restoreInotifyLimit } from './inotify.ts';
import { seedFiles, type SeedFile } from './keys.ts';
import { machineFacts, type MachineFacts } from './machine.ts';
import { prepareKernelForNested, prepareNestedHost, restoreKernelOfNested } from './nested-kernel.ts';
import { ensureNetwork } from './network.ts';
import { containerName, type PlacedHost } from './spec.ts';
import { removeContainers, removeLabelled, sweepContainers } from './sweep.ts';

/** How long a host may take from its start to a working sshd. */
const BOOT_MS = 90_000;
/** Hosts started at once: two cores gain nothing from more. */
const PARALLEL = 4;

interface Planned {
  readonly host: PlacedHost;
  readonly spec: ContainerSpec;
  readonly seed: readonly SeedFile[];
  readonly hash: string;
}

async function prepare(order: UpOrder): Promise<Prepared> {
  const images = new Map<Release, string>();
  for (const release of new Set(order.hosts.map((host) => host.release))) images.set(release, await ensureImage(release, order));
  const labels: Record<string, string> = order.owner === undefined ? {} : { [LABEL.owner]: order.owner };
  const network = await ensureNetwork(order.name, labels, order.isolated);
  return { network, start: async (placed) => start(order, placed, images, labels) };
}

async function start(order: UpOrder, placed: readonly PlacedHost[], images: ReadonlyMap<Release, string>, labels: Readonly<Record<string, string>>): Promise<void> {
  const machine = await machineFacts();
  const planned = await plan(order, placed, images, labels, machine);
  await removeContainers(order.name, (container) => !planned.some((each) => each.spec.name === container));
  const nested = placed.filter((host) => host.nested === true).length;
  await raiseInotifyLimit(planned.length + (await otherHosts(order.name)), nested, order.report);
  if (nested > 0) await prepareKernelForNested(order.report);
  await startAll(planned, machine, order);
}

async function plan(
  order: UpOrder,
  hosts: readonly PlacedHost[],
  images: ReadonlyMap<Release, string>,
  labels: Readonly<Record<string, string>>,
  machine: MachineFacts,
): Promise<readonly Planned[]> {
  const planned: Planned[] = [];
  for (const host of hosts) {
    const seed = await seedFiles(order.paths, order.name, host.name);
    const bare = containerSpec(order.name, host, machine, labels);
    const hash = specHash(bare, images.get(host.release) ?? '', seed);
    planned.push({ host, seed, hash, spec: { ...bare, labels: { ...bare.labels, [LABEL.spec]: hash } } });
  }
  return planned;
}

async function otherHosts(lab: string): Promise<number> {
  const labs = await dockerLines(['ps', '--filter', `label=${LABEL.host}`, '--format', `{{.Label "${LABEL.lab}"}}`]);
  return labs.filter((each) => each !== lab).length;
}

async function startAll(planned: readonly Planned[], machine: MachineFacts, order: UpOrder): Promise<void> {
  const limit = pLimit(PARALLEL);
  const begin = order.startContainer ?? startWithDocker;
  const one = async ({ host, spec, seed, hash }: Planned): Promise<void> => {
    order.signal?.throwIfAborted();
    const begun = Date.now();
    const kept = await runsAlready(spec, hash);
    if (!kept) {
      await removeContainers(spec.labels[LABEL.lab] ?? '', (container) => container === spec.name);
      await begin(spec, seed);
    }
    const ready = await awaitHost(spec, BOOT_MS, order.signal);
    if (host.nested === true) await prepareNestedHost(spec.name, machine.cgroup);
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    const failed = ready.failed.length > 0 ? `, failed units: ${ready.failed.join(' ')}` : '';
    order.report(`${host.name} (${host.site}, ${host.release}, ${host.address}): ${kept ? 'was up' : `up in ${seconds} s`}${failed}`);
  };
  const outcomes = await Promise.allSettled(planned.map(async (each) => limit(async () => one(each))));
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}

async function remove(name: string, report: (line: string) => void): Promise<number> {
  const hosts = await removeLabelled([`${LABEL.lab}=${name}`]);
  if ((await dockerLines(['ps', '--all', '--quiet', '--filter', `label=${LABEL.host}`])).length === 0) {
    await restoreInotifyLimit(report);
    await restoreKernelOfNested(report);
  }
  return hosts;
}

async function removeImages(report: (line: string) => void): Promise<void> {
  for (const release of RELEASES) {
    const removed = await dockerTry(['image', 'rm', imageTag(release)]);
    if (removed.status === 0) report(`image ${imageTag(release)}: removed`);
    else if (!/no such image/i.test(removed.stderr)) report(`image ${imageTag(release)} stays: ${removed.stderr.trim()}`);
  }
}

export const containerDriver: LabDriver = {
  name: 'container',
  prepare,
  async look(lab, host) {
    const container = containerName(lab.state.name, host.name);
    const seen = await dockerTry(['container', 'inspect', '--format', '{{.State.Status}}', container]);
    const machine = seen.status === 0 ? seen.stdout.trim() : 'missing';
    return { machine, system: machine === 'running' ? (await dockerTry(['exec', container, 'systemctl', 'is-system-running'])).stdout.trim() : '' };
  },
  async exec(lab, host, argv, options) {
    const flags = options.input === undefined ? [] : ['--interactive'];
    return dockerTry(['exec', ...flags, containerName(lab.state.name, host.name), ...argv], { timeoutMs: options.timeoutMs ?? 60_000, input: options.input });
  },
  power: containerPower,
  remove: async (name, _paths, report) => remove(name, report),
  sweep: sweepContainers,
  removeImages,
  async labs() {
    const labs = new Map<string, number>();
    for (const lab of await dockerLines(['ps', '--all', '--filter', `label=${LABEL.host}`, '--format', `{{.Label "${LABEL.lab}"}}`])) labs.set(lab, (labs.get(lab) ?? 0) + 1);
    return labs;
  },
  snapshots: undefined,
};
