/** Takes an offline bundle into the cache, believing nothing of it. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { z } from 'zod';
import { badInput, type Diagnostic } from '../support/diagnostic.ts';
import { isMissing } from '../support/missing.ts';
import { writeBuildRecord, type BuildRecord } from './builds.ts';
import { LARGEST_MANIFEST, MANIFEST, manifestSchema, type Manifest } from './bundle-manifest.ts';
import { fromCache, keep } from './cache.ts';
import { leaveIncoming, takeIncoming } from './incoming.ts';
import { blobPath } from './site.ts';

/** tar-stream gives bytes; its types do not say so. */
async function* bytesOf(source: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    if (!Buffer.isBuffer(chunk)) throw new Error('the archive gives something else than bytes');
    yield chunk;
  }
}

function noBundle(file: string, why: string, cause?: unknown): Diagnostic {
  return badInput('bad-bundle', `${file} is no sound bundle: ${why}`, { remedy: 'copy it again, or make it anew with `care-provision artifacts bundle`; what was already imported of it is verified and stays', ...(cause === undefined ? {} : { cause }) });
}

async function readText(source: AsyncIterable<Buffer>, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > most) throw new Error('the manifest is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseManifest(file: string, text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw noBundle(file, 'its manifest is no JSON', error);
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw noBundle(file, `its manifest is not one that this version reads (${z.prettifyError(parsed.error).split('\n')[0] ?? ''})`, parsed.error);
  return parsed.data;
}

export interface Imported {
  readonly manifest: Manifest;
  /** Digests that the cache did not have before. */
  readonly added: ReadonlySet<string>;
}

/**
 * Takes a bundle's files into the cache. Nothing is believed: each file must be one that the manifest names, of its size and
 * digest; nothing else may be in the archive; nothing may be missing.
 *
 * @throws Diagnostic `bad-bundle`
 */
export async function importBundle(directory: string, file: string, signal?: AbortSignal): Promise<Imported> {
  const archive = extract();
  const reading = pipeline(createReadStream(file), archive, signal === undefined ? {} : { signal });
  const taking = take(directory, file, archive, signal);
  // Both end when one fails; the reason of the one that takes is the better one.
  const [taken, read] = await Promise.allSettled([taking, reading]);
  signal?.throwIfAborted();
  if (taken.status === 'rejected') throw asDiagnostic(file, taken.reason);
  if (read.status === 'rejected') throw asDiagnostic(file, read.reason);
  return taken.value;
}

function asDiagnostic(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || error.name === 'Diagnostic') return error;
  if (isMissing(error)) return badInput('unreadable-file', `cannot read ${file}: there is no such file`);
  if ('code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code)) return error;
  return noBundle(file, error.message, error);
}

async function take(directory: string, file: string, archive: ReturnType<typeof extract>, signal: AbortSignal | undefined): Promise<Imported> {
  let manifest: Manifest | undefined;
  const missing = new Map<string, number>();
  const added = new Set<string>();
  for await (const source of archive) {
    const { name, type } = source.header;
    if (type !== 'file') throw noBundle(file, `${JSON.stringify(name)} in it is no file`);
    if (manifest === undefined) {
      if (name !== MANIFEST) throw noBundle(file, `it begins with ${JSON.stringify(name)}, not with ${MANIFEST}`);
      manifest = parseManifest(file, await readText(bytesOf(source), LARGEST_MANIFEST));
      for (const each of manifest.artifacts) missing.set(each.sha256, each.size);
      continue;
    }
    const sha256 = /^sha256\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/.exec(name)?.[2];
    const size = sha256 === undefined ? undefined : missing.get(sha256);
    if (sha256 === undefined || size === undefined) throw noBundle(file, `its manifest does not name ${JSON.stringify(name)}`);
    if (source.header.size !== size) throw noBundle(file, `${name} has ${String(source.header.size)} bytes, not ${String(size)}`);
    if (await takeFile(directory, file, sha256, bytesOf(source), signal)) added.add(sha256);
    missing.delete(sha256);
  }
  if (manifest === undefined) throw noBundle(file, 'it is empty');
  const [lost] = missing.keys();
  if (lost !== undefined) throw noBundle(file, `${String(missing.size)} of its files are missing, the first ${blobPath(lost)}`);
  for (const record of manifest.builds) await keepRecord(directory, manifest, record);
  return { manifest, added };
}

/** @returns whether the cache did not have it */
async function takeFile(directory: string, file: string, sha256: string, source: AsyncIterable<Buffer>, signal: AbortSignal | undefined): Promise<boolean> {
  const incoming = await takeIncoming(directory, undefined);
  try {
    const hash = createHash('sha256');
    await pipeline(
      source,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(incoming.path, { flush: true, mode: 0o644 }),
      signal === undefined ? {} : { signal },
    );
    if (hash.digest('hex') !== sha256) throw noBundle(file, `${blobPath(sha256)} in it is another file`);
    if ((await fromCache(directory, sha256, signal)) !== undefined) return false;
    await keep(directory, incoming.path, sha256);
    return true;
  } finally {
    await leaveIncoming(directory, incoming, undefined);
  }
}

/** A record says how a file was built: only for files that the bundle holds. */
async function keepRecord(directory: string, manifest: Manifest, record: BuildRecord): Promise<void> {
  if (manifest.artifacts.some((each) => each.sha256 === record.sha256 && each.name === record.name && each.version === record.version)) await writeBuildRecord(directory, record);
}
