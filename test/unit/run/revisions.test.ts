import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readStatus, revisionsOf } from '../../../src/run/revisions.ts';

let dir = '';
beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'care-git-')); });
afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

function git(...words: readonly string[]): string {
  return execFileSync('git', ['-C', dir, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...words], { encoding: 'utf8' }).trim();
}
function write(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
  writeFileSync(path.join(dir, name), text);
}

test('the commit, the branch, and whether something under the path is not committed', async () => {
  git('init', '-q', '-b', 'trunk');
  write('inventory/hosts.yml', 'a');
  write('roles/base/tasks/main.yml', 'b');
  write('roles/with space/x', 'b');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  const commit = git('rev-parse', 'HEAD');
  const inputs = [{ of: 'inventory', path: path.join(dir, 'inventory') }, { of: 'playbook', path: path.join(dir, 'roles/with space/x') }, { of: 'roles', path: path.join(dir, 'roles') }] as const;
  const dirty = async (): Promise<(boolean | null)[]> => (await revisionsOf(inputs)).map((r) => r.dirty);
  expect(await revisionsOf(inputs)).toEqual(inputs.map((input) => ({ ...input, commit, branch: 'trunk', dirty: false })));
  write('inventory/new/file.yml', 'untracked');
  expect(await dirty()).toEqual([true, false, false]);
  write('roles/with space/x', 'changed');
  expect(await dirty()).toEqual([true, true, true]);
  git('checkout', '-q', '--detach');
  expect((await revisionsOf(inputs))[0]).toMatchObject({ commit, branch: null });
});

test('no repository, or none that has a commit: nothing is known', async () => {
  write('inventory/hosts.yml', 'a');
  const input = { of: 'inventory', path: path.join(dir, 'inventory') } as const;
  expect(await revisionsOf([input])).toEqual([{ ...input, commit: null, branch: null, dirty: null }]);
  git('init', '-q');
  expect(await revisionsOf([input])).toMatchObject([{ commit: null, dirty: true }]);
  write('.git/HEAD', 'damaged');
  expect(await revisionsOf([input])).toMatchObject([{ commit: null, dirty: null }]);
});

test('a settings file of the repository makes git run nothing', async () => {
  git('init', '-q');
  write('inventory/hosts.yml', 'a');
  write('hook', '#!/bin/sh\ntouch "$(dirname "$0")/ran"\n');
  execFileSync('chmod', ['+x', path.join(dir, 'hook')]);
  git('config', 'core.fsmonitor', path.join(dir, 'hook'));
  await revisionsOf([{ of: 'inventory', path: path.join(dir, 'inventory') }]);
  expect(() => execFileSync('test', ['!', '-e', path.join(dir, 'ran')])).not.toThrow();
});

test('unmerged paths count as not committed', () => {
  expect(readStatus('# branch.oid abc\0# branch.head a b\0u UU N... 100644 100644 100644 100644 h1 h2 h3 a file\0')).toEqual({ commit: 'abc', branch: 'a b', changed: ['a file'] });
});
