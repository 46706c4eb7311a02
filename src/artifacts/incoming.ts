/**
 * Files that are on their way into the cache, in `<cache>/incoming/`. One that was cut off is kept under the digest that it is to
 * have, so that a later run goes on with it. Whoever renames a file to a name of its own owns it: no locks are needed.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { processExists } from '../support/process.ts';
import { isMissing } from '../support/missing.ts';

/** What nobody came back for in this time is thrown away. */
const KEPT_DAYS = 7;

export interface Incoming {
  readonly path: string;
  /** Bytes that an earlier run left. */
  readonly had: number;
}

function folderOf(directory: string): string {
  return path.join(directory, 'incoming');
}

/** `<digest>.<host>.<process>.<random>.part`: says whether its owner is still there. Host names are made harmless. */
function ownName(expected: string | undefined): string {
  const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, '_');
  return `${expected ?? 'any'}.${host}.${String(process.pid)}.${randomBytes(6).toString('hex')}.part`;
}

/** Whether nobody works on a file any more: given up, or its process on this machine is gone. */
function isFree(name: string): boolean {
  if (/^[0-9a-f]{64}\.part$/.test(name)) return true;
  const parts = name.split('.');
  const pid = Number(parts[2]);
  return parts.length === 5 && parts[1] === ownName(undefined).split('.')[1] && Number.isInteger(pid) && pid > 0 && !processExists(pid);
}

/** Bytes; undefined: there is no such file. */
export async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * A file to write to: what an earlier run left of it, else an empty one's name.
 *
 * @param expected the digest that it will have; undefined: not known, so nothing can be gone on with
 */
export async function takeIncoming(directory: string, expected: string | undefined): Promise<Incoming> {
  const folder = folderOf(directory);
  await mkdir(folder, { recursive: true });
  const mine = path.join(folder, ownName(expected));
  for (const name of await readdir(folder)) {
    if (!isFree(name)) continue;
    const file = path.join(folder, name);
    if (expected !== undefined && name.startsWith(`${expected}.`)) {
      try {
        await rename(file, mine);
      } catch (error) {
        // Somebody else was faster.
        if (isMissing(error)) continue;
        throw error;
      }
      return { path: mine, had: (await stat(mine)).size };
    }
    await dropWhenOld(file);
  }
  return { path: mine, had: 0 };
}

async function dropWhenOld(file: string): Promise<void> {
  try {
    if ((await stat(file)).mtimeMs < Date.now() - KEPT_DAYS * 86_400_000) await rm(file, { force: true });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Leaves what has come for a later run; without a digest, or with nothing in it, it is removed. Nothing to do when it was taken into the cache. */
export async function leaveIncoming(directory: string, incoming: Incoming, expected: string | undefined): Promise<void> {
  const size = await sizeOf(incoming.path);
  if (size === undefined) return;
  if (expected === undefined || size === 0) await rm(incoming.path, { force: true });
  else await rename(incoming.path, path.join(folderOf(directory), `${expected}.part`));
}
