/**
 * Artefacts of kind `go`: upstream gives source, `go install MODULE@VERSION` makes the program. What is built is what everybody
 * else gets of that version: the toolchain checks every module against the public checksum database (sum.golang.org,
 * https://go.dev/ref/mod#checksum-database), and nothing of the user's settings may weaken that. With `-trimpath`, without
 * cgo, with a named toolchain, a build is reproducible (https://go.dev/blog/rebuild): the digest can be locked.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { digestOfFile } from '../support/file-digest.ts';
import { failure } from '../support/diagnostic.ts';
import { writeBuildRecord, type BuildRecord } from './builds.ts';
import { type CachedArtifact } from './cache.ts';
import { titleOf, type GoArtifact, type Platform } from './catalogue.ts';
import { runGo, type Environment } from './go.ts';
import { keepAcross } from './keep-across.ts';

/** A large program on a small machine takes half an hour. */
const BUILD_SECONDS = 2 * 3600;
const ASK_SECONDS = 60;

/** What of the user's environment is about reaching the proxy, and about where things are. */
const PASSED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'XDG_CACHE_HOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NETRC', 'GOAUTH'] as const;

/** Where the user's Go finds modules and keeps what it made; none of it is a matter of trust. */
const userSettings = z.object({ GOPROXY: z.string(), GOMODCACHE: z.string(), GOCACHE: z.string() });
type UserSettings = z.output<typeof userSettings>;

/** Settings that the bytes depend on. */
const SETTINGS: Readonly<Record<string, string>> = { CGO_ENABLED: '0', GOAMD64: 'v1', GOFLAGS: '-trimpath -buildvcs=false', GOEXPERIMENT: '' };

/**
 * The environment of a build. `GOENV=off` shuts out what `go env -w` has set; GOFLAGS, GOSUMDB, GONOSUMDB, GOPRIVATE and
 * GOINSECURE are set here, whatever the user's say: no module escapes the checksum database.
 *
 * @param folder GOPATH: the program comes to `bin/` below
 */
export function buildEnvironment(artifact: Pick<GoArtifact, 'toolchain'>, platform: Platform, folder: string, user: UserSettings, environment: Environment): Readonly<Record<string, string>> {
  const [os = '', arch = ''] = platform.split('/');
  const passed = Object.fromEntries(PASSED.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
  return {
    ...passed, ...user, ...SETTINGS,
    GOENV: 'off', GOWORK: 'off', GO111MODULE: 'on', GOPATH: folder, GOOS: os, GOARCH: arch, GOTOOLCHAIN: artifact.toolchain,
    GOSUMDB: 'sum.golang.org', GONOSUMDB: '', GONOSUMCHECK: '', GONOPROXY: '', GOPRIVATE: '', GOINSECURE: '', GOVCS: '*:off',
  };
}

async function settingsOfUser(cwd: string, environment: Environment, signal: AbortSignal | undefined): Promise<UserSettings> {
  const stdout = await runGo(['env', '-json', 'GOPROXY', 'GOMODCACHE', 'GOCACHE'], { cwd, env: { ...environment, GOTOOLCHAIN: 'local' }, seconds: ASK_SECONDS, signal });
  return userSettings.parse(JSON.parse(stdout));
}

/** What a Go program says of its own build (`go version -m`): lines of tab-separated words. */
export function parseBuildInfo(text: string): { readonly toolchain: string | undefined; readonly module: string | undefined; readonly version: string | undefined; readonly sum: string | undefined } {
  const lines = text.split('\n').map((line) => line.trim().split('\t'));
  const mod = lines.find(([kind]) => kind === 'mod');
  return { toolchain: /: (go\d\S*)/.exec(text.split('\n')[0] ?? '')?.[1], module: mod?.[1], version: mod?.[2], sum: mod?.[3] };
}

/** Where `go install` put the program: cross-compiled ones are a folder deeper. */
async function findProgram(folder: string): Promise<string> {
  const found = (await readdir(path.join(folder, 'bin'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const [only] = found;
  if (found.length !== 1 || only === undefined) throw new Error(`go install made ${String(found.length)} programs, not one`);
  return path.join(only.parentPath, only.name);
}

export interface Built {
  readonly file: CachedArtifact;
  readonly record: BuildRecord;
}

export interface BuildOptions {
  readonly signal?: AbortSignal;
  readonly environment?: Environment;
}

/**
 * Builds a program into the cache.
 *
 * @throws Diagnostic `build-failed`; `wrong-checksum` when the digest is locked and another came out
 */
export async function buildGo(directory: string, artifact: GoArtifact, platform: Platform, options: BuildOptions = {}): Promise<Built> {
  const title = `${titleOf(artifact)} (${platform})`;
  const folder = await mkdtemp(path.join(tmpdir(), 'care-go-'));
  const environment = options.environment ?? process.env;
  try {
    const program = artifact.package ?? artifact.module;
    const env = buildEnvironment(artifact, platform, folder, await settingsOfUser(folder, environment, options.signal), environment);
    await runGo(['install', `${program}@${artifact.module_version}`], { cwd: folder, env, seconds: BUILD_SECONDS, signal: options.signal });
    const file = await findProgram(folder);
    const info = parseBuildInfo(await runGo(['version', '-m', file], { cwd: folder, env, seconds: ASK_SECONDS, signal: options.signal }));
    const { sum } = info;
    if (info.module !== artifact.module || info.version !== artifact.module_version || info.toolchain !== artifact.toolchain || sum === undefined) {
      throw new Error(`the program says that it is ${info.module ?? '?'} ${info.version ?? '?'} of ${info.toolchain ?? '?'}`);
    }
    const sha256 = await digestOfFile(file, options.signal);
    const locked = artifact.sha256[platform];
    if (locked !== undefined && locked !== sha256) {
      throw failure('wrong-checksum', `${title}: the build is not the file that was locked`, {
        detail: `expected sha256 ${locked}\n     got sha256 ${sha256}\n  built by ${artifact.toolchain} from ${artifact.module}@${artifact.module_version} ${sum}`,
        remedy: 'look whether the locked digest is of the same module version and toolchain; only then put the new one into artifacts.yml',
      });
    }
    const record: BuildRecord = {
      sha256, name: artifact.name, version: artifact.version, platform, module: artifact.module, module_version: artifact.module_version, module_sum: sum, package: program,
      toolchain: artifact.toolchain, settings: Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`),
    };
    const kept = await keepAcross(directory, file, sha256);
    await writeBuildRecord(directory, record);
    return { file: kept, record };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof Error) || error.name === 'Diagnostic') throw error;
    throw failure('build-failed', `${title} could not be built from ${artifact.module}@${artifact.module_version}`, {
      detail: error.message,
      remedy: `it needs Go (${artifact.toolchain}, or any that can fetch it) and a way to the Go module proxy; or bring the file from a machine that has it: artifacts bundle, artifacts import`,
      cause: error,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
