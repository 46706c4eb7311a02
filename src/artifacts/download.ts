/** Downloads into the cache: goes on where it was cut off, bounded in time, size and attempts, and checked by its digest. */
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat, truncate } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { digestOfFile } from '../support/file-digest.ts';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { cachedPath, fromCache, keep, LARGEST_BYTES, type CachedArtifact } from './cache.ts';
import { leaveIncoming, sizeOf, takeIncoming, type Incoming } from './incoming.ts';
import { Final, mayAskAgain, request } from './request.ts';

export interface Wanted {
  /** What people call it, for messages. */
  readonly name: string;
  readonly sha256: string;
  /** Where it can be had (`https:`, `file:`); undefined: only from the cache. */
  readonly url: string | undefined;
}

export interface DownloadOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds for one attempt, from the request to the last byte; default 600. */
  readonly timeoutSeconds?: number;
  /** Seconds without a byte after which an attempt is given up; default 60. */
  readonly idleSeconds?: number;
  readonly signal?: AbortSignal;
  /** Seconds to wait after a failed attempt, times the number of the attempt; default 2. */
  readonly pauseSeconds?: number;
  /** Most bytes; default 8 GiB. */
  readonly largestBytes?: number;
  /** Allow plain http to other machines. Default: no. */
  readonly plainHttp?: boolean;
  /** Told how many bytes are there, and of how many where the server says so. */
  readonly progress?: (bytes: number, of: number | undefined) => void;
}

const DEFAULT_TIMEOUT_SECONDS = 600;
const DEFAULT_IDLE_SECONDS = 60;
/** In a row without a further byte; a line that keeps breaking may take more, each a bit further. */
const ATTEMPTS = 3;
const MOST_ATTEMPTS = 30;
const PAUSE_SECONDS = 2;

interface Opened {
  readonly body: Readable;
  /** Where in the file the body begins. */
  readonly offset: number;
  /** Bytes of the whole file, where the server says so. */
  readonly total: number | undefined;
}

/** `bytes 100-999/1000`; RFC 9110 section 14.4. */
function contentRange(value: string | null): { readonly start: number; readonly total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(value ?? '');
  return match === null ? undefined : { start: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) };
}

/** @returns undefined when the server says that there is nothing after what we have */
async function open(url: URL, had: number, options: DownloadOptions, signal: AbortSignal): Promise<Opened | undefined> {
  if (url.protocol === 'file:') {
    const file = fileURLToPath(url);
    const { size } = await stat(file);
    return { body: createReadStream(file), offset: 0, total: size };
  }
  const range: Readonly<Record<string, string>> = had > 0 ? { range: `bytes=${String(had)}-` } : {};
  const answer = await request(url, { headers: { ...options.headers, ...range }, plainHttp: options.plainHttp === true, signal });
  if (answer.status === 416 && had > 0) {
    await answer.body?.cancel();
    return undefined;
  }
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    const text = `${url.host} answered ${String(answer.status)} ${answer.statusText}`;
    throw mayAskAgain(answer.status) ? new Error(text) : new Final(text);
  }
  const part = answer.status === 206 ? contentRange(answer.headers.get('content-range')) : undefined;
  if (answer.status === 206 && part?.start !== had) {
    await answer.body.cancel();
    throw new Final(`${url.host} sent another part than was asked for`);
  }
  const length = answer.headers.get('content-length');
  return { body: Readable.fromWeb(answer.body), offset: part === undefined ? 0 : had, total: part?.total ?? (part === undefined && length !== null ? Number(length) : undefined) };
}

