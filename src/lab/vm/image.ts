/** The disks that virtual machines start from, kept by recipe. disk.ts builds them. */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BUILD_TIMEOUT_MS, recipeInput } from '../bootstrap.ts';
import type { ImageOptions } from '../image.ts';
import type { RecipeInput, Release } from '../image-recipe.ts';
import { withLock } from '../lock.ts';
import { SECTOR } from './boot-record.ts';
import { buildDisk } from './disk.ts';
import { VM_PACKAGES, vmHook, vmRecipeHash } from './recipe.ts';

export interface VmImage {
  /** Never written to: hosts' disks are laid over it. */
  readonly disk: string;
  /** The release's kernel, for the try whether KVM works here. */
  readonly kernel: string;
}

/** `~/.cache/care-provision/lab` (under `XDG_CACHE_HOME` where that is set). */
export function imageCache(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const cache = environment['XDG_CACHE_HOME'];
  return join(cache === undefined || cache === '' ? join(homedir(), '.cache') : cache, 'care-provision', 'lab');
}

/** Directories of one release's images are named by recipe and time: one that is built anew never takes the place of one in use. */
function named(release: Release, hash: string): string {
  return `${release}-${hash}-`;
}

async function newest(release: Release, hash: string): Promise<VmImage | undefined> {
  const names = await readdir(imageCache()).catch(() => []);
  const name = names.filter((each) => each.startsWith(named(release, hash))).sort().at(-1);
  if (name === undefined) return undefined;
  return { disk: join(imageCache(), name, 'disk.qcow2'), kernel: join(imageCache(), name, 'vmlinuz') };
}

/**
 * Makes sure that the image of a release is there, and builds it when it is not or its recipe changed.
 *
 * @throws Diagnostic of bootstrap.ts, and `image-build-failed`
 */
export async function ensureVmImage(release: Release, options: ImageOptions): Promise<VmImage> {
  const input = await recipeInput(release);
  const hash = vmRecipeHash(input);
  const already = options.rebuild === true ? undefined : await newest(release, hash);
  if (already !== undefined) return already;
  await mkdir(imageCache(), { recursive: true });
  return withLock(join(imageCache(), `${release}.lock`), BUILD_TIMEOUT_MS, async () => {
    // Another process may have built it while this one waited.
    const meanwhile = options.rebuild === true ? undefined : await newest(release, hash);
    return meanwhile ?? build(release, input, hash, options);
  });
}

async function build(release: Release, input: RecipeInput, hash: string, options: ImageOptions): Promise<VmImage> {
  const begun = Date.now();
  options.report(`image of ${release} for virtual machines: building from the Debian mirror with mmdebstrap (about two minutes)`);
  // A build that was killed leaves its directory: nobody else works here, the lock is held.
  for (const name of await readdir(imageCache())) if (name.startsWith(`build-${release}-`)) await rm(join(imageCache(), name), { recursive: true, force: true });
  const work = await mkdtemp(join(imageCache(), `build-${release}-`));
  try {
    const done = join(work, 'done');
    await mkdir(done);
    await buildDisk({ input, packages: VM_PACKAGES, hook: vmHook(input), work, disk: join(done, 'disk.qcow2'), kernel: join(done, 'vmlinuz'), signal: options.signal });
    const name = `${named(release, hash)}${new Date().toISOString().replaceAll(/[-:.]/g, '')}`;
    await rename(done, join(imageCache(), name));
    const { blocks } = await stat(join(imageCache(), name, 'disk.qcow2'));
    options.report(`image of ${release} for virtual machines: built in ${Math.round((Date.now() - begun) / 1000)} s, ${Math.round((blocks * SECTOR) / 2 ** 20)} MiB`);
    return { disk: join(imageCache(), name, 'disk.qcow2'), kernel: join(imageCache(), name, 'vmlinuz') };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Removes all images; hosts whose disks are laid over one are made anew by the next `lab up`. */
export async function removeVmImages(report: (line: string) => void): Promise<void> {
  const names = await readdir(imageCache()).catch(() => []);
  if (names.length === 0) return;
  await rm(imageCache(), { recursive: true, force: true });
  report(`images of virtual machines: removed from ${imageCache()}`);
}
