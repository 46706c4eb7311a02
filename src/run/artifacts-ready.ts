/** Has the upstream files of a run at hand before any host is touched, or says which are not to be had. */
import pLimit from 'p-limit';
import { cacheDirectory, cachedPath, fromCache, sizeInCache } from '../artifacts/cache.ts';
import { download } from '../artifacts/download.ts';
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import type { ArtifactNeed, Lacking } from './artifact-needs.ts';
import type { RunMode } from './events.ts';

/** Downloads at once. */
const JOBS = 4;

export interface Readiness {
  readonly mode: RunMode;
  readonly stop: AbortSignal;
  /** Told of what has to be fetched first. */
  readonly notice: (message: string) => void;
}

function missing(need: ArtifactNeed, directory: string): Diagnostic {
  const put = `put the file at ${cachedPath(directory, need.sha256)} (it is checked)`;
  const { artifact } = need;
  const get = artifact === undefined ? `give the task a \`url\`` : `get it: care-provision artifacts fetch ${artifact.name}@${artifact.version}, or artifacts import BUNDLE`;
  return badInput('artifact-missing', `the artefact ${need.title} (sha256 ${need.sha256}) is not in the cache ${directory}`, { span: need.span, remedy: artifact !== undefined && artifact.source !== 'url' ? get : `${get}; or ${put}` });
}

/** The same trouble, at the task that wants the file, and as what it is: found before any host was touched. */
function atTask(error: Diagnostic, need: ArtifactNeed): Diagnostic {
  return badInput(error.code, error.message, { detail: error.detail, remedy: error.remedy, span: need.span, cause: error });
}

async function getReady(need: ArtifactNeed, directory: string, readiness: Readiness): Promise<Diagnostic | undefined> {
  if (readiness.mode === 'check') return need.url === undefined && (await sizeInCache(directory, need.sha256)) === undefined ? missing(need, directory) : undefined;
  if ((await fromCache(directory, need.sha256, readiness.stop)) !== undefined) return undefined;
  if (need.url === undefined) return missing(need, directory);
  readiness.notice(`${need.title} is not in the artefact cache: fetching it`);
  try {
    await download(directory, need.title, need.url, need.sha256, { signal: readiness.stop });
  } catch (error) {
    readiness.stop.throwIfAborted();
    if (error instanceof Diagnostic) return atTask(error, need);
    throw error;
  }
  return undefined;
}

/**
 * `apply`: all are in the cache and verified, or are fetched now. `check`: nothing is fetched; what nobody could fetch is told.
 *
 * @returns what is not to be had, and why; empty when the run may begin
 */
export async function artifactsReady(needs: readonly ArtifactNeed[], readiness: Readiness): Promise<readonly Lacking[]> {
  const wanted = needs.filter((need) => !need.tolerated);
  if (readiness.mode === 'verify' || wanted.length === 0) return [];
  const limit = pLimit(JOBS);
  const directory = cacheDirectory();
  try {
    const results = await Promise.all(wanted.map(async (need) => limit(async () => ({ plays: need.plays, problem: await getReady(need, directory, readiness) }))));
    return results.flatMap(({ plays, problem }) => (problem === undefined ? [] : [{ plays, problem }]));
  } catch (error) {
    if (readiness.stop.aborted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'interrupted before any host was touched; what was fetched of an artefact is kept', cause: error });
    throw error;
  }
}
