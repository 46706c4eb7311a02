import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildsOf } from '../../../src/artifacts/builds.ts';
import { listCache } from '../../../src/artifacts/cache.ts';
import { artifactSchema, type GoArtifact } from '../../../src/artifacts/catalogue.ts';
import { fetchAll, wantingOf } from '../../../src/artifacts/fetch-all.ts';
import { buildEnvironment, buildGo, parseBuildInfo } from '../../../src/artifacts/go-build.ts';

let dir = '';
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'care-build-')); });
afterEach(() => {
  // Go makes what it unpacks read-only.
  spawnSync('chmod', ['-R', 'u+w', dir]);
  rmSync(dir, { recursive: true, force: true });
});

function goArtifact(more: object = {}): GoArtifact {
  const artifact = artifactSchema.parse({ name: 'tool', version: '1.0.0', source: 'go', module: 'example.org/tool', module_version: 'v1.0.0', toolchain: 'go1.26.8', license: 'MIT', sha256: {}, ...more });
  if (artifact.source !== 'go') throw new Error('not of kind go');
  return artifact;
}

test('nothing of the user’s settings weakens the checksum database', () => {
  const user = { GOPROXY: 'https://proxy.example', GOMODCACHE: '/m', GOCACHE: '/c' };
  const weak = { PATH: '/bin', GONOSUMDB: '*', GONOSUMCHECK: '1', GOFLAGS: '-insecure -mod=mod', GOINSECURE: '*', GOPRIVATE: '*', GOSUMDB: 'off', GOENV: '/home/u/env', GOTOOLCHAIN: 'local', GOWORK: '/w', CGO_ENABLED: '1', LD_PRELOAD: '/x.so', CARE_SECRET: 's' };
  const environment = buildEnvironment(goArtifact(), 'linux/arm64', '/f', user, weak);
  expect(environment).toMatchObject({ PATH: '/bin', GOSUMDB: 'sum.golang.org', GONOSUMDB: '', GONOSUMCHECK: '', GOINSECURE: '', GOPRIVATE: '', GONOPROXY: '', GOFLAGS: '-trimpath -buildvcs=false', GOENV: 'off', GOWORK: 'off', GOTOOLCHAIN: 'go1.26.8', CGO_ENABLED: '0', GOOS: 'linux', GOARCH: 'arm64', GOPROXY: 'https://proxy.example' });
  expect(Object.keys(environment)).not.toContain('LD_PRELOAD');
  expect(Object.keys(environment)).not.toContain('CARE_SECRET');
});

test('what a program says of its build', () => {
  expect(parseBuildInfo('/x/minio: go1.26.8\n\tpath\tgithub.com/minio/minio\n\tmod\tgithub.com/minio/minio\tv0.0.0-1\th1:abc=\t\n\tdep\ta\tv1\th1:d=\n')).toEqual({ toolchain: 'go1.26.8', module: 'github.com/minio/minio', version: 'v0.0.0-1', sum: 'h1:abc=' });
  expect(parseBuildInfo('x: no build information')).toEqual({ toolchain: undefined, module: undefined, version: undefined, sum: undefined });
});

const said = (name: string): string | null => spawnSync('go', ['env', name], { encoding: 'utf8', env: { ...process.env, GOTOOLCHAIN: 'local' } }).stdout;
const toolchain = said('GOVERSION');

/** A module proxy on disk (https://go.dev/ref/mod#goproxy-protocol) with one module that no checksum database has ever seen. */
function ownProxy(): string {
  const module = join(dir, 'src', 'example.org', 'tool@v1.0.0');
  const place = join(dir, 'proxy', 'example.org', 'tool', '@v');
  mkdirSync(module, { recursive: true });
  mkdirSync(place, { recursive: true });
  writeFileSync(join(module, 'go.mod'), 'module example.org/tool\n');
  writeFileSync(join(module, 'main.go'), 'package main\nfunc main() { println("hello") }\n');
  writeFileSync(join(place, 'v1.0.0.mod'), 'module example.org/tool\n');
  writeFileSync(join(place, 'v1.0.0.info'), '{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}');
  writeFileSync(join(place, 'list'), 'v1.0.0\n');
  // A module's zip holds files only, no folders.
  execFileSync('python3', ['-c', 'import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], "w")\n[z.write(f) for f in sys.argv[2:]]\nz.close()', join(place, 'v1.0.0.zip'), 'example.org/tool@v1.0.0/go.mod', 'example.org/tool@v1.0.0/main.go'], { cwd: join(dir, 'src') });
  return `file://${join(dir, 'proxy')}`;
}

