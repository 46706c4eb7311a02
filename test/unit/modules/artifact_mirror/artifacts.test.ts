/** `artifact` by name and version, its ways to the host, and `artifact_mirror`: scripts really run, on this machine. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { mergeCatalogues } from '../../../../src/artifacts/catalogue.ts';
import { parseMirrors, type SiteArtifacts } from '../../../../src/artifacts/site.ts';
import { artifact } from '../../../../src/modules/artifact/index.ts';
import { artifactMirror } from '../../../../src/modules/artifact_mirror/index.ts';
import { mirrorScript } from '../../../../src/modules/common/from-mirror.ts';
import type { Module } from '../../../../src/modules/define.ts';
import { act, planHere, scratch, shells, sweep, type ExecOptions } from '../exec.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const SHA = digest('tool 1');
let dir = '';
let given: ExecOptions = {};

beforeEach(() => {
  dir = scratch();
  vi.stubEnv('CARE_ARTIFACTS', join(dir, 'cache'));
  writeFileSync(join(dir, 'upstream'), 'tool 1');
  given = { artifacts: known() };
});
afterEach(() => {
  vi.unstubAllEnvs();
  sweep();
});

function known(more: Partial<SiteArtifacts> = {}, entry: object = {}): SiteArtifacts {
  const url = pathToFileURL(join(dir, 'upstream')).href;
  const catalogue = mergeCatalogues([{ artifacts: [{ name: 'tool', version: '1', source: 'url', url, license: 'MIT', sha256: { 'linux/amd64': SHA }, ...entry }] }]);
  return { catalogue, needs: () => [{ title: 'tool 1', sha256: SHA, url }], mirrors: [], ...more };
}

async function perform(module: Module, args: object, options: ExecOptions): Promise<unknown> {
  const { plan } = planHere(module, args, options);
  if (plan.type !== 'action') throw new Error(`${plan.type}: ${JSON.stringify(plan)}`);
  return options.shell === undefined ? act(plan.action) : act(plan.action, options.shell);
}

describe.each(shells)('with %s', (shell) => {
  test('an artefact by name and version; its own name is that of upstream', async () => {
    mkdirSync(join(dir, 'bin'));
    const args = { name: 'tool', version: '1', dest: `${dir}/bin/` };
    expect(await perform(artifact, args, { ...given, shell })).toMatchObject({ changed: true, values: { dest: join(dir, 'bin', 'upstream'), checksum: SHA, source: 'controller' } });
    expect(planHere(artifact, args, { ...given, shell }).plan.type).toBe('ok');
  });

  test('a mirror that cannot be reached: the controller sends it, and it is said why', async () => {
    const artifacts = known({ mirrors: ['https://127.0.0.1:1'] });
    const dest = join(dir, 'tool');
    expect(await perform(artifact, { name: 'tool', version: '1', dest, mode: '0755' }, { artifacts, shell })).toMatchObject({ changed: true, values: { source: 'controller' }, msg: expect.stringContaining('no mirror gave it') as string });
    expect([readFileSync(dest, 'utf8'), statSync(dest).mode & 0o777]).toEqual(['tool 1', 0o755]);
  });

  test('the mirror’s directory gets what is needed, under its digest; what went bad is brought again', async () => {
    const path = join(dir, 'mirror');
    const blob = join(path, 'sha256', SHA.slice(0, 2), SHA);
    mkdirSync(path);
    expect(await perform(artifactMirror, { path }, { ...given, shell })).toMatchObject({ changed: true, values: { files: 1 } });
    expect([readFileSync(blob, 'utf8'), statSync(blob).mode & 0o777]).toEqual(['tool 1', 0o644]);
    expect(planHere(artifactMirror, { path }, { ...given, shell }).plan).toMatchObject({ type: 'ok' });
    writeFileSync(blob, 'bad');
    await perform(artifactMirror, { path }, { ...given, shell });
    expect(readFileSync(blob, 'utf8')).toBe('tool 1');
    expect(planHere(artifactMirror, { path }, { artifacts: known({ needs: () => [] }), shell }).plan.type).toBe('ok');
  });
});

test('the machine of the host says which file; what has none is refused by name', () => {
  const plan = (entry: object): unknown => planHere(artifact, { name: 'tool', version: '1', dest: join(dir, 'f') }, { artifacts: known({}, entry) }).plan;
  expect(plan({ sha256: { 'linux/amd64': SHA, 'linux/arm64': digest('other') } })).toMatchObject({ type: 'action' });
  expect(() => plan({ sha256: { 'linux/arm64': SHA } })).toThrow('tool 1 has no sha256 for linux/amd64');
  expect(() => planHere(artifact, { name: 'tool', version: '2', dest: join(dir, 'f') }, given)).toThrow('no artefact tool 2 is known');
});

test('what has ended is not put on a host, but a host that has it is left alone', async () => {
  const artifacts = known({}, { end_of_life: '2026-01-01' });
  const dest = join(dir, 'tool');
  await expect(perform(artifact, { name: 'tool', version: '1', dest }, { artifacts })).rejects.toMatchObject({ code: 'artifact-ended' });
  expect(existsSync(dest)).toBe(false);
  writeFileSync(dest, 'tool 1');
  expect(planHere(artifact, { name: 'tool', version: '1', dest }, { artifacts }).plan.type).toBe('ok');
});

test.each([
  [{ dest: '/f' }], [{ name: 'tool', dest: '/f' }], [{ name: 'tool', version: '1', url: 'https://example.org/f', dest: '/f' }], [{ sha256: SHA, platform: 'linux/amd64', dest: '/f' }],
  [{ sha256: SHA, url: 'http://example.org/f', dest: '/f' }], [{ sha256: SHA, url: 'http://127.0.0.1.example.org/f', dest: '/f' }], [{ name: 'tool', version: '1', platform: 'linux/x86_64', dest: '/f' }],
])('%o is refused', (args) => {
  expect(() => artifact.prepare(args)).toThrow();
});

test('addresses of mirrors', () => {
  expect(parseMirrors(undefined)).toEqual([]);
  expect(parseMirrors(['https://192.0.2.1:8444', 'https://mirror.example/'])).toEqual(['https://192.0.2.1:8444', 'https://mirror.example']);
  for (const bad of ['https://192.0.2.1', ['http://192.0.2.1'], ['https://192.0.2.1/path'], ['https://u:p@192.0.2.1'], ['192.0.2.1:8444'], [1], { a: 1 }]) expect(() => parseMirrors(bad), JSON.stringify(bad)).toThrow('artifact_mirrors must be a list');
});

test('a mirror is asked for no more than the file has, with the host’s certificate, and no settings of the host', () => {
  const { text } = mirrorScript(['https://m:1', 'https://n:2'], { sha256: SHA, size: 6 }, { path: '/opt/tool', attributes: { mode: '0755' }, backup: false, timeoutSeconds: 600 });
  for (const part of ['for u in https://m:1 https://n:2; do', '--max-filesize 6', '--max-time 600', '--cacert /etc/care-provision/pki/ca.crt', '--proto =https', 'curl -q', `/sha256/${SHA.slice(0, 2)}/${SHA}`]) expect(text).toContain(part);
});
