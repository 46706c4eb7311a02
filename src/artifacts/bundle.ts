/**
 * An offline bundle: one file that brings artefacts to a controller without the internet. A tar archive (POSIX ustar, pax for what
 * is larger than 8 GiB): `manifest.json` first, then each file under its digest, laid out as the cache is. The same artefacts
 * give the same bytes, whoever bundles them and when.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { failure } from '../support/diagnostic.ts';
import { readBuildRecord } from './builds.ts';
import { FORMAT, MANIFEST, type Manifest } from './bundle-manifest.ts';
import type { CachedArtifact } from './cache.ts';
import type { Wanting } from './fetch-all.ts';
import { blobPath } from './site.ts';

/** One file for the bundle: from the cache, under a digest. */
export interface BundleItem extends Wanting {
  readonly file: CachedArtifact;
}

/** Nothing of the machine or the day: no owner, no time. */
function header(name: string, size: number): { readonly name: string; readonly size: number; readonly mode: number; readonly mtime: Date; readonly uid: number; readonly gid: number; readonly uname: string; readonly gname: string } {
  return { name, size, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortKey(each: Manifest['artifacts'][number]): string {
  return [each.name, each.version, each.platform ?? '', each.sha256].join(' ');
}

async function manifestOf(directory: string, items: readonly BundleItem[]): Promise<Manifest> {
  const builds = await Promise.all([...new Set(items.map((item) => item.file.sha256))].map(async (sha256) => readBuildRecord(directory, sha256)));
  return {
    format: FORMAT,
    version: 1,
    artifacts: items
      .map(({ name, version, platform, file, license, end_of_life }) => ({
        name, version, ...(platform === undefined ? {} : { platform }), sha256: file.sha256, size: file.size, license, ...(end_of_life === undefined ? {} : { end_of_life }),
      }))
      .sort((a, b) => compare(sortKey(a), sortKey(b))),
    builds: builds.filter((record) => record !== undefined).sort((a, b) => compare(a.sha256, b.sha256)),
  };
}

/** Puts one file into the archive and looks on the way whether it is still what it was. */
async function addFile(archive: Pack, file: CachedArtifact, title: string): Promise<void> {
  const hash = createHash('sha256');
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(createReadStream(file.path), watch, archive.entry(header(blobPath(file.sha256), file.size)));
  if (hash.digest('hex') !== file.sha256) throw failure('wrong-checksum', `${title} has gone bad in the cache`, { detail: file.path, remedy: 'care-provision artifacts verify removes it; fetch it again' });
}

/**
 * Writes a bundle, beside its name at first, so that a half one is never taken for one.
 *
 * @returns what it holds
 * @throws Diagnostic when a file of the cache has gone bad or the bundle cannot be written
 */
export async function writeBundle(directory: string, items: readonly BundleItem[], file: string): Promise<Manifest> {
  const manifest = await manifestOf(directory, items);
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}`);
  const archive = pack();
  const fill = async (): Promise<void> => {
    archive.entry(header(MANIFEST, Buffer.byteLength(manifestText(manifest))), manifestText(manifest));
    const byDigest = new Map(items.map((item) => [item.file.sha256, item]));
    for (const [, item] of [...byDigest].sort(([a], [b]) => compare(a, b))) await addFile(archive, item.file, item.title);
    archive.finalize();
  };
  try {
    const writing = pipeline(archive, createWriteStream(temporary, { flush: true, mode: 0o644 }));
    await Promise.all([writing, fill().catch((error: unknown) => { archive.destroy(); throw error; })]);
    await rename(temporary, file);
    await syncFolder(path.dirname(file));
  } finally {
    await rm(temporary, { force: true });
  }
  return manifest;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}
