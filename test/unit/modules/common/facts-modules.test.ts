/** The modules that only tell: stat, slurp, find; and those that act: tempfile, fetch, artifact, get_url. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FactStore } from '../../../../src/host/fact-store.ts';
import { forgetAll, forgetTree, type Effect } from '../../../../src/host/query.ts';
import { artifact } from '../../../../src/modules/artifact/index.ts';
import { copy } from '../../../../src/modules/copy/index.ts';
import type { Module } from '../../../../src/modules/define.ts';
import { fetchModule } from '../../../../src/modules/fetch/index.ts';
import { find } from '../../../../src/modules/find/index.ts';
import { globRegExp } from '../../../../src/modules/find/match.ts';
import { getUrl } from '../../../../src/modules/get_url/index.ts';
import { slurp } from '../../../../src/modules/slurp/index.ts';
import { statModule } from '../../../../src/modules/stat/index.ts';
import { tempfile } from '../../../../src/modules/tempfile/index.ts';
import { act, planHere, scratch, shells, sweep, type ExecOptions, type Shell } from '../exec.ts';
import { fakeBase } from '../fake-host.ts';

const before = process.env['CARE_ARTIFACTS'];
beforeEach(() => {
  process.env['CARE_ARTIFACTS'] = scratch();
});
afterEach(() => {
  if (before === undefined) delete process.env['CARE_ARTIFACTS'];
  else process.env['CARE_ARTIFACTS'] = before;
  sweep();
});
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

function values(module: Module, args: unknown, options: ExecOptions = {}): unknown {
  const { plan } = planHere(module, args, options);
  if (plan.type !== 'ok') throw new Error(JSON.stringify(plan));
  return plan.values;
}

async function perform(module: Module, args: unknown, shell: Shell): Promise<unknown> {
  const { plan } = planHere(module, args, { shell });
  if (plan.type !== 'action') throw new Error(JSON.stringify(plan));
  return act(plan.action, shell);
}

describe.each(shells)('%s', (shell) => {
  test('stat tells what Ansible tells', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'f'), 'abc');
    chmodSync(join(dir, 'f'), 0o4750);
    symlinkSync('f', join(dir, 'l'));
    expect(values(statModule, { path: join(dir, 'none') }, { shell })).toEqual({ stat: { exists: false } });
    expect(values(statModule, { path: join(dir, 'f') }, { shell })).toMatchObject({
      stat: { exists: true, isreg: true, isdir: false, mode: '4750', size: 3, checksum: digest('abc'), isuid: true, xgrp: true, roth: false, nlink: 1, mtime: Math.floor(statSync(join(dir, 'f')).mtimeMs / 1000) },
    });
    expect(values(statModule, { path: join(dir, 'l') }, { shell })).toMatchObject({ stat: { islnk: true, lnk_target: 'f' } });
    expect(values(statModule, { path: join(dir, 'l'), follow: true }, { shell })).toMatchObject({ stat: { isreg: true, size: 3, checksum: digest('abc') } });
  });

  test('check mode does not tell of a place that an archive is unpacked into, but of one that a package may touch', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'd'));
    writeFileSync(join(dir, 'd', 'f'), 'abc');
    const look = (effects: readonly Effect[]): readonly string[] => ([[statModule, { path: join(dir, 'd', 'f') }], [slurp, { src: join(dir, 'd', 'f') }], [find, { paths: join(dir, 'd') }]] as const).map(([module, args]) => {
      const store = new FactStore(true);
      store.apply(effects, 'change');
      const { plan } = planHere(module, args, { shell, store, check: true });
      return plan.type === 'unknown' ? plan.because.replace(dir, '') : plan.type;
    });
    expect(look([forgetTree(join(dir, 'd'))])).toEqual(['what /d/f is like is unknown until change', 'what /d/f holds is unknown until change', 'what is in /d is unknown until change']);
    expect(look([forgetAll])).toEqual(['ok', 'ok', 'ok']);
  });

  test('tempfile makes a file or directory of its own', async () => {
    const dir = scratch();
    for (const [state, suffix] of [['file', ''], ['directory', '.d']] as const) {
      const result = await perform(tempfile, { state, path: dir, prefix: "p'", suffix }, shell);
      const { path } = (result as { values: { path: string } }).values;
      expect(path.startsWith(`${dir}/p'`) && path.endsWith(suffix)).toBe(true);
      expect(statSync(path).isDirectory()).toBe(state === 'directory');
      expect(statSync(path).mode & 0o077).toBe(0);
    }
  });

  test('an artefact is installed from its URL, then left; its attributes are mended', async () => {
    const dir = scratch();
    writeFileSync(join(dir, 'up stream'), 'binary');
    const args = { url: pathToFileURL(join(dir, 'up stream')).href, sha256: digest('binary'), dest: `${dir}/`, mode: '0755' };
    expect(() => planHere(artifact, { ...args, dest: join(dir, 'no/') + '/' })).not.toThrow();
    await perform(artifact, { ...args, dest: join(dir, 'bin') }, shell);
    expect(readFileSync(join(dir, 'bin'), 'utf8')).toBe('binary');
    expect(statSync(join(dir, 'bin')).mode & 0o777).toBe(0o755);
    expect(planHere(artifact, { ...args, dest: join(dir, 'bin') }, { shell }).plan.type).toBe('ok');
    expect(planHere(artifact, { ...args, dest: join(dir, 'bin'), mode: '0700' }, { shell }).plan).toMatchObject({ type: 'changes', changes: [{ what: 'mode 0755 → 0700' }] });
    // From the cache alone, over a file that is there, which keeps its mode.
    writeFileSync(join(dir, 'old'), 'x');
    chmodSync(join(dir, 'old'), 0o711);
    await perform(artifact, { sha256: digest('binary'), dest: join(dir, 'old'), backup: true }, shell);
    expect(statSync(join(dir, 'old')).mode & 0o777).toBe(0o711);
  });

  test('get_url with a checksum, and without one', async () => {
    const dir = scratch();
    const source = join(dir, 'source');
    writeFileSync(source, 'one');
    const url = pathToFileURL(source).href;
    const dest = join(dir, 'dest');
    await perform(getUrl, { url, dest, checksum: `sha256:${digest('one')}` }, shell);
    expect(planHere(getUrl, { url, dest, checksum: `sha256:${digest('one')}` }, { shell }).plan.type).toBe('ok');
    writeFileSync(source, 'two');
    expect(planHere(getUrl, { url, dest, checksum: 'none' }, { shell }).plan.type).toBe('ok');
    expect(await perform(getUrl, { url, dest, checksum: 'none', force: true }, shell)).toMatchObject({ changed: true, values: { checksum: digest('two') } });
    expect(await perform(getUrl, { url, dest, checksum: 'none', force: true }, shell)).toMatchObject({ changed: false });
    expect(readFileSync(dest, 'utf8')).toBe('two');
  });
});

test('an artefact that cannot be had fails by name and leaves the host alone', async () => {
  const dir = scratch();
  const { plan } = planHere(artifact, { name: 'thing 2', sha256: digest('nowhere'), dest: join(dir, 'f') });
  if (plan.type !== 'action') throw new Error(plan.type);
  await expect(act(plan.action)).rejects.toMatchObject({ code: 'artifact-missing', message: expect.stringContaining('thing 2') as string });
  expect(statSync(dir).isDirectory()).toBe(true);
  expect(() => readFileSync(join(dir, 'f'))).toThrow();
});

test('get_url wants a checksum, or none in so many words', () => {
  expect(() => getUrl.prepare({ url: 'https://h/f', dest: '/f' })).toThrow('checksum');
  expect(() => getUrl.prepare({ url: 'https://h/f', dest: '/f', checksum: 'md5:1' })).toThrow('sha256');
});

test('in check mode stat sees what an earlier task would have made', () => {
  const dir = scratch();
  const path = join(dir, 'f');
  const store = new FactStore(true);
  const options: ExecOptions = { check: true, store };
  expect(values(statModule, { path }, options)).toEqual({ stat: { exists: false } });
  const { plan } = planHere(copy, { content: 'abc', dest: path, mode: '0600' }, options);
  if (plan.type !== 'changes') throw new Error(plan.type);
  for (const change of plan.changes) store.apply(change.effects, change.resource);
  const seen = values(statModule, { path }, options);
  expect(seen).toMatchObject({ stat: { exists: true, isreg: true, mode: '0600', size: 3, checksum: digest('abc') } });
  expect(seen).not.toHaveProperty('stat.mtime');
  expect(values(slurp, { src: path }, options)).toMatchObject({ content: 'YWJj' });
  expect(() => readFileSync(path)).toThrow();
});

test('slurp gives the bytes, and says why it cannot', () => {
  const dir = scratch();
  writeFileSync(join(dir, 'f'), Buffer.from([0, 255]));
  expect(values(slurp, { src: join(dir, 'f') })).toEqual({ content: 'AP8=', encoding: 'base64', source: join(dir, 'f') });
  expect(planHere(slurp, { src: dir }).plan).toMatchObject({ type: 'failed' });
});

test('fetch brings a file once, and again when it differs', async () => {
  const dir = scratch();
  writeFileSync(join(dir, 'f'), 'one');
  const args = { src: join(dir, 'f'), dest: join(dir, 'collected') };
  expect(await perform(fetchModule, args, 'dash')).toMatchObject({ changed: true });
  const target = join(dir, 'collected/here', dir, 'f');
  expect(readFileSync(target, 'utf8')).toBe('one');
  expect(planHere(fetchModule, args, { local: { [target]: { content: 'one' } } }).plan.type).toBe('ok');
  expect(planHere(fetchModule, args, { local: { [target]: { content: 'two' } } }).plan.type).toBe('action');
  expect(await perform(fetchModule, { ...args, dest: `${dir}/flat/`, flat: true }, 'dash')).toMatchObject({ values: { dest: join(dir, 'flat/f') } });
  expect(planHere(fetchModule, { ...args, src: join(dir, 'none') }).plan).toMatchObject({ type: 'failed' });
  expect(planHere(fetchModule, { ...args, src: join(dir, 'none'), fail_on_missing: false }).plan.type).toBe('ok');
});

test('check mode says that a file will be fetched which an earlier task may be about to make', () => {
  const dir = scratch();
  const store = new FactStore(true);
  store.apply([forgetAll], 'command make-a-key');
  expect(planHere(fetchModule, { src: join(dir, 'none'), dest: dir }, { store, check: true }).plan).toMatchObject({ type: 'action', action: { resource: `controller file ${join(dir, 'here', dir, 'none')}` } });
});

describe('find', () => {
  function names(args: Readonly<Record<string, unknown>>, dir: string): readonly string[] {
    const found = values(find, { paths: dir, ...args }) as { files: { path: string }[] };
    return found.files.map((f) => f.path.slice(dir.length + 1));
  }

  test('by name, type, depth, size and age', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'd/e'), { recursive: true });
    for (const name of ['a.log', 'b.txt', '.hidden.log', 'd/c.log', 'd/e/z.log']) writeFileSync(join(dir, name), name);
    writeFileSync(join(dir, 'big.log'), Buffer.alloc(3000));
    const old = fakeBase.epoch - 10 * 86_400;
    utimesSync(join(dir, 'a.log'), old, old);
    for (const name of ['b.txt', 'big.log', 'd/c.log', 'd/e/z.log']) utimesSync(join(dir, name), fakeBase.epoch - 60, fakeBase.epoch - 60);
    symlinkSync('a.log', join(dir, 'l'));
    expect(names({ patterns: '*.log' }, dir)).toEqual(['a.log', 'big.log']);
    expect(names({ patterns: '*.log', hidden: true }, dir)).toEqual(['.hidden.log', 'a.log', 'big.log']);
    expect(names({ patterns: ['*.log'], recurse: true, excludes: 'b*' }, dir)).toEqual(['a.log', 'd/c.log', 'd/e/z.log']);
    expect(names({ recurse: true, depth: 2, patterns: '*.log' }, dir)).toEqual(['a.log', 'big.log', 'd/c.log']);
    expect(names({ file_type: 'directory', recurse: true }, dir)).toEqual(['d', 'd/e']);
    expect(names({ file_type: 'link' }, dir)).toEqual(['l']);
    expect(names({ size: '2k' }, dir)).toEqual(['big.log']);
    expect(names({ size: '-100', patterns: '*.log' }, dir)).toEqual(['a.log']);
    expect(names({ age: '2d' }, dir)).toEqual(['a.log']);
    expect(names({ age: '-1h', patterns: 'b*' }, dir)).toEqual(['b.txt', 'big.log']);
    expect(names({ use_regex: true, patterns: ['b\\.t'] }, dir)).toEqual(['b.txt']);
    expect(names({}, join(dir, 'none'))).toEqual([]);
    expect(values(find, { paths: dir, patterns: 'a.log', get_checksum: true })).toMatchObject({ matched: 1, files: [{ checksum: digest('a.log'), mode: '0644' }] });
  });

  test.each([['a[!b]c', 'axc', true], ['a[!b]c', 'abc', false], ['[]]', ']', true], ['a[', 'a[', true], ['*.l?g', '.log', true], ['a.c', 'abc', false]])('pattern %s on %s', (pattern, name, matches) => {
    expect(globRegExp(pattern).test(name)).toBe(matches);
  });
});
