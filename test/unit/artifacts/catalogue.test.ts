import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findArtifact, lifeOf, mergeCatalogues, PLATFORMS, platformOf, urlOf, type Catalogue } from '../../../src/artifacts/catalogue.ts';
import { likelyPlatform, lockFor, refuseEnded } from '../../../src/artifacts/lock.ts';
import { PLATFORM_NAMES } from '../../../src/cli/commands/artifacts.ts';
import { artifactsFiles, loadCatalogue, readArtifactsFile } from '../../../src/language/artifact-catalogue.ts';
import { loadInventory } from '../../../src/language/inventory/index.ts';
import { packageRoot } from '../../../src/support/package-root.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
let dir = '';
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'care-catalogue-')); });
afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

function write(text: string): string {
  const file = join(dir, 'artifacts.yml');
  writeFileSync(file, text);
  return file;
}

const entry = (more: string, name = 'tool', version = '1.0.0'): string => `artifacts:
  - name: ${name}
    version: ${version}
    source: url
    url: https://example.org/{version}/tool-{os}-{arch}
    license: MIT
    sha256: { linux/amd64: ${A} }
    ${more}
`;

function troubleOf(text: string): { readonly code: string; readonly message: string; readonly at: string } {
  const file = write(text);
  try {
    readArtifactsFile(file);
  } catch (error) {
    const list = (error as { list?: readonly { code: string; message: string; format(): string }[] }).list ?? [error as { code: string; message: string; format(): string }];
    const first = list[0];
    return { code: first?.code ?? '', message: first?.message ?? '', at: /artifacts\.yml:\d+:\d+/.exec(first?.format() ?? '')?.[0] ?? '' };
  }
  throw new Error('it was taken');
}

describe('artifacts.yml', () => {
  test('the one that comes with the program is sound', () => {
    const catalogue = loadCatalogue([]);
    expect(catalogue.artifacts.map((each) => each.name)).toContain('etcd');
    for (const artifact of catalogue.artifacts) expect(Object.keys(artifact.sha256).length, artifact.name).toBeGreaterThan(0);
  });

  test.each([
    ['a misspelt key', entry('licence: MIT'), 'unknown-key', 'artifacts.yml:8:5'],
    ['a template that is none', entry('').replace('{arch}', '{cpu}'), 'invalid-value', 'artifacts.yml:5:10'],
    ['plain http', entry('').replace('https:', 'http:'), 'invalid-value', 'artifacts.yml:5:10'],
    ['half a checksum', entry('').replace(A, 'abc'), 'invalid-value', 'artifacts.yml:7:28'],
    ['a platform that is none', entry('').replace('linux/amd64', 'linux/x86_64'), 'unknown-key', 'artifacts.yml:7:15'],
    ['a day that is none', entry('end_of_life: 2026-02-30'), 'invalid-value', 'artifacts.yml:8:18'],
    ['a version that is a number', entry('', 'tool', '1.10'), 'invalid-value', 'artifacts.yml:3:14'],
    ['a branch as module version', entry('').replace('source: url', 'source: go\n    module: example.org/tool\n    module_version: main\n    toolchain: go1.26.8').replace(/ {4}url:.*\n/, ''), 'invalid-value', 'artifacts.yml:6:21'],
    ['the same twice', `${entry('')}${entry('').replace('artifacts:\n', '')}`, 'twice', 'artifacts.yml:9:5'],
  ])('%s is refused at its place', (_what, text, code, at) => {
    expect(troubleOf(text)).toMatchObject({ code, at });
  });

  test('the inventory’s file adds, and overrides the same name and version whole; it is no inventory source', () => {
    write(`${entry('')}${entry('license: X', 'etcd', '3.6.14').replace('artifacts:\n', '').replace('    license: MIT\n', '')}`);
    mkdirSync(join(dir, 'group_vars'));
    writeFileSync(join(dir, 'hosts.yml'), 'all: { hosts: { h1: } }\n');
    const catalogue = loadCatalogue([dir]);
    expect(catalogue.artifacts.filter((each) => each.name === 'etcd').map((each) => [each.version, each.license, Object.keys(each.sha256)])).toEqual([['3.6.14', 'X', ['linux/amd64']]]);
    expect(findArtifact(catalogue, 'tool', '1.0.0').type).toBe('found');
    expect(artifactsFiles([dir, join(dir, 'hosts.yml')])).toEqual([join(packageRoot(), 'artifacts.yml'), join(dir, 'artifacts.yml')]);
    expect(artifactsFiles(['h1,h2,'])).toEqual([join(packageRoot(), 'artifacts.yml')]);
    expect(loadInventory([dir]).hosts).toEqual(['h1']);
  });
});

