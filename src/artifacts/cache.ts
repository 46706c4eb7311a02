/**
 * The artefact cache of the controller: upstream files, addressed by their SHA-256. What is in it has been
 * verified; what is taken out is verified again. A cache that is filled once (or carried over on a disk) lets a
 * site be provisioned without the internet.
 *
 * Layout: `<directory>/sha256/<first two digits>/<digest>`. Files are put in place by rename, so several runs may
 * share a cache.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Diagnostic, failure } from '../support/diagnostic.ts';

/** A verified file in the cache. */
export interface CachedArtifact {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

export interface Wanted {
  /** What people call it, for messages. */
  readonly name: string;
  readonly sha256: string;
  /** Where it can be had (`https:`, `http:`, `file:`); undefined: only from the cache. */
  readonly url: string | undefined;
}

export interface DownloadOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds for one attempt, from the request to the last byte; default 600. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
  /** Seconds to wait after a failed attempt, times the number of the attempt; default 2. */
  readonly pauseSeconds?: number;
}

const DEFAULT_TIMEOUT_SECONDS = 600;
const ATTEMPTS = 3;
const PAUSE_SECONDS = 2;
/** No artefact of ours comes near; it keeps a runaway answer from filling the disk. */
const LARGEST_BYTES = 8 * 2 ** 30;

/** `CARE_ARTIFACTS`, else `~/.cache/care-provision/artifacts` (under `XDG_CACHE_HOME` where that is set). */
export function cacheDirectory(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = environment['CARE_ARTIFACTS'];
  if (own !== undefined && own !== '') return path.resolve(own);
  const cache = environment['XDG_CACHE_HOME'];
  return path.join(cache !== undefined && path.isAbsolute(cache) ? cache : path.join(homedir(), '.cache'), 'care-provision', 'artifacts');
}

/** Where an artefact is in a cache, or would be. */
export function cachedPath(directory: string, sha256: string): string {
  return path.join(directory, 'sha256', sha256.slice(0, 2), sha256);
}

async function digestOfFile(file: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}

/**
 * The artefact, if the cache has it and it is still what it was. One that has gone bad is removed.
 */
