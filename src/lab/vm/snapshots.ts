/** Snapshots of a whole lab: disks and, of machines that run, memory, all at one moment, inside the machines' own disk files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { badInput, failure } from '../../support/diagnostic.ts';
import type { Lab, SnapshotEntry, Snapshots } from '../driver.ts';
import { lastLines, runProgram } from '../process.ts';
import type { PlacedHost } from '../spec.ts';
import { guestExec } from './guest-exec.ts';
import { openMonitor, type Conversation } from './json-socket.ts';
import { readRecord } from './machine.ts';
import { guestPaths, type GuestPaths } from './names.ts';
import { killMachine, machineProcess, startMachine } from './process.ts';
import { newestTag, nextTag, otherTags, wholeSnapshots, type TaggedSnapshot } from './snapshot-tags.ts';

const DISK_MS = 120_000;
const SAVE_MS = 180_000;
const CLOCK_MS = 60_000;
const POLL_MS = 100;

interface Machine {
  readonly name: string;
  readonly paths: GuestPaths;
  readonly disks: readonly string[];
  readonly running: boolean;
}

async function machines(lab: Lab): Promise<readonly Machine[]> {
  return Promise.all(
    lab.state.hosts.map(async (host: PlacedHost) => {
      const paths = guestPaths(lab.paths, lab.state.name, host.name);
      return { name: host.name, paths, disks: [paths.root, ...(host.disksGiB ?? []).map((_, index) => paths.disk(index))], running: (await machineProcess(paths)) !== undefined };
    }),
  );
}

const Info = z.looseObject({ snapshots: z.array(z.looseObject({ name: z.string(), 'vm-state-size': z.int() })).optional() });

async function qemuImg(args: readonly string[]): Promise<string> {
  const ran = await runProgram('qemu-img', args, { timeoutMs: DISK_MS });
  if (ran.status !== 0) throw failure('vm-snapshot', `qemu-img ${args.slice(0, 2).join(' ')} failed`, { detail: lastLines(ran.stderr) });
  return ran.stdout;
}

/** Asked of the disk's file; `--force-share` because QEMU may hold it. */
async function snapshotsOf(disk: string): Promise<readonly TaggedSnapshot[]> {
  const info = Info.parse(JSON.parse(await qemuImg(['info', '--force-share', '--output=json', disk])));
  return (info.snapshots ?? []).map((each) => ({ tag: each.name, running: each['vm-state-size'] > 0 }));
}

const Jobs = z.array(z.looseObject({ id: z.string(), status: z.string(), error: z.string().optional() }));

