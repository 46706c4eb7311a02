import { chmod, copyFile } from 'node:fs/promises';
import { keep, type CachedArtifact } from './cache.ts';
import { takeIncoming } from './incoming.ts';

/** A verified file into the cache, which may be on another file system than the file. */
export async function keepAcross(directory: string, file: string, sha256: string): Promise<CachedArtifact> {
  const incoming = await takeIncoming(directory, undefined);
  await copyFile(file, incoming.path);
  // What it is on a host is the task's to say.
  await chmod(incoming.path, 0o644);
  return keep(directory, incoming.path, sha256);
}
