/** Makes a Vagrant box from this machine's own Debian mirror: the disk of disk.ts, packed as vagrant-libvirt wants it, and a catalogue beside it. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { badInput } from '../../support/diagnostic.ts';
import { digestOfFile } from '../../support/file-digest.ts';
import { isMissing } from '../../support/missing.ts';
import { writeWhole } from '../../support/write-whole.ts';
import { BUILD_TIMEOUT_MS, recipeInput } from '../bootstrap.ts';
import type { ImageOptions } from '../image.ts';
import type { RecipeInput, Release } from '../image-recipe.ts';
import { withLock } from '../lock.ts';
import { BOX_METADATA, BOX_PACKAGES, boxHook, boxName, boxRecipeHash, boxVersion, catalogueText, isOfRecipe } from './box-recipe.ts';
import { buildDisk, buildStep } from './disk.ts';
import { DISK_TOOLS, needTools } from './tools.ts';

/** Where boxes are unless told otherwise; vagrant/Vagrantfile looks there. */
export function boxDirectory(projectRoot: string): string {
  return join(projectRoot, '.care', 'boxes');
}

export interface BoxOptions extends ImageOptions {
  /** Where the box and its catalogue go: `RELEASE.box`, `RELEASE.json`. */
  readonly directory: string;
}

export interface Box {
  /** For `config.vm.box`. */
  readonly name: string;
  /** For `config.vm.box_url`: the catalogue. */
  readonly catalogue: string;
}

/**
 * Makes sure that the box of a release is there, and builds it when it is not or its recipe changed.
 *
 * @throws Diagnostic `lab-vm-machine`, `program-missing`, those of bootstrap.ts, `image-build-failed`
 */
export async function ensureBox(release: Release, options: BoxOptions): Promise<Box> {
  if (process.arch !== 'x64') throw badInput('lab-vm-machine', `boxes are made on an x86-64 machine, and this is ${process.arch}`);
  if (process.getuid?.() !== 0) throw badInput('lab-vm-machine', 'to make a box needs root: a disk is filled with files of all owners', { remedy: 'sudo care-provision lab box' });
  await needTools(DISK_TOOLS, 'a box needs');
  const input = await recipeInput(release);
  const recipe = boxRecipeHash(input);
  const box = { name: boxName(release), catalogue: join(options.directory, `${release}.json`) };
  await mkdir(options.directory, { recursive: true });
  return withLock(join(options.directory, `${release}.lock`), BUILD_TIMEOUT_MS, async () => {
    const there = isOfRecipe(await textOf(box.catalogue), release, recipe) && (await stat(join(options.directory, `${release}.box`)).then(() => true, () => false));
    if (there && options.rebuild !== true) options.report(`box ${box.name}: there already`);
    else await build(release, input, recipe, options);
    return box;
  });
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return undefined;
    throw cause;
  });
}

async function build(release: Release, input: RecipeInput, recipe: string, options: BoxOptions): Promise<void> {
  const { directory, signal } = options;
  const begun = new Date();
  options.report(`box ${boxName(release)}: building from the Debian mirror with mmdebstrap (about three minutes)`);
  // A build that was killed leaves its directory: nobody else works here, the lock is held.
  for (const name of await readdir(directory)) if (name.startsWith(`build-${release}-`)) await rm(join(directory, name), { recursive: true, force: true });
  const work = await mkdtemp(join(directory, `build-${release}-`));
  try {
    const packed = join(work, 'packed.box');
    await buildDisk({ input, packages: BOX_PACKAGES, hook: boxHook(input), work, disk: join(work, 'box.img'), signal });
    await writeFile(join(work, 'metadata.json'), `${JSON.stringify(BOX_METADATA)}\n`);
    await buildStep('tar', ['--create', '--gzip', '--file', packed, '--directory', work, 'metadata.json', 'box.img'], signal);
    const [checksum, { size }] = await Promise.all([digestOfFile(packed), stat(packed)]);
    const target = join(directory, `${release}.box`);
    await rename(packed, target);
    await writeWhole(join(directory, `${release}.json`), catalogueText({ release, version: boxVersion(begun), recipe, url: pathToFileURL(target).href, checksum }), 0o644);
    options.report(`box ${boxName(release)}: built in ${Math.round((Date.now() - begun.getTime()) / 1000)} s, ${Math.round(size / 2 ** 20)} MiB, version ${boxVersion(begun)}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