/** A job of QEMU's (QEMU QMP reference, "Background jobs"), to its end. */
async function job(monitor: Conversation, command: string, parameters: Readonly<Record<string, unknown>>): Promise<void> {
  const id = 'care-lab';
  await monitor.ask(command, { 'job-id': id, ...parameters });
  const deadline = Date.now() + SAVE_MS;
  for (;;) {
    const seen = Jobs.parse(await monitor.ask('query-jobs')).find((each) => each.id === id);
    if (seen === undefined || seen.status === 'concluded') {
      if (seen !== undefined) await monitor.ask('job-dismiss', { id });
      if (seen?.error !== undefined) throw failure('vm-snapshot', `QEMU could not carry out ${command}`, { detail: seen.error });
      return;
    }
    if (Date.now() > deadline) throw failure('vm-snapshot', `${command} did not end within ${SAVE_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}

const Blocks = z.array(z.looseObject({ inserted: z.looseObject({ 'node-name': z.string(), file: z.string() }).optional() }));

async function nodeOf(monitor: Conversation, file: string): Promise<string> {
  const node = Blocks.parse(await monitor.ask('query-block')).find((each) => each.inserted?.file === file)?.inserted?.['node-name'];
  if (node === undefined) throw failure('vm-snapshot', `QEMU does not know the disk ${file}`);
  return node;
}

async function nodesOf(machine: Machine, monitor: Conversation): Promise<readonly string[]> {
  const devices: string[] = [];
  for (const file of machine.disks) devices.push(await nodeOf(monitor, file));
  return devices;
}

async function saveRunning(machine: Machine, monitor: Conversation, tag: string): Promise<void> {
  const devices = await nodesOf(machine, monitor);
  await job(monitor, 'snapshot-save', { tag, vmstate: devices[0], devices });
}

/** Takes tags away, from those disks that have them. @param monitor of a machine that runs */
async function forget(machine: Machine, monitor: Conversation | undefined, tags: readonly string[]): Promise<void> {
  for (const tag of tags) {
    if (monitor !== undefined) await job(monitor, 'snapshot-delete', { tag, devices: await nodesOf(machine, monitor) });
    else for (const disk of machine.disks) if ((await snapshotsOf(disk)).some((each) => each.tag === tag)) await qemuImg(['snapshot', '-d', tag, disk]);
  }
}

/** All of them, also when one does not answer: a machine that stands still looks dead to everybody. */
async function goOn(monitors: readonly Conversation[]): Promise<void> {
  const gone = (await Promise.allSettled(monitors.map(async (monitor) => monitor.ask('cont')))).find((each) => each.status === 'rejected');
  if (gone !== undefined) throw gone.reason;
}

/** All machines stand still while the first is saved and until the last is, so that no host remembers what another has not sent yet. */
async function saveAll(all: readonly Machine[], monitors: ReadonlyMap<Machine, Conversation>, tag: string): Promise<void> {
  try {
    for (const monitor of monitors.values()) await monitor.ask('stop');
    for (const [machine, monitor] of monitors) await saveRunning(machine, monitor, tag);
  } finally {
    await goOn([...monitors.values()]);
  }
  // The first disk last: it is the one that is asked what there is.
  for (const machine of all) if (!machine.running) for (const disk of machine.disks.toReversed()) await qemuImg(['snapshot', '-c', tag, disk]);
}

/** An older one of that name goes when all machines have the new one, and not before. */
async function save(lab: Lab, name: string): Promise<void> {
  checkName(name);
  const all = await machines(lab);
  const monitors = new Map<Machine, Conversation>();
  try {
    for (const machine of all) if (machine.running) monitors.set(machine, await openMonitor(machine.paths.qmp));
    const tag = nextTag(await tagsOf(all), name);
    await saveAll(all, monitors, tag);
    for (const machine of all) await forget(machine, monitors.get(machine), otherTags(await snapshotsOf(machine.paths.root), name, tag));
  } finally {
    for (const monitor of monitors.values()) monitor.close();
  }
}

async function tagsOf(all: readonly Machine[]): Promise<readonly (readonly TaggedSnapshot[])[]> {
  return Promise.all(all.map(async (machine) => snapshotsOf(machine.paths.root)));
}

/**
 * Machines that ran go on where they were, and their clocks are set to now; those that were off are off. What a machine that runs has
 * done since is gone. They are started anew, so that it does not matter in what state they are.
 */
async function restore(lab: Lab, name: string, report: (line: string) => void): Promise<void> {
  const all = await machines(lab);
  const tags = await tagsOf(all);
  const tag = newestTag(tags, name);
  if (tag === undefined) {
    const known = wholeSnapshots(tags).map((each) => each.name);
    const without = all.find((_, index) => newestTag([tags[index] ?? []], name) === undefined);
    throw badInput('lab-no-snapshot', without === undefined ? `no snapshot ${name} of all hosts is whole` : `host ${without.name} has no snapshot ${name}`, { detail: known.length === 0 ? 'the lab has none' : `the lab has ${known.join(', ')}` });
  }
  for (const machine of all) await killMachine(machine.paths);
  for (const machine of all) for (const disk of machine.disks) await qemuImg(['snapshot', '-a', tag, disk]);
  // At once, so that no host waits long for its neighbours to go on.
  const outcomes = await Promise.allSettled(
    all.map(async (machine, index) => {
      const running = tags[index]?.find((each) => each.tag === tag)?.running === true;
      if (running) await resume(machine, tag);
      report(`${machine.name}: ${running ? 'goes on where it was' : 'as it was, and off'}`);
    }),
  );
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}

async function resume(machine: Machine, tag: string): Promise<void> {
  const record = await readRecord(machine.paths);
  if (record === undefined) throw failure('vm-missing', `there is no machine in ${machine.paths.directory}`, { remedy: 'care-provision lab up makes it' });
  await startMachine(machine.paths, [...record.args, '-loadvm', tag]);
  const seconds = (Date.now() / 1000).toFixed(3);
  const set = await guestExec(machine.paths.agent, ['date', '-u', '-s', `@${seconds}`], { timeoutMs: CLOCK_MS });
  if (set.status !== 0) throw failure('vm-snapshot', `host ${machine.name} goes on, but its clock could not be set to now`, { detail: set.stderr.trim() });
}

/** Those that every host has. */
async function list(lab: Lab): Promise<readonly SnapshotEntry[]> {
  return wholeSnapshots(await tagsOf(await machines(lab)));
}

function checkName(name: string): void {
  // Only digits would be taken for a snapshot's number (qemu-img(1)).
  if (!/^[a-z][a-z0-9.-]{0,62}$/.test(name)) throw badInput('lab-snapshot-name', `${JSON.stringify(name)} can't name a snapshot`, { detail: 'lower-case letters, digits, dots and hyphens, beginning with a letter' });
}

export const vmSnapshots: Snapshots = { save, restore, list };
