/**
 * Builds a disk that boots: mmdebstrap into a directory, `mke2fs -d` into a partition of a raw image, GRUB's two pieces before it, then
 * qcow2. No loop device, nothing mounted, no image from elsewhere.
 */
import { copyFile, open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../../support/diagnostic.ts';
import { bootstrap, BUILD_TIMEOUT_MS } from '../bootstrap.ts';
import type { RecipeInput } from '../image-recipe.ts';
import { lastLines, runProgram } from '../process.ts';
import { bootRecord, SECTOR } from './boot-record.ts';
import { FIRST_SECTOR, ROOT_GIB, ROOT_LABEL } from './recipe.ts';

export interface DiskOrder {
  readonly input: RecipeInput;
  readonly packages: readonly string[];
  /** The script that mmdebstrap runs with the new root as `$1`. */
  readonly hook: string;
  /** An empty directory of the caller's, who removes it. */
  readonly work: string;
  /** The qcow2 image to be. */
  readonly disk: string;
  /** Where a copy of the release's kernel goes, for who wants one. */
  readonly kernel?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws Diagnostic of bootstrap.ts, and `image-build-failed` */
export async function buildDisk(order: DiskOrder): Promise<void> {
  const root = join(order.work, 'root');
  const raw = join(order.work, 'disk.raw');
  await bootstrap({ input: order.input, packages: order.packages, hook: order.hook, format: 'directory', target: root, work: order.work, signal: order.signal });
  await writeRaw(root, raw, order.signal);
  await buildStep('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, order.disk], order.signal);
  if (order.kernel !== undefined) await copyFile(join(root, 'vmlinuz'), order.kernel);
}

/** The disk: a table with one partition, the file system in it, and GRUB before it. */
async function writeRaw(root: string, raw: string, signal: AbortSignal | undefined): Promise<void> {
  const bytes = ROOT_GIB * 2 ** 30;
  const offset = FIRST_SECTOR * SECTOR;
  await (await open(raw, 'w')).close();
  await truncate(raw, bytes);
  await buildStep('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', ROOT_LABEL, '-d', root, '-E', `offset=${offset}`, raw, `${(bytes - offset) / 1024}k`], signal);
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

/** @throws Diagnostic `image-build-failed` with the last lines of what it said */
export async function buildStep(file: string, args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const ran = await runProgram(file, args, { timeoutMs: BUILD_TIMEOUT_MS, signal });
  if (ran.status !== 0) throw failure('image-build-failed', `${file} failed with status ${ran.status}`, { detail: lastLines(ran.stderr) });
}
