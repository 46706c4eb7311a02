import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { file } from '../../../../src/modules/file/index.ts';
import { converge, planHere, scratch, shells, sweep } from '../exec.ts';
import { goldenCases } from '../golden.ts';

goldenCases(file, import.meta.url);
afterEach(sweep);
const isRoot = process.getuid?.() === 0;
const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe.each(shells)('%s', (shell) => {
  test('directories, with parents, exact modes and set-group-id', () => {
    const dir = scratch();
    const made = converge(file, { path: join(dir, "a/it's/c"), state: 'directory', mode: '2750' }, { shell });
    expect(made.map((c) => c.resource)).toEqual([`directory ${dir}/a`, `directory ${dir}/a/it's`, `directory ${dir}/a/it's/c`]);
    expect(mode(join(dir, "a/it's/c"))).toBe('2750');
    converge(file, { path: join(dir, 'a'), mode: '0755' }, { shell });
    expect(mode(join(dir, 'a'))).toBe('755');
    chmodSync(join(dir, 'a'), 0o2755);
    converge(file, { path: join(dir, 'a/inherits'), state: 'directory' }, { shell });
    expect(mode(join(dir, 'a/inherits'))).toBe('2755');
  });

  test('recurse reaches all below, and leaves links alone', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'd/e'), { recursive: true });
    writeFileSync(join(dir, 'd/e/two\nlines'), '');
    writeFileSync(join(dir, 'outside'), '');
    chmodSync(join(dir, 'outside'), 0o600);
    symlinkSync('../outside', join(dir, 'd/link'));
    const changes = converge(file, { path: join(dir, 'd'), state: 'directory', recurse: true, mode: '0711', ...(isRoot ? { owner: '12', group: 'root' } : {}) }, { shell });
    expect(changes).toHaveLength(2);
    expect(mode(join(dir, 'd/e/two\nlines'))).toBe('711');
    expect(mode(join(dir, 'outside'))).toBe('600');
  });

  test('links: made, turned, put in place of a file by force, and owned', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'd'));
    writeFileSync(join(dir, 'f'), '');
    const path = join(dir, 'l');
    converge(file, { path, src: 'd', state: 'link' }, { shell });
    converge(file, { path, src: join(dir, 'f'), state: 'link' }, { shell });
    expect(readlinkSync(path)).toBe(join(dir, 'f'));
    converge(file, { path, src: 'not there', state: 'link', force: true, follow: false, ...(isRoot ? { owner: '12' } : {}) }, { shell });
    converge(file, { path: join(dir, 'f'), src: 'd', state: 'link', force: true }, { shell });
    mkdirSync(join(dir, 'empty'));
    converge(file, { path: join(dir, 'empty'), src: 'd', state: 'link', force: true }, { shell });
    expect(readlinkSync(join(dir, 'empty'))).toBe('d');
    converge(file, { path: join(dir, 'empty'), src: 'd', state: 'link', mode: '0700' }, { shell });
    expect(mode(join(dir, 'd'))).toBe('700');
  });

  test('hard links', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'f'), 'x');
    converge(file, { path: join(dir, 'g'), src: join(dir, 'f'), state: 'hard', mode: '0600' }, { shell });
    expect(statSync(join(dir, 'g')).ino).toBe(statSync(join(dir, 'f')).ino);
  });

  test('absent removes a file, a link (not its target) and a tree', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'd/e'), { recursive: true });
    writeFileSync(join(dir, 'd/e/f'), 'x');
    symlinkSync('d', join(dir, 'l'));
    converge(file, { path: join(dir, 'l'), state: 'absent' }, { shell });
    expect(existsSync(join(dir, 'd/e/f'))).toBe(true);
    converge(file, { path: join(dir, 'd/e/f'), state: 'absent' }, { shell });
    converge(file, { path: join(dir, 'd'), state: 'absent' }, { shell });
    expect(existsSync(join(dir, 'd'))).toBe(false);
  });

  test('touch makes an empty file, and with both times preserved leaves one alone', () => {
    const path = join(scratch(), 'f');
    const args = { path, state: 'touch', mode: '0640', access_time: 'preserve', modification_time: 'preserve' };
    expect(converge(file, args, { shell })).toHaveLength(1);
    expect(readFileSync(path, 'utf8')).toBe('');
    expect(mode(path)).toBe('640');
    const again = planHere(file, { path, state: 'touch', modification_time: 'preserve' }, { shell }).plan;
    expect(again).toMatchObject({ type: 'changes', changes: [{ what: 'touch' }] });
  });

  test('attributes of what a link leads to, and set-id bits after a change of owner', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'f'), '');
    chmodSync(join(dir, 'f'), 0o4755);
    symlinkSync('f', join(dir, 'l'));
    linkSync(join(dir, 'f'), join(dir, 'g'));
    if (isRoot) {
      converge(file, { path: join(dir, 'l'), owner: '12' }, { shell });
      expect(mode(join(dir, 'f'))).toBe('4755');
    }
    converge(file, { path: join(dir, 'l'), mode: '0600' }, { shell });
    expect(mode(join(dir, 'f'))).toBe('600');
  });
});