/** @returns undefined when the whole file is there */
async function attempt(url: URL, file: string, had: number, options: DownloadOptions): Promise<void> {
  const idle = new AbortController();
  const patience = setTimeout(() => { idle.abort(new DOMException('no byte for too long', 'TimeoutError')); }, (options.idleSeconds ?? DEFAULT_IDLE_SECONDS) * 1000);
  const timeout = AbortSignal.timeout((options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000);
  const signal = AbortSignal.any([idle.signal, timeout, ...(options.signal === undefined ? [] : [options.signal])]);
  try {
    const opened = await open(url, had, options, signal);
    if (opened === undefined) return;
    const most = options.largestBytes ?? LARGEST_BYTES;
    const tooLarge = (): Final => new Final(`more than ${String(most)} bytes`);
    if (opened.total !== undefined && opened.total > most) {
      // Nobody reads it: that it is cut off now is no news.
      opened.body.on('error', () => undefined).destroy();
      throw tooLarge();
    }
    let size = opened.offset;
    options.progress?.(size, opened.total);
    await pipeline(
      opened.body,
      async function* (chunks: AsyncIterable<Buffer | string>) {
        for await (const chunk of chunks) {
          patience.refresh();
          size += chunk.length;
          if (size > most) throw tooLarge();
          options.progress?.(size, opened.total);
          yield chunk;
        }
      },
      // `r+` writes into what is there; where the body begins at 0, that is thrown away.
      createWriteStream(file, opened.offset > 0 ? { flags: 'r+', start: opened.offset, flush: true } : { flags: 'w', flush: true }),
      { signal },
    );
    if (opened.total !== undefined && size !== opened.total) throw new Error(`${String(size)} of ${String(opened.total)} bytes came`);
  } finally {
    clearTimeout(patience);
  }
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

/** Until the whole file is there. @throws Diagnostic `download-failed`; what was asked to stop is thrown as it is */
async function attempts(url: URL, name: string, file: string, resumable: boolean, options: DownloadOptions): Promise<void> {
  let inVain = 0;
  for (let n = 1; ; n += 1) {
    const had = resumable ? ((await sizeOf(file)) ?? 0) : 0;
    try {
      await attempt(url, file, had, options);
      return;
    } catch (error) {
      // Who asked does not want it any more: that is no failure of the download.
      options.signal?.throwIfAborted();
      inVain = ((await sizeOf(file)) ?? 0) > had && resumable ? 0 : inVain + 1;
      if (error instanceof Final || inVain >= ATTEMPTS || n >= MOST_ATTEMPTS || url.protocol === 'file:') {
        throw failure('download-failed', `${name} could not be downloaded from ${shownUrl(url)}`, { detail: reasonOf(error), remedy: 'check the URL and the controller’s network, or put the file into the artefact cache', cause: error });
      }
      await sleep((options.pauseSeconds ?? PAUSE_SECONDS) * 1000 * Math.max(1, inVain), undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

/**
 * Downloads a file into the cache: three attempts in a row without progress are too many. Where the digest is known, a later
 * attempt, of this run or of the next, goes on where the last was cut off.
 *
 * @param expected the digest that it must have; undefined: whatever it has
 * @throws Diagnostic `failed`, that names the artefact, when it cannot be had or is another file
 */
export async function download(directory: string, name: string, from: string, expected: string | undefined, options: DownloadOptions = {}): Promise<CachedArtifact> {
  const url = parseUrl(name, from);
  const incoming = await takeIncoming(directory, expected);
  let kept = expected;
  try {
    await attempts(url, name, incoming.path, expected !== undefined, options);
    let sha256 = await digestOfFile(incoming.path, options.signal);
    if (sha256 !== expected && incoming.had > 0) {
      // The part that an earlier run left may be to blame.
      await truncate(incoming.path, 0);
      await attempts(url, name, incoming.path, true, options);
      sha256 = await digestOfFile(incoming.path, options.signal);
    }
    if (expected !== undefined && sha256 !== expected) {
      kept = undefined;
      throw await wrongFile(name, url, incoming, expected, sha256);
    }
    return await keep(directory, incoming.path, sha256);
  } finally {
    await leaveIncoming(directory, incoming, kept);
  }
}

async function wrongFile(name: string, url: URL, incoming: Incoming, expected: string, sha256: string): Promise<Diagnostic> {
  const size = (await sizeOf(incoming.path)) ?? 0;
  await rm(incoming.path, { force: true });
  return failure('wrong-checksum', `${name}: ${shownUrl(url)} is not the file that was locked`, {
    detail: `expected sha256 ${expected}\n     got sha256 ${sha256} (${String(size)} bytes)`,
    remedy: 'find out why upstream changed it; only then put the new checksum into the inventory or role',
  });
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
