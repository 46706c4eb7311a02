/** What a lab leaves on disk: `.care/lab/NAME/` in the project, git-ignored. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../support/diagnostic.ts';
import { isMissing } from '../support/missing.ts';
import { writeWhole } from '../support/write-whole.ts';
import { DRIVERS } from './driver-name.ts';
import { RELEASES } from './image-recipe.ts';

const Host = z.strictObject({
  name: z.string(),
  site: z.string(),
  release: z.enum(RELEASES),
  address: z.string(),
  nested: z.boolean().optional(),
  memoryMiB: z.int().optional(),
  cpus: z.int().optional(),
  disksGiB: z.array(z.int()).readonly().optional(),
  /** Where SSH is answered: the host itself, or the delay proxy on loopback. */
  sshAddress: z.string(),
  sshPort: z.int(),
});

const Proxy = z.strictObject({ owner: z.string(), rttMs: z.number(), statsPort: z.int() });

const State = z.strictObject({
  name: z.string(),
  driver: z.enum(DRIVERS).default('container'),
  network: z.string(),
  inventoryFile: z.string(),
  hosts: z.array(Host),
  /** The delay proxy's process, while there is one. */
  proxy: Proxy.optional(),
});

export type LabHost = z.infer<typeof Host>;
export type LabState = z.infer<typeof State>;

export interface LabPaths {
  readonly directory: string;
  readonly state: string;
  readonly lock: string;
  readonly loginKey: string;
  readonly knownHosts: string;
  readonly hostKeys: string;
  readonly password: string;
  readonly secret: string;
}

/** Where a lab's files are. */
export function labPaths(projectRoot: string, lab: string): LabPaths {
  const directory = join(projectRoot, '.care', 'lab', lab);
  return {
    directory,
    state: join(directory, 'lab.json'),
    lock: join(projectRoot, '.care', 'lab', `${lab}.lock`),
    loginKey: join(directory, 'id_ed25519'),
    knownHosts: join(directory, 'known_hosts'),
    hostKeys: join(directory, 'host_keys'),
    password: join(directory, 'carepw.password'),
    secret: join(directory, 'secret'),
  };
}

/** Makes the lab's directory, for the owner's eyes only: it holds private keys. */
export async function makeLabDirectory(paths: LabPaths): Promise<void> {
  await mkdir(paths.hostKeys, { recursive: true, mode: 0o700 });
}

/**
 * @returns the lab's state, or undefined when there is none
 * @throws Diagnostic `lab-state` when the file can't be understood
 */
export async function readState(paths: LabPaths): Promise<LabState | undefined> {
  let text: string;
  try {
    text = await readFile(paths.state, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
  const parsed = State.safeParse(parseJson(text));
  if (!parsed.success) {
    throw badInput('lab-state', `${paths.state} is not a lab's state of this version`, {
      detail: z.prettifyError(parsed.error),
      remedy: `remove ${paths.directory}, then take the lab down and up again`,
    });
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Refused by the schema, with a message that says which file it is.
  }
}

export async function writeState(paths: LabPaths, state: LabState): Promise<void> {
  await writeWhole(paths.state, `${JSON.stringify(state, undefined, 2)}\n`);
}
