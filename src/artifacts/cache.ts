/**
 * The artefact cache of the controller: upstream files, addressed by their SHA-256. What is in it has been
 * verified; what is taken out is verified again. A cache that is filled once (or carried over on a disk) lets a
 * site be provisioned without the internet.
 *
 * Layout: `<directory>/sha256/<first two digits>/<digest>`. Files are put in place by rename, so several runs may
 * share a cache. What is on its way is in `incoming/`, how a file was built in `builds/`.
 */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { digestOfFile } from '../support/file-digest.ts';
import { isMissing } from '../support/missing.ts';

/** A verified file in the cache. */
export interface CachedArtifact {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** No artefact of ours comes near; it keeps a runaway answer from filling the disk. */
export const LARGEST_BYTES = 8 * 2 ** 30;

/** `CARE_ARTIFACTS`, else `~/.cache/care-provision/artifacts` (under `XDG_CACHE_HOME` where that is set). */
export function cacheDirectory(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = environment['CARE_ARTIFACTS'];
  if (own !== undefined && own !== '') return path.resolve(own);
  const cache = environment['XDG_CACHE_HOME'];
  return path.join(cache !== undefined && path.isAbsolute(cache) ? cache : path.join(homedir(), '.cache'), 'care-provision', 'artifacts');
}

/** Where an artefact is in a cache, or would be. */
export function cachedPath(directory: string, sha256: string): string {
  return path.join(directory, 'sha256', sha256.slice(0, 2), sha256);
}

/** Bytes of the artefact in the cache, unverified; undefined when it is not there. */
export async function sizeInCache(directory: string, sha256: string): Promise<number | undefined> {
  try {
    return (await stat(cachedPath(directory, sha256))).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Files that this process has verified, by what would be another if they were written to: a play with many hosts asks for each. */
const verified = new Map<string, string>();

/**
 * The artefact, if the cache has it and it is still what it was. One that has gone bad is removed.
 */
export async function fromCache(directory: string, sha256: string, signal?: AbortSignal): Promise<CachedArtifact | undefined> {
  const file = cachedPath(directory, sha256);
  let state: string;
  let size: number;
  try {
    const found = await stat(file);
    size = found.size;
    state = `${String(found.size)} ${String(found.mtimeMs)} ${String(found.ctimeMs)} ${String(found.ino)}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  if (verified.get(file) === state) return { path: file, size, sha256 };
  if ((await digestOfFile(file, signal)) === sha256) {
    verified.set(file, state);
    return { path: file, size, sha256 };
  }
  await rm(file, { force: true });
  return undefined;
}

/** Takes a file that was verified into the cache, by rename. @param sha256 its digest */
export async function keep(directory: string, file: string, sha256: string): Promise<CachedArtifact> {
  const place = cachedPath(directory, sha256);
  await mkdir(path.dirname(place), { recursive: true });
  await rename(file, place);
  return { path: place, size: (await stat(place)).size, sha256 };
}

/** Digests of all that the cache holds, sorted. */
export async function listCache(directory: string): Promise<readonly string[]> {
  const below = async (folder: string): Promise<readonly string[]> => {
    try {
      return await readdir(folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  };
  const root = path.join(directory, 'sha256');
  const found = await Promise.all((await below(root)).filter((name) => /^[0-9a-f]{2}$/.test(name)).map(async (name) => below(path.join(root, name))));
  return found.flat().filter((name) => /^[0-9a-f]{64}$/.test(name)).sort();
}