describe.skipIf(!(toolchain ?? '').startsWith('go1.'))('with the real Go', () => {
  test('a module that the checksum database cannot vouch for is not built, whatever the environment asks for', async () => {
    // What is compiled of Go itself is the same each time: the user's cache knows it by what it is made of.
    const environment = { ...process.env, GOPROXY: ownProxy(), GOMODCACHE: join(dir, 'mod'), GOCACHE: said('GOCACHE')?.trim(), GONOSUMDB: '*', GONOSUMCHECK: '1', GOFLAGS: '-mod=mod', GOSUMDB: 'off', HTTPS_PROXY: 'http://127.0.0.1:9' };
    // The closed port keeps the question about the module on this machine. The same environment, left to itself, builds it without a question.
    execFileSync('go', ['install', 'example.org/tool@v1.0.0'], { cwd: dir, env: { ...environment, GOBIN: join(dir, 'bin'), GOTOOLCHAIN: 'local' } });
    expect(existsSync(join(dir, 'bin', 'tool'))).toBe(true);
    const artifact = goArtifact({ toolchain: (toolchain ?? '').trim() });
    await expect(buildGo(join(dir, 'artifacts'), artifact, 'linux/amd64', { environment })).rejects.toMatchObject({ code: 'build-failed', detail: expect.stringMatching(/sum\.golang\.org|checksum database/) as string });
    expect(await listCache(join(dir, 'artifacts'))).toEqual([]);
  }, 120_000);
});

/** A `go` that notes how it is called and "builds" a text: for what is ours around the real one. */
function shim(says: { readonly version?: string; readonly toolchain?: string; readonly fails?: string } = {}): Readonly<Record<string, string | undefined>> {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'go'), `#!/bin/sh
echo "$@ GOARCH=$GOARCH" >>${dir}/calls
case $1 in
  env) echo '{"GOPROXY":"off","GOMODCACHE":"/m","GOCACHE":"/c"}' ;;
  install) ${says.fails === undefined ? '' : `echo 'go: downloading x' >&2; echo '${says.fails}' >&2; exit 1;`} mkdir -p "$GOPATH/bin/other"; echo program >"$GOPATH/bin/other/tool" ;;
  version) printf '%s: ${says.toolchain ?? 'go1.26.8'}\\n\\tpath\\texample.org/tool\\n\\tmod\\texample.org/tool\\t${says.version ?? 'v1.0.0'}\\th1:abc=\\t\\n' "$3" ;;
esac
`);
  chmodSync(join(bin, 'go'), 0o755);
  return { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}
const PROGRAM = 'd7fd6f9faffbd7a1ad5cb1c0e1bd2ce78ed4e5f4ecd5c7aba3b87f2d0c9e2f7a';

describe('around the build', () => {
  const artifacts = (): string => join(dir, 'artifacts');

  test('the program comes into the cache with a record; unlocked, it is said; built once', async () => {
    const environment = shim();
    const [first] = await fetchAll(artifacts(), [wantingOf(goArtifact({ package: 'example.org/tool/cmd' }), 'linux/arm64')], { jobs: 1, build: { environment } });
    if (first === undefined || first.status === 'failed') throw new Error('not built');
    expect(first).toMatchObject({ status: 'built', locked: false });
    expect(readFileSync(first.file.path, 'utf8')).toBe('program\n');
    expect(await buildsOf(artifacts(), { name: 'tool', version: '1.0.0' })).toMatchObject([{ sha256: first.file.sha256, module_sum: 'h1:abc=', toolchain: 'go1.26.8', platform: 'linux/arm64' }]);
    const again = await fetchAll(artifacts(), [wantingOf(goArtifact(), 'linux/arm64')], { jobs: 1, build: { environment } });
    expect(again).toMatchObject([{ status: 'cached', locked: false }]);
    expect(readFileSync(join(dir, 'calls'), 'utf8').split('\n').filter((line) => line.startsWith('install'))).toEqual(['install example.org/tool/cmd@v1.0.0 GOARCH=arm64']);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('care-go-'))).toEqual([]);
    const locked = await fetchAll(artifacts(), [wantingOf(goArtifact({ sha256: { 'linux/arm64': first.file.sha256 } }), 'linux/arm64')], { jobs: 1, build: { environment } });
    expect(locked).toMatchObject([{ status: 'cached', locked: true }]);
  });

  test('another digest than the locked one is refused with how it was built', async () => {
    await expect(buildGo(artifacts(), goArtifact({ sha256: { 'linux/amd64': PROGRAM } }), 'linux/amd64', { environment: shim() })).rejects.toMatchObject({ code: 'wrong-checksum', detail: expect.stringContaining('go1.26.8 from example.org/tool@v1.0.0 h1:abc=') as string });
    expect(await listCache(artifacts())).toEqual([]);
  });

  test.each([
    ['another version', { version: 'v1.0.1' }, 'v1.0.1'],
    ['another toolchain', { toolchain: 'go1.20' }, 'go1.20'],
    ['a build that fails', { fails: 'missing go.sum entry' }, 'missing go.sum entry'],
  ])('%s is an error', async (_what, says, why) => {
    await expect(buildGo(artifacts(), goArtifact(), 'linux/amd64', { environment: shim(says) })).rejects.toMatchObject({ code: 'build-failed', detail: expect.stringContaining(why) as string });
  });

  test('without Go it says so', async () => {
    await expect(buildGo(artifacts(), goArtifact(), 'linux/amd64', { environment: { PATH: dir } })).rejects.toMatchObject({ detail: 'there is no `go` on this machine' });
  });
});
