/** One virtual machine: its disks made, started, awaited. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { failure } from '../../support/diagnostic.ts';
import { writeWhole } from '../../support/write-whole.ts';
import { sshBanner } from '../hosts.ts';
import type { SeedFile } from '../keys.ts';
import { lastLines, runProgram } from '../process.ts';
import type { PlacedHost } from '../spec.ts';
import { guestLook } from './guest-exec.ts';
import type { VmImage } from './image.ts';
import type { GuestPaths } from './names.ts';
import { machineProcess } from './process.ts';

const IMAGE_MS = 60_000;
const POLL_MS = 500;
const LOOK_MS = 20_000;
/** What is shown of a console. */
const CONSOLE_BYTES = 8_192;

const Record_ = z.strictObject({
  /** Of what the machine was made from: another one means that it is made anew. */
  hash: z.string(),
  /** Of QEMU. */
  args: z.array(z.string()),
});
export type MachineRecord = z.infer<typeof Record_>;

/** How a machine was made. @returns undefined when it was not, or not to the end */
export async function readRecord(paths: GuestPaths): Promise<MachineRecord | undefined> {
  const text = await readFile(paths.record, 'utf8').catch(() => '');
  try {
    return Record_.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // Cut off, or none: the machine is made anew.
  }
}

/** Same hash, same machine: image, QEMU's arguments, keys and addresses. The way between sites may change while it runs. */
export function machineHash(image: VmImage, host: PlacedHost, args: readonly string[], seed: readonly SeedFile[]): string {
  const kept = seed.filter((file) => file.name !== 'wan' && file.name !== 'hosts');
  return createHash('sha256').update(JSON.stringify([image.disk, host, args, kept])).digest('hex').slice(0, 16);
}

/** Seed files are read by QEMU at each start of the machine. */
export async function writeSeed(paths: GuestPaths, seed: readonly SeedFile[]): Promise<void> {
  await mkdir(paths.seed, { recursive: true, mode: 0o700 });
  for (const file of seed) await writeWhole(join(paths.seed, file.name), file.text);
}

/** Whether all disks, and the image under the first, are there. */
export async function disksThere(paths: GuestPaths, host: PlacedHost, image: VmImage): Promise<boolean> {
  const files = [image.disk, paths.root, ...(host.disksGiB ?? []).map((_, index) => paths.disk(index))];
  const found = await Promise.all(files.map(async (file) => stat(file).then(() => true, () => false)));
  return found.every((each) => each);
}

/** Makes a machine's disks, empty but for what the image has; whatever was there of it before is gone. */
export async function makeMachine(paths: GuestPaths, host: PlacedHost, image: VmImage, seed: readonly SeedFile[], record: MachineRecord): Promise<void> {
  await rm(paths.directory, { recursive: true, force: true });
  await mkdir(paths.directory, { recursive: true, mode: 0o700 });
  await createDisk(['-b', image.disk, '-F', 'qcow2', paths.root]);
  for (const [index, size] of (host.disksGiB ?? []).entries()) await createDisk([paths.disk(index), `${size}G`]);
  await writeSeed(paths, seed);
  await writeWhole(paths.record, `${JSON.stringify(record)}\n`);
}

async function createDisk(args: readonly string[]): Promise<void> {
  const made = await runProgram('qemu-img', ['create', '-q', '-f', 'qcow2', ...args], { timeoutMs: IMAGE_MS });
  if (made.status !== 0) throw failure('vm-disk', 'qemu-img could not make a disk of the lab', { detail: lastLines(made.stderr) });
}

/** The end of what a machine wrote to its serial console. */
export async function consoleTail(paths: GuestPaths): Promise<string> {
  const file = await open(paths.console, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, CONSOLE_BYTES));
    await file.read(buffer, 0, buffer.length, size - buffer.length);
    // Colours and cursor movements of systemd and of the firmware.
    return lastLines(buffer.toString('utf8').replaceAll(/\u001b(?:\[[0-9;?]*[A-Za-z]|c)|\r/g, ''), 20);
  } finally {
    await file.close();
  }
}

/** A file beside all labs, which stays when the lab goes: what a failed machine said last. */
export function keptConsole(paths: GuestPaths, lab: string, host: string): string {
  return join(dirname(dirname(dirname(dirname(paths.directory)))), 'lab-failed', `${lab}.${host}.console.log`);
}

/** Keeps the whole console of a machine that failed. @returns where */
async function keepConsole(paths: GuestPaths, lab: string, host: string): Promise<string> {
  const kept = keptConsole(paths, lab, host);
  await mkdir(dirname(kept), { recursive: true });
  await copyFile(paths.console, kept).catch(async () => writeFile(kept, ''));
  return kept;
}

/**
 * Waits until systemd has booted, as the guest's agent says, and sshd answers over the network.
 *
 * @param timeoutMs milliseconds for all of it
 * @returns units that failed, none on a host that is well
 * @throws Diagnostic `vm-dead` when the machine ended, `vm-slow` when the time is over; the console is kept
 */
export async function awaitMachine(lab: string, host: PlacedHost, paths: GuestPaths, timeoutMs: number, signal?: AbortSignal): Promise<readonly string[]> {
  const deadline = Date.now() + timeoutMs;
  let last = 'its agent does not answer';
  for (;;) {
    signal?.throwIfAborted();
    if ((await machineProcess(paths)) === undefined) {
      const kept = await keepConsole(paths, lab, host.name);
      throw failure('vm-dead', `lab host ${host.name} did not boot: its QEMU has ended`, { detail: await consoleTail(paths), remedy: `the whole console is in ${kept}` });
    }
    const state = await guestLook(paths.agent, ['systemctl', 'is-system-running'], LOOK_MS);
    const word = state.stdout.trim();
    if (word !== '') last = `systemd is ${word}`;
    if (word === 'running' || word === 'degraded') {
      if (await sshBanner(host.address, 22)) return word === 'degraded' ? await failedUnits(paths) : [];
      last += ', but sshd does not answer over the network';
    }
    if (Date.now() > deadline) {
      const kept = await keepConsole(paths, lab, host.name);
      throw failure('vm-slow', `lab host ${host.name} is not ready after ${timeoutMs / 1000} s: ${last}`, {
        detail: await consoleTail(paths),
        remedy: `the whole console is in ${kept}; on a busy machine try fewer hosts; where KVM starts and then hangs, lab up --accel tcg`,
      });
    }
    await sleep(POLL_MS);
  }
}

async function failedUnits(paths: GuestPaths): Promise<readonly string[]> {
  const list = await guestLook(paths.agent, ['systemctl', '--failed', '--no-pager', '--plain', '--no-legend'], LOOK_MS);
  return list.stdout.split('\n').map((line) => line.trim().split(/\s+/)[0] ?? '').filter((unit) => unit !== '');
}
