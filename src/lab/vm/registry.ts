/** Which labs of virtual machines this machine has: `/run/care-provision/vm/LAB/lab.json`. What containers tell by their labels. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../../support/write-whole.ts';
import { machineProcess } from './process.ts';
import { RUN_DIRECTORY } from './names.ts';

const Entry = z.strictObject({
  name: z.string(),
  /** The checkout that its disks are in. */
  projectRoot: z.string(),
  network: z.string(),
  /** The process whose end makes the lab rubbish. */
  owner: z.string().optional(),
  hosts: z.array(z.strictObject({ name: z.string(), address: z.string() })),
});
export type RegisteredLab = z.infer<typeof Entry>;

function directoryOf(lab: string): string {
  return join(RUN_DIRECTORY, lab);
}

export async function register(lab: RegisteredLab): Promise<void> {
  await mkdir(directoryOf(lab.name), { recursive: true, mode: 0o755 });
  await writeWhole(join(directoryOf(lab.name), 'lab.json'), `${JSON.stringify(lab)}\n`, 0o644);
}

export async function unregister(lab: string): Promise<void> {
  await rm(directoryOf(lab), { recursive: true, force: true });
}

/** @returns undefined when there is none, or what is there can't be read: `lab down` goes by names then */
export async function registered(lab: string): Promise<RegisteredLab | undefined> {
  const text = await readFile(join(directoryOf(lab), 'lab.json'), 'utf8').catch(() => '');
  try {
    return Entry.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // Cut off, or none.
  }
}

export async function registeredLabs(): Promise<readonly RegisteredLab[]> {
  const names = await readdir(RUN_DIRECTORY).catch(() => []);
  const labs = await Promise.all(names.map(async (name) => registered(name)));
  return labs.filter((lab) => lab !== undefined);
}

/** Machines of a lab that have a directory here, with their processes; by files alone. */
export async function machinesOf(lab: string): Promise<ReadonlyMap<string, string | undefined>> {
  const entries = await readdir(directoryOf(lab), { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return new Map(await Promise.all(names.map(async (name) => [name, await machineProcess({ pid: join(directoryOf(lab), name, 'pid') })] as const)));
}
