/** What is past its end of life, or about to be, and what upstream has that is newer, as far as upstream can be asked. */
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { z } from 'zod';
import { lifeOf, type Artifact, type Catalogue, type LifeState } from './catalogue.ts';
import { runGo } from './go.ts';
import { request } from './request.ts';

export type Newest =
  | { readonly type: 'known'; readonly version: string; readonly newer: boolean }
  /** It could have been asked, but did not answer. */
  | { readonly type: 'unreachable'; readonly because: string }
  /** Nobody to ask is known, or nobody should be asked. */
  | { readonly type: 'not-asked'; readonly because: string };

export interface Outdated {
  readonly artifact: Artifact;
  readonly life: LifeState;
  readonly newest: Newest;
}

export interface OutdatedOptions {
  /** YYYY-MM-DD */
  readonly today: string;
  readonly offline: boolean;
  readonly signal?: AbortSignal;
  /** Where GitHub's API is; tests have one of their own. */
  readonly github?: string;
  readonly timeoutSeconds?: number;
}

const TIMEOUT_SECONDS = 15;
const LARGEST_ANSWER = 1024 * 1024;

const release = z.object({ tag_name: z.string() });
const goModule = z.object({ Version: z.string(), Time: z.string().optional() });

/** The numbers of a version, in order: `v3.6.14` → 3, 6, 14; and of a release named after a day. */
function numbers(version: string): readonly number[] {
  return [...version.matchAll(/\d+/g)].map(([digits]) => Number(digits));
}

/** Whether one version comes after another, by their numbers; what has none in common is taken to differ only. */
export function isNewer(candidate: string, than: string): boolean {
  const a = numbers(candidate);
  const b = numbers(than);
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

async function readJson(answer: Response): Promise<unknown> {
  if (answer.body === null) throw new Error('the answer is empty');
  let size = 0;
  const chunks: Uint8Array[] = [];
  const body: AsyncIterable<unknown> = Readable.fromWeb(answer.body);
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw new Error('the answer is no bytes');
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/** GitHub's newest release that is no draft and no pre-release (its REST API, "Get the latest release"). */
async function askGithub(repository: string, options: OutdatedOptions, signal: AbortSignal): Promise<string> {
  const url = new URL(`/repos/${repository}/releases/latest`, options.github ?? 'https://api.github.com');
  const answer = await request(url, { headers: { accept: 'application/vnd.github+json' }, plainHttp: false, signal });
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new Error(`${url.host} answered ${String(answer.status)}`);
  }
  return release.parse(await readJson(answer)).tag_name;
}

/** The newest version that the module proxy knows, as the user's own Go asks it. */
async function askGo(module: string, seconds: number, signal: AbortSignal): Promise<string> {
  const stdout = await runGo(['list', '-m', '-json', `${module}@latest`], { cwd: tmpdir(), env: { ...process.env, GOWORK: 'off', GOFLAGS: '-mod=mod', GO111MODULE: 'on' }, seconds, signal });
  return goModule.parse(JSON.parse(stdout)).Version;
}

async function newestOf(artifact: Artifact, options: OutdatedOptions): Promise<Newest> {
  if (options.offline) return { type: 'not-asked', because: '--offline' };
  const seconds = options.timeoutSeconds ?? TIMEOUT_SECONDS;
  const signal = AbortSignal.any([AbortSignal.timeout(seconds * 1000), ...(options.signal === undefined ? [] : [options.signal])]);
  try {
    if (artifact.source === 'go') {
      const version = await askGo(artifact.module, seconds, signal);
      return { type: 'known', version, newer: isNewer(version, artifact.module_version) };
    }
    if (artifact.github === undefined) return { type: 'not-asked', because: 'artifacts.yml says no `github` to ask' };
    const version = await askGithub(artifact.github, options, signal);
    return { type: 'known', version, newer: isNewer(version, artifact.version) };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { type: 'unreachable', because: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it took too long';
  return error.cause instanceof Error && error.message === 'fetch failed' ? error.cause.message : error.message;
}

/** Looks at all of them, four askings at a time. What cannot be asked is said, and is no failure. */
export async function outdated(catalogue: Catalogue, artifacts: readonly Artifact[], options: OutdatedOptions): Promise<readonly Outdated[]> {
  const limit = pLimit(4);
  return Promise.all(artifacts.map(async (artifact) => ({ artifact, life: lifeOf(catalogue, artifact, options.today), newest: await limit(async () => newestOf(artifact, options)) })));
}
