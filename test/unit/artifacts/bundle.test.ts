import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBuildRecord, writeBuildRecord, type BuildRecord } from '../../../src/artifacts/builds.ts';
import { importBundle } from '../../../src/artifacts/bundle-import.ts';
import { writeBundle, type BundleItem } from '../../../src/artifacts/bundle.ts';
import { cachedPath, keep, listCache } from '../../../src/artifacts/cache.ts';
import { wantingOfTask } from '../../../src/artifacts/fetch-all.ts';

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
let dir = '';
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'care-bundle-')); });
afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

async function item(cache: string, bytes: Uint8Array, name: string): Promise<BundleItem> {
  const file = join(dir, `new-${name}`);
  writeFileSync(file, bytes);
  const sha256 = digest(bytes);
  return { ...wantingOfTask(name, sha256, undefined), version: '1', platform: 'linux/amd64', license: 'MIT', file: await keep(cache, file, sha256) };
}

function record(sha256: string, name: string): BuildRecord {
  return { sha256, name, version: '1', platform: 'linux/amd64', module: 'example.org/x', module_version: 'v1.0.0', module_sum: 'h1:abc=', package: 'example.org/x', toolchain: 'go1.26.8', settings: [] };
}

test('whatever was bundled is what is imported, and the same artefacts give the same bytes in any order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 6, selector: digest }), async (files) => {
      const run = mkdtempSync(join(dir, 'run-'));
      const from = join(run, 'from');
      const to = join(run, 'to');
      const items = await Promise.all(files.map(async (bytes, i) => item(from, bytes, `n${String(i)}`)));
      await writeBuildRecord(from, record(items[0]?.file.sha256 ?? '', 'n0'));
      await writeBundle(from, items, join(run, 'a.tar'));
      await writeBundle(from, [...items].reverse(), join(run, 'b.tar'));
      expect(readFileSync(join(run, 'a.tar')).equals(readFileSync(join(run, 'b.tar')))).toBe(true);
      const { added, manifest } = await importBundle(to, join(run, 'a.tar'));
      expect([...added].sort()).toEqual(files.map(digest).sort());
      expect(manifest.artifacts).toHaveLength(files.length);
      expect(await listCache(to)).toEqual(files.map(digest).sort());
      for (const bytes of files) expect(readFileSync(cachedPath(to, digest(bytes))).equals(bytes)).toBe(true);
      expect(await readBuildRecord(to, items[0]?.file.sha256 ?? '')).toEqual(record(items[0]?.file.sha256 ?? '', 'n0'));
      expect((await importBundle(to, join(run, 'a.tar'))).added.size).toBe(0);
      await writeBundle(to, await Promise.all(files.map(async (bytes, i) => item(to, bytes, `n${String(i)}`))), join(run, 'c.tar'));
      expect(readFileSync(join(run, 'c.tar')).equals(readFileSync(join(run, 'a.tar')))).toBe(true);
      expect(readdirSync(run).filter((name) => name.startsWith('.'))).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

test('a file that has gone bad in the cache is not bundled, and no half bundle stays', async () => {
  const from = join(dir, 'from');
  const one = await item(from, Buffer.from('sound'), 'one');
  writeFileSync(one.file.path, 'rotte');
  await expect(writeBundle(from, [one], join(dir, 'x.tar'))).rejects.toMatchObject({ code: 'wrong-checksum' });
  expect(readdirSync(dir).filter((name) => name.includes('x.tar'))).toEqual([]);
});

interface Entry {
  readonly name: string;
  readonly content: string;
  readonly type?: 'file' | 'symlink' | 'link' | 'directory';
}

async function tar(entries: readonly Entry[]): Promise<string> {
  const archive = pack();
  const file = join(dir, 'odd.tar');
  for (const { name, content, type } of entries) archive.entry(type === undefined ? { name } : { name, type, linkname: '/etc/passwd' }, type === undefined ? content : '');
  archive.finalize();
  await pipeline(archive, createWriteStream(file));
  return file;
}

describe('a bundle is not believed', () => {
  const bytes = 'the file';
  const sha256 = digest(Buffer.from(bytes));
  const artifact = { name: 'one', version: '1', platform: 'linux/amd64', sha256, size: bytes.length, license: 'MIT' };
  const manifest = (more: object = {}): Entry => ({ name: 'manifest.json', content: JSON.stringify({ format: 'care-provision artifacts bundle', version: 1, artifacts: [artifact], builds: [], ...more }) });
  const blob: Entry = { name: `sha256/${sha256.slice(0, 2)}/${sha256}`, content: bytes };

  test('the sound one is taken', async () => {
    expect((await importBundle(join(dir, 'to'), await tar([manifest(), blob]))).added.size).toBe(1);
  });

  test.each<[string, readonly Entry[], string]>([
    ['nothing in it', [], 'it is empty'],
    ['no manifest first', [blob, manifest()], 'not with manifest.json'],
    ['a manifest that is no JSON', [{ name: 'manifest.json', content: '{' }], 'no JSON'],
    ['a later format', [manifest({ version: 2 })], 'not one that this version reads'],
    ['a file that the manifest does not name', [manifest(), blob, { name: `sha256/00/${'0'.repeat(64)}`, content: '' }], 'does not name'],
    ['a file outside', [manifest(), { name: '../../etc/cron.d/x', content: 'x' }], 'does not name'],
    ['a file in another folder than its digest says', [manifest(), { ...blob, name: `sha256/00/${sha256}` }], 'does not name'],
    ['the same file twice', [manifest(), blob, blob], 'does not name'],
    ['a link', [manifest(), { ...blob, type: 'symlink' }], 'is no file'],
    ['another content of the same size', [manifest(), { ...blob, content: 'the fil!' }], 'is another file'],
    ['another size', [manifest(), { ...blob, content: 'the files' }], 'has 9 bytes, not 8'],
    ['a file missing', [manifest()], '1 of its files are missing'],
  ])('%s', async (_what, entries, why) => {
    const to = join(dir, 'to');
    await expect(importBundle(to, await tar(entries))).rejects.toMatchObject({ code: 'bad-bundle', kind: 'bad-input', message: expect.stringContaining(why) as string });
    expect((await listCache(to)).filter((each) => each !== sha256)).toEqual([]);
  });

  test('one cut off, one that is no archive, one that is not there', async () => {
    const file = await tar([manifest(), blob]);
    const whole = readFileSync(file);
    for (const length of [100, 512, 1600]) {
      writeFileSync(file, whole.subarray(0, length));
      await expect(importBundle(join(dir, 'to'), file), String(length)).rejects.toMatchObject({ code: 'bad-bundle' });
    }
    writeFileSync(file, Buffer.alloc(2000, 'x'));
    await expect(importBundle(join(dir, 'to'), file)).rejects.toMatchObject({ code: 'bad-bundle' });
    await expect(importBundle(join(dir, 'to'), join(dir, 'none.tar'))).rejects.toMatchObject({ code: 'unreadable-file' });
    expect(readdirSync(join(dir, 'to', 'incoming'))).toEqual([]);
  });
});