export async function fromCache(directory: string, sha256: string, signal?: AbortSignal): Promise<CachedArtifact | undefined> {
  const file = cachedPath(directory, sha256);
  let size: number;
  try {
    size = (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  if ((await digestOfFile(file, signal)) === sha256) return { path: file, size, sha256 };
  await rm(file, { force: true });
  return undefined;
}

/** An answer that trying again will not better. */
class Final extends Error {
  override readonly name = 'Final';
}

async function openUrl(url: URL, options: DownloadOptions, signal: AbortSignal): Promise<NodeJS.ReadableStream> {
  if (url.protocol === 'file:') return createReadStream(fileURLToPath(url));
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Final(`cannot fetch ${url.protocol}`);
  const answer = await fetch(url, { signal, redirect: 'follow', headers: { 'user-agent': 'care-provision', ...options.headers } });
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    const text = `${url.host} answered ${String(answer.status)} ${answer.statusText}`;
    // 408 and 429 ask for another attempt; other 4xx are about the request itself (RFC 9110 section 15.5).
    throw answer.status < 500 && answer.status !== 408 && answer.status !== 429 ? new Final(text) : new Error(text);
  }
  return Readable.fromWeb(answer.body);
}

async function attempt(url: URL, temporary: string, options: DownloadOptions): Promise<{ readonly sha256: string; readonly size: number }> {
  const timeout = AbortSignal.timeout((options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const hash = createHash('sha256');
  let size = 0;
  const source = await openUrl(url, options, signal);
  await pipeline(
    source,
    async function* (chunks: AsyncIterable<Buffer | string>) {
      for await (const chunk of chunks) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        size += bytes.length;
        if (size > LARGEST_BYTES) throw new Final(`more than ${String(LARGEST_BYTES)} bytes`);
        hash.update(bytes);
        yield bytes;
      }
    },
    createWriteStream(temporary, { flush: true }),
    { signal },
  );
  return { sha256: hash.digest('hex'), size };
}

/** Why, in one line; fetch hides the reason in `cause`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || (error.cause instanceof Error && error.cause.name === 'TimeoutError')) return 'it took too long';
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function parseUrl(name: string, url: string): URL {
  try {
    return new URL(url);
  } catch (error) {
    throw failure('bad-url', `${name}: ${JSON.stringify(url)} is no URL`, { cause: error });
  }
}

/** Without user and password, for messages. */
function shownUrl(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href;
}

/**
 * Downloads a file into the cache, at most three attempts.
 *
 * @param expected the digest that it must have; undefined: whatever it has
 * @throws Diagnostic `failed`, that names the artefact, when it cannot be had or is another file
 */
export async function download(directory: string, name: string, from: string, expected: string | undefined, options: DownloadOptions = {}): Promise<CachedArtifact> {
  const url = parseUrl(name, from);
  const folder = path.join(directory, 'incoming');
  await mkdir(folder, { recursive: true });
  const temporary = path.join(folder, randomBytes(12).toString('hex'));
  try {
    const got = await attempts(url, name, temporary, options);
    if (expected !== undefined && got.sha256 !== expected) {
      throw failure('wrong-checksum', `${name}: ${shownUrl(url)} is not the file that was locked`, {
        detail: `expected sha256 ${expected}\n     got sha256 ${got.sha256} (${String(got.size)} bytes)`,
        remedy: 'find out why upstream changed it; only then put the new checksum into the inventory or role',
      });
    }
    const file = cachedPath(directory, got.sha256);
    await mkdir(path.dirname(file), { recursive: true });
    await rename(temporary, file);
    return { path: file, ...got };
  } finally {
    await rm(temporary, { force: true });
  }
}

async function attempts(url: URL, name: string, temporary: string, options: DownloadOptions): Promise<{ readonly sha256: string; readonly size: number }> {
  for (let n = 1; ; n += 1) {
    try {
      return await attempt(url, temporary, options);
    } catch (error) {
      // Who asked does not want it any more: that is no failure of the download.
      options.signal?.throwIfAborted();
      if (error instanceof Final || n >= ATTEMPTS || url.protocol === 'file:') {
        throw failure('download-failed', `${name} could not be downloaded from ${shownUrl(url)}`, { detail: reasonOf(error), remedy: 'check the URL and the controller’s network, or put the file into the artefact cache', cause: error });
      }
      await sleep((options.pauseSeconds ?? PAUSE_SECONDS) * 1000 * n, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

/**
 * The artefact, from the cache or, when that has it not, from its URL.
 *
 * @throws Diagnostic `failed` that names the artefact, its digest and the cache when it cannot be had
 */
export async function obtain(directory: string, wanted: Wanted, options: DownloadOptions = {}): Promise<CachedArtifact> {
  const cached = await fromCache(directory, wanted.sha256, options.signal);
  if (cached !== undefined) return cached;
  const remedy = `put the file at ${cachedPath(directory, wanted.sha256)} (it is checked), or let the controller reach ${wanted.url ?? 'a `url` that the task gives'}`;
  if (wanted.url === undefined) throw failure('artifact-missing', `the artefact ${wanted.name} (sha256 ${wanted.sha256}) is not in the cache ${directory}`, { remedy });
  try {
    return await download(directory, wanted.name, wanted.url, wanted.sha256, options);
  } catch (error) {
    if (error instanceof Diagnostic && error.code === 'download-failed') {
      throw failure('artifact-missing', `the artefact ${wanted.name} (sha256 ${wanted.sha256}) is not in the cache ${directory}, and could not be downloaded`, { detail: error.detail, remedy, cause: error });
    }
    throw error;
  }
}