function catalogueOf(...texts: readonly string[]): Catalogue {
  return mergeCatalogues(texts.map((text) => readArtifactsFile(write(text))));
}

describe('from name and version to a file', () => {
  const catalogue = (): Catalogue => catalogueOf(entry(`end_of_life: 2026-06-30`), `end_of_life_accepted:\n  - { name: tool, version: 1.0.0, until: 2026-12-31, reason: ticket 7 }\n`);

  test('the template is filled in, the platform is the host’s', () => {
    expect(lockFor(catalogue(), 'tool', '1.0.0', 'linux/amd64')).toMatchObject({ title: 'tool 1.0.0', sha256: A, url: 'https://example.org/1.0.0/tool-linux-amd64' });
    expect([platformOf('x86_64'), platformOf('aarch64'), platformOf('toString')]).toEqual(['linux/amd64', 'linux/arm64', undefined]);
    expect(likelyPlatform(catalogue(), 'tool', '1.0.0')).toBe('linux/amd64');
    const [artifact] = catalogueOf(entry('').replace('linux/amd64', 'linux/arm64')).artifacts;
    expect(artifact === undefined ? '' : urlOf(artifact, 'linux/arm64')).toBe('https://example.org/1.0.0/tool-linux-arm64');
    expect(likelyPlatform(catalogueOf(entry('').replace('linux/amd64', 'linux/arm64')), 'tool', '1.0.0')).toBe('linux/arm64');
  });

  test('what is not there, or not locked, is told with what is', () => {
    expect(() => lockFor(catalogue(), 'tool', '2.0.0', 'linux/amd64')).toThrow('no artefact tool 2.0.0 is known');
    expect(findArtifact(catalogue(), 'tol', '1.0.0')).toMatchObject({ type: 'none', remedy: expect.stringContaining('did you mean tool?') as string });
    expect(() => lockFor(catalogue(), 'tool', '1.0.0', 'linux/arm64')).toThrow('has no sha256 for linux/arm64');
  });

  test('the end of life, to the day, and until when it was accepted', () => {
    const all = catalogue();
    const [artifact] = all.artifacts;
    if (artifact === undefined) throw new Error('lost');
    expect(['2026-01-01', '2026-04-01', '2026-06-30', '2026-07-01', '2026-12-31', '2027-01-01'].map((day) => lifeOf(all, artifact, day))).toEqual(['supported', 'ending', 'ending', 'accepted', 'accepted', 'ended']);
    expect(lifeOf(all, { ...artifact, end_of_life: undefined }, '2030-01-01')).toBe('unknown');
    expect(refuseEnded(all, artifact, '2026-12-31')).toBeUndefined();
    expect(refuseEnded(all, artifact, '2027-01-01')).toMatchObject({ code: 'artifact-ended', detail: 'it was accepted until 2026-12-31: ticket 7' });
  });

  test('a later file overrides an earlier one', () => {
    const files = [entry(''), entry('').replace(A, B)].map((text) => readArtifactsFile(write(text)));
    expect(mergeCatalogues(files).artifacts.map((each) => each.sha256['linux/amd64'])).toEqual([B]);
  });
});

test('the platforms of the command line are those of the catalogue', () => {
  expect([...PLATFORM_NAMES]).toEqual([...PLATFORMS]);
});
