/**
 * Artefacts of kind `image`: a container image of one platform, as an OCI image layout in a tar archive, which container runtimes
 * import (`ctr images import`). The index's digest is the anchor of trust; all below is verified by it. The archive has no
 * times and no owners, so it is the same on every machine, and its digest is locked as any other.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { digestOfFile } from '../support/file-digest.ts';
import { failure } from '../support/diagnostic.ts';
import { type CachedArtifact } from './cache.ts';
import { titleOf, type ImageArtifact, type Platform } from './catalogue.ts';
import { keepAcross } from './keep-across.ts';
import { Descriptor, Index, Manifest, parseImageName, Registry } from './registry.ts';

interface Part {
  readonly name: string;
  readonly size: number;
  readonly from: Buffer | { readonly file: string };
}

function fileName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** The manifest of one platform: what the digest is of, or what its index has for the platform. */
async function manifestOf(registry: Registry, artifact: ImageArtifact, platform: Platform): Promise<{ readonly descriptor: Descriptor; readonly bytes: Buffer }> {
  const [os, arch] = platform.split('/');
  const bytes = await registry.manifest(artifact.digest);
  const document: unknown = JSON.parse(bytes.toString('utf8'));
  const index = Index.safeParse(document);
  if (!index.success) {
    const { mediaType } = Manifest.parse(document);
    return { descriptor: { mediaType: mediaType ?? 'application/vnd.oci.image.manifest.v1+json', digest: artifact.digest, size: bytes.length }, bytes };
  }
  const found = index.data.manifests.find((m) => m.platform?.os === os && m.platform?.architecture === arch);
  if (found === undefined) throw new Error(`the image has nothing for ${platform}: it has ${index.data.manifests.map((m) => `${m.platform?.os ?? '?'}/${m.platform?.architecture ?? '?'}`).join(', ')}`);
  return { descriptor: { mediaType: found.mediaType, digest: found.digest, size: found.size }, bytes: await registry.manifest(found.digest) };
}

/** `oci-layout`, `index.json` and the blobs by their digests (OCI Image Layout Specification). */
function layout(artifact: ImageArtifact, manifest: Descriptor, blobs: readonly Part[]): readonly Part[] {
  const name = `${artifact.image}:${artifact.version}`;
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size, annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': artifact.version } }],
  };
  const text = (part: string, value: unknown): Part => {
    const from = Buffer.from(JSON.stringify(value));
    return { name: part, size: from.length, from };
  };
  return [text('oci-layout', { imageLayoutVersion: '1.0.0' }), text('index.json', index), ...blobs];
}

async function addPart(archive: Pack, part: Part): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const entry = archive.entry({ name: part.name, size: part.size, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0, type: 'file' }, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
    if (Buffer.isBuffer(part.from)) entry.end(part.from);
    else pipeline(createReadStream(part.from.file), entry).catch(reject);
  });
}

async function writeArchive(file: string, parts: readonly Part[], signal: AbortSignal | undefined): Promise<void> {
  const archive = pack();
  const writing = pipeline(archive, createWriteStream(file), signal === undefined ? {} : { signal });
  const adding = (async () => {
    for (const part of parts) await addPart(archive, part);
    archive.finalize();
  })();
  await Promise.all([writing, adding]);
}

/**
 * Brings an image into the cache.
 *
 * @param locked the digest that the archive must have; undefined: whatever it has
 * @throws Diagnostic `image-failed`; `wrong-checksum` when another archive came out than the locked one
 */
export async function saveImage(directory: string, artifact: ImageArtifact, platform: Platform, locked: string | undefined, signal?: AbortSignal): Promise<CachedArtifact> {
  const folder = await mkdtemp(path.join(tmpdir(), 'care-image-'));
  try {
    const registry = new Registry(parseImageName(artifact.image), signal);
    const { descriptor, bytes } = await manifestOf(registry, artifact, platform);
    const manifest = Manifest.parse(JSON.parse(bytes.toString('utf8')));
    await writeFile(path.join(folder, 'manifest'), bytes);
    // One layer may be in an image several times.
    const wanted = new Map([manifest.config, ...manifest.layers].map((d) => [d.digest, d]));
    const blobs: Part[] = [{ name: fileName(descriptor.digest), size: bytes.length, from: bytes }];
    for (const blob of wanted.values()) {
      const file = path.join(folder, blob.digest.replace(':', '-'));
      await registry.blob(blob, file);
      blobs.push({ name: fileName(blob.digest), size: blob.size, from: { file } });
    }
    const file = path.join(folder, 'image.tar');
    await writeArchive(file, layout(artifact, descriptor, blobs.sort((a, b) => (a.name < b.name ? -1 : 1))), signal);
    const sha256 = await digestOfFile(file, signal);
    if (locked !== undefined && locked !== sha256) {
      throw failure('wrong-checksum', `${titleOf(artifact)} (${platform}): the image's archive is not the file that was locked`, {
        detail: `expected sha256 ${locked}\n     got sha256 ${sha256}\n  of ${artifact.image}@${artifact.digest}`,
        remedy: 'look whether the locked digest is of the same image; only then put the new one into artifacts.yml',
      });
    }
    return await keepAcross(directory, file, sha256);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error) || error.name === 'Diagnostic') throw error;
    throw failure('image-failed', `${titleOf(artifact)} (${platform}) could not be had: ${artifact.image}@${artifact.digest}`, {
      detail: error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message,
      remedy: 'it needs a way to the registry; or bring the file from a machine that has it: artifacts bundle, artifacts import',
      cause: error,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
