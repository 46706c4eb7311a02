/**
 * Builds the disks that virtual machines start from: mmdebstrap into a directory, `mke2fs -d` into a partition of a raw image, GRUB's
 * two pieces before it, qcow2 for the cache. No loop device, nothing mounted, no image from elsewhere.
 */
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../../support/diagnostic.ts';
import { bootstrap, BUILD_TIMEOUT_MS, recipeInput } from '../bootstrap.ts';
import type { ImageOptions } from '../image.ts';
import type { RecipeInput, Release } from '../image-recipe.ts';
import { withLock } from '../lock.ts';
import { lastLines, runProgram } from '../process.ts';
import { bootRecord, SECTOR } from './boot-record.ts';
import { FIRST_SECTOR, ROOT_GIB, ROOT_LABEL, VM_PACKAGES, vmHook, vmRecipeHash } from './recipe.ts';

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
    const root = join(work, 'root');
    const done = join(work, 'done');
    const raw = join(work, 'disk.raw');
    await mkdir(done);
    await bootstrap({ input, packages: VM_PACKAGES, hook: vmHook(input), format: 'directory', target: root, work, signal: options.signal });
    await writeRaw(root, raw, options.signal);
    await program('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, join(done, 'disk.qcow2')], options.signal);
    await copyFile(join(root, 'vmlinuz'), join(done, 'vmlinuz'));
    const name = `${named(release, hash)}${new Date().toISOString().replaceAll(/[-:.]/g, '')}`;
    await rename(done, join(imageCache(), name));
    const { blocks } = await stat(join(imageCache(), name, 'disk.qcow2'));
    options.report(`image of ${release} for virtual machines: built in ${Math.round((Date.now() - begun) / 1000)} s, ${Math.round((blocks * SECTOR) / 2 ** 20)} MiB`);
    return { disk: join(imageCache(), name, 'disk.qcow2'), kernel: join(imageCache(), name, 'vmlinuz') };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The disk: a table with one partition, the file system in it, and GRUB before it. */
async function writeRaw(root: string, raw: string, signal: AbortSignal | undefined): Promise<void> {
  const bytes = ROOT_GIB * 2 ** 30;
  const offset = FIRST_SECTOR * SECTOR;
  await (await open(raw, 'w')).close();
  await truncate(raw, bytes);
  await program('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', ROOT_LABEL, '-d', root, '-E', `offset=${offset}`, raw, `${(bytes - offset) / 1024}k`], signal);
  const core = await readFile(join(root, 'boot/grub/i386-pc/core.img'));
  if (core.length > offset - SECTOR) throw failure('image-build-failed', `GRUB's core has ${core.length} bytes, more than there is room for before the first partition`);
  const boot = await readFile(join(root, 'usr/lib/grub/i386-pc/boot.img'));
  const disk = await open(raw, 'r+');
  try {
    await disk.write(bootRecord(boot, FIRST_SECTOR, bytes / SECTOR), 0, SECTOR, 0);
    await disk.write(core, 0, core.length, SECTOR);
  } finally {
    await disk.close();
  }
}

async function program(file: string, args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const ran = await runProgram(file, args, { timeoutMs: BUILD_TIMEOUT_MS, signal });
  if (ran.status !== 0) throw failure('image-build-failed', `${file} failed with status ${ran.status}`, { detail: lastLines(ran.stderr) });
}

/** Removes all images; hosts whose disks are laid over one are made anew by the next `lab up`. */
export async function removeVmImages(report: (line: string) => void): Promise<void> {
  const names = await readdir(imageCache()).catch(() => []);
  if (names.length === 0) return;
  await rm(imageCache(), { recursive: true, force: true });
  report(`images of virtual machines: removed from ${imageCache()}`);
}
