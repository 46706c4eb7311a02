/** What images of both beds begin with: a Debian from this machine's own mirror, by mmdebstrap. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../support/diagnostic.ts';
import { aptSettings, findMirror, sourcesFor, type Mirror } from './apt-source.ts';
import type { RecipeInput, Release } from './image-recipe.ts';
import { lastLines, runProgram } from './process.ts';

/** The longest that the building of an image may take, in milliseconds. */
export const BUILD_TIMEOUT_MS = 15 * 60_000;
const CERTIFICATES = '/usr/local/share/ca-certificates';

async function texts(directory: string, ending: RegExp): Promise<{ name: string; text: string }[]> {
  const names = await readdir(directory).catch(() => []);
  const wanted = names.filter((name) => ending.test(name)).sort();
  return Promise.all(wanted.map(async (name) => ({ name, text: await readFile(join(directory, name), 'utf8') })));
}

async function machineMirror(): Promise<Mirror> {
  const single = await readFile('/etc/apt/sources.list', 'utf8').catch(() => '');
  return findMirror([{ name: 'sources.list', text: single }, ...(await texts('/etc/apt/sources.list.d', /\.(?:list|sources)$/))]);
}

/** What this machine puts into an image: its mirror, settings of apt, certificates. */
export async function recipeInput(release: Release): Promise<RecipeInput> {
  const dump = await runProgram('apt-config', ['dump'], { timeoutMs: 20_000 });
  return {
    release,
    sources: sourcesFor(release, await machineMirror()),
    aptSettings: aptSettings(dump.stdout, process.env),
    certificates: await texts(CERTIFICATES, /\.crt$/),
  };
}

export interface Bootstrap {
  readonly input: RecipeInput;
  readonly packages: readonly string[];
  /** The script that is run with the new root as `$1`. */
  readonly hook: string;
  readonly format: 'tar' | 'directory';
  /** The archive, or the directory, to be. */
  readonly target: string;
  /** A directory of the caller's, for the files that mmdebstrap reads. */
  readonly work: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs mmdebstrap.
 *
 * @throws Diagnostic `mirror-unreachable` when it can't get packages, `image-build-failed`
 */
export async function bootstrap(order: Bootstrap): Promise<void> {
  // mmdebstrap may read these as another user (apt's sandbox, a user namespace).
  await chmod(order.work, 0o755);
  const hook = join(order.work, 'customize');
  await writeFile(hook, order.hook, { mode: 0o755 });
  const { release, sources } = order.input;
  const args = ['--variant=minbase', `--format=${order.format}`, `--include=${order.packages.join(',')}`, `--customize-hook=${hook}`];
  for (const setting of order.input.aptSettings) args.push(`--aptopt=${setting}`);
  args.push(release, order.target);
  if (sources !== undefined) {
    const file = join(order.work, 'apt', 'debian.sources');
    await mkdir(join(order.work, 'apt'));
    await writeFile(file, sources, { mode: 0o644 });
    args.push(file);
  }
  const made = await runProgram('mmdebstrap', args, { timeoutMs: BUILD_TIMEOUT_MS, signal: order.signal, env: { LC_ALL: 'C.UTF-8' } });
  if (made.status !== 0) throw mmdebstrapFailure(release, made.stderr);
}

function mmdebstrapFailure(release: Release, stderr: string): Error {
  const detail = lastLines(stderr);
  if (/Could not (?:resolve|connect)|Failed to fetch|Temporary failure|Unable to (?:fetch|connect)|does not have a Release file/i.test(stderr)) {
    return failure('mirror-unreachable', `the image of ${release} could not be built: this machine's Debian mirror does not give its packages`, {
      detail,
      remedy: 'check with apt-get update that the mirror in /etc/apt answers and has this release; set a proxy in apt.conf if one is needed',
    });
  }
  return failure('image-build-failed', `mmdebstrap could not build the image of ${release}`, { detail });
}
