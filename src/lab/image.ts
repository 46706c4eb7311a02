/** Builds lab images from a Debian mirror: mmdebstrap, then `docker import`. No image registry is asked. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { bootstrap, BUILD_TIMEOUT_MS, recipeInput } from './bootstrap.ts';
import { docker, dockerTry, LABEL } from './docker.ts';
import { customizeHook, imageTag, PACKAGES, recipeHash, type RecipeInput, type Release } from './image-recipe.ts';
import { withLock } from './lock.ts';

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
    const tar = join(directory, 'root.tar');
    await bootstrap({ input, packages: PACKAGES, hook: customizeHook(input), format: 'tar', target: tar, work: directory, signal: options.signal });
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
