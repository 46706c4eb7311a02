/**
 * Artefacts of kind `git`: the files of one commit of a repository, as a tar archive. A commit's name is a hash of all that is in
 * it, so whoever serves it cannot give another; git looks at every object that comes (transfer.fsckObjects). The archive is the same
 * on every machine, so its digest is locked as any other.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { digestOfFile } from '../support/file-digest.ts';
import { failure } from '../support/diagnostic.ts';
import { type CachedArtifact } from './cache.ts';
import { titleOf, type GitArtifact } from './catalogue.ts';
import { keepAcross } from './keep-across.ts';

const FETCH_SECONDS = 1800;
const ASK_SECONDS = 120;
const OUTPUT_BYTES = 4 * 1024 * 1024;

/** Nothing of the user's or the machine's settings counts, nobody is asked for a password, and only https and files are ways. */
const SETTINGS = ['protocol.allow=never', 'protocol.https.allow=always', 'protocol.file.allow=always', 'transfer.fsckObjects=true', 'tar.umask=0022', 'core.hooksPath=/dev/null', 'credential.helper=', 'advice.detachedHead=false'];
const PASSED = ['PATH', 'HOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'GIT_SSL_CAINFO'] as const;

function environment(): Readonly<Record<string, string>> {
  const passed = Object.fromEntries(PASSED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  return { ...passed, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '/bin/false', LC_ALL: 'C' };
}

async function git(args: readonly string[], cwd: string, seconds: number, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('git', [...SETTINGS.flatMap((s) => ['-c', s]), ...args], { cwd, env: environment(), timeout: seconds * 1000, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES, encoding: 'utf8', ...(signal === undefined ? {} : { signal }) }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(error.code === 'ENOENT' ? 'there is no `git` on this machine' : error.killed === true ? `it took more than ${String(seconds)} s` : stderr.trim().split('\n').slice(-6).join('\n') || error.message, { cause: error }));
    });
  });
}

/** How servers say that they give no commit by its name alone (git: upload-pack.c, fetch-pack.c), or have none of it. */
const NOT_BY_NAME = /unadvertised object|not our ref|couldn't find remote ref|no such remote ref/i;

/**
 * The commit alone where the server gives it by its name; where it says that it does not, all that the repository has. Any other trouble
 * (no way to it, no such repository) would be the same again, only later.
 */
async function fetchCommit(artifact: GitArtifact, folder: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await git(['fetch', '--quiet', '--no-tags', '--depth=1', artifact.repository, artifact.commit], folder, FETCH_SECONDS, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error) || !NOT_BY_NAME.test(error.message)) throw error;
    await git(['fetch', '--quiet', '--no-tags', artifact.repository, '+refs/heads/*:refs/all/heads/*', '+refs/tags/*:refs/all/tags/*'], folder, FETCH_SECONDS, signal);
    if (!(await has(artifact.commit, folder, signal))) throw new Error(`no branch and no tag of it has the commit ${artifact.commit} (${error.message.split('\n').at(-1) ?? ''})`, { cause: error });
  }
}

async function has(commit: string, folder: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await git(['cat-file', '-e', commit], folder, ASK_SECONDS, signal);
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Error) return false;
    throw error;
  }
}

/**
 * Brings the files of a commit into the cache, as `NAME-VERSION/…` in a tar archive.
 *
 * @param locked the digest that it must have; undefined: whatever it has
 * @throws Diagnostic `git-failed`; `wrong-checksum` when another archive came out than the locked one
 */
export async function archiveGit(directory: string, artifact: GitArtifact, locked: string | undefined, signal?: AbortSignal): Promise<CachedArtifact> {
  const folder = await mkdtemp(path.join(tmpdir(), 'care-git-'));
  try {
    await git(['init', '--quiet', '--bare', folder], folder, ASK_SECONDS, signal);
    await fetchCommit(artifact, folder, signal);
    const kind = await git(['cat-file', '-t', artifact.commit], folder, ASK_SECONDS, signal);
    if (kind !== 'commit') throw new Error(`${artifact.commit} is a ${kind}, no commit`);
    const file = path.join(folder, 'archive.tar');
    await git(['archive', '--format=tar', `--prefix=${artifact.name}-${artifact.version}/`, `--output=${file}`, artifact.commit], folder, FETCH_SECONDS, signal);
    const sha256 = await digestOfFile(file, signal);
    if (locked !== undefined && locked !== sha256) {
      throw failure('wrong-checksum', `${titleOf(artifact)}: the archive is not the file that was locked`, {
        detail: `expected sha256 ${locked}\n     got sha256 ${sha256}\n  of commit ${artifact.commit}`,
        remedy: 'look whether the locked digest is of the same commit (a repository may ask for its version to be written into archives: .gitattributes, export-subst); only then put the new one into artifacts.yml',
      });
    }
    return await keepAcross(directory, file, sha256);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error) || error.name === 'Diagnostic') throw error;
    throw failure('git-failed', `${titleOf(artifact)} could not be had from ${artifact.repository}`, {
      detail: error.message,
      remedy: 'it needs git and a way to the repository; or bring the file from a machine that has it: artifacts bundle, artifacts import',
      cause: error,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
