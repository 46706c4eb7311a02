/** Builds lab images from a Debian mirror: mmdebstrap, then `docker import`. No image registry is asked. */
import { chmod, mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { failure } from '../support/diagnostic.ts';
import { aptSettings, findMirror, sourcesFor, type Mirror } from './apt-source.ts';
import { docker, dockerTry, LABEL } from './docker.ts';
import { customizeHook, imageTag, PACKAGES, recipeHash, type RecipeInput, type Release } from './image-recipe.ts';
import { withLock } from './lock.ts';
import { lastLines, runProgram } from './process.ts';

const BUILD_TIMEOUT_MS = 15 * 60_000;
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

async function recipeInput(release: Release): Promise<RecipeInput> {
  const dump = await runProgram('apt-config', ['dump'], { timeoutMs: 20_000 });
  return {
    release,
    sources: sourcesFor(release, await machineMirror()),
    aptSettings: aptSettings(dump.stdout, process.env),
    certificates: await texts(CERTIFICATES, /\.crt$/),
  };
}

export interface ImageOptions {
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Builds even when an image of the same recipe is there (its packages may be old). */
  readonly rebuild?: boolean | undefined;
}

/**
 * Makes sure that the image of a release is there, and builds it when it is not or its recipe changed.
 *
 * @returns the image's id
 * @throws Diagnostic `mirror-unreachable` when mmdebstrap can't get packages, `docker-*` of docker.ts
 */
export async function ensureImage(release: Release, options: ImageOptions): Promise<string> {
  const input = await recipeInput(release);
  const hash = recipeHash(input);
  const present = async (): Promise<string | undefined> => {
    const seen = await dockerTry(['image', 'inspect', '--format', `{{.Id}} {{index .Config.Labels "${LABEL.recipe}"}}`, imageTag(release)]);
    const [id, recipe] = seen.status === 0 ? seen.stdout.trim().split(' ') : [];
    return recipe === hash && options.rebuild !== true ? id : undefined;
  };
  const already = await present();
  if (already !== undefined) return already;
  await docker(['version', '--format', '{{.Server.Version}}']);
  const lock = join(tmpdir(), `care-lab-image-${release}-${userInfo().uid}.lock`);
  return withLock(lock, BUILD_TIMEOUT_MS, async () => {
    // Another process may have built it while this one waited.
    return (await present()) ?? build(release, input, hash, options);
  });
}

async function build(release: Release, input: RecipeInput, hash: string, options: ImageOptions): Promise<string> {
  const begun = Date.now();
  options.report(`image ${imageTag(release)}: building from the Debian mirror with mmdebstrap (about half a minute)`);
  const directory = await mkdtemp(join(tmpdir(), 'care-lab-image-'));
  try {
    // mmdebstrap may read these as another user (apt's sandbox, a user namespace).
    await chmod(directory, 0o755);
    const tar = join(directory, 'root.tar');
    const hook = join(directory, 'customize');
    await writeFile(hook, customizeHook(input), { mode: 0o755 });
    const args = ['--variant=minbase', '--format=tar', `--include=${PACKAGES.join(',')}`, `--customize-hook=${hook}`];
    for (const setting of input.aptSettings) args.push(`--aptopt=${setting}`);
    args.push(release, tar);
    if (input.sources !== undefined) {
      await mkdir(join(directory, 'apt'));
      const sources = join(directory, 'apt', 'debian.sources');
      await writeFile(sources, input.sources, { mode: 0o644 });
      args.push(sources);
    }
    const made = await runProgram('mmdebstrap', args, { timeoutMs: BUILD_TIMEOUT_MS, signal: options.signal, env: { LC_ALL: 'C.UTF-8' } });
    if (made.status !== 0) throw mmdebstrapFailure(release, made.stderr);
    const id = await docker(
      [
        'import', '--change', 'ENV container=docker', '--change', 'ENTRYPOINT ["/usr/local/sbin/care-lab-init"]',
        '--change', `LABEL ${LABEL.recipe}=${hash}`, tar, imageTag(release),
      ],
      { timeoutMs: BUILD_TIMEOUT_MS, signal: options.signal },
    );
    options.report(`image ${imageTag(release)}: built in ${Math.round((Date.now() - begun) / 1000)} s`);
    return id;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
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
