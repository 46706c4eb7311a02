import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, test } from 'vitest';
import { batchScripts, type BatchScript } from '../../../src/host/join.ts';
import type { Pending } from '../../../src/host/pending.ts';
import type { ShellChange } from '../../../src/host/plan.ts';
import { goTogether, joinOfPut, putScript, putsTogether, type FilePut } from '../../../src/host/put.ts';
import { attach, joinScripts, rawScript, Script, sh } from '../../../src/support/shell.ts';
import { runScript, runText, scratch, shells, sweep, type Ran, type Shell } from '../modules/exec.ts';

afterEach(sweep);
const isRoot = process.getuid?.() === 0;

function put(path: string, content: string, more: Partial<FilePut> = {}): FilePut {
  return { path, source: sh`${attach(content)}`, size: content.length, mode: '', owner: '', group: '', ...more };
}

function pending(each: FilePut, more: Partial<Pending<ShellChange>> = {}, script = putScript(each)): Pending<ShellChange> {
  const joined = joinOfPut(each);
  return {
    change: { resource: `file ${each.path}`, what: 'create', script, effects: [], ...(joined === undefined ? {} : { join: joined }) },
    identity: { user: 'root', become: undefined }, environment: {}, timeoutSeconds: 60, before: undefined, done: () => undefined, ...more,
  };
}

/** Runs the scripts of a batch as a row does: one directory of attachments, each in a subshell unless its work is done, up to the first that fails. */
function runRow(shell: Shell, scripts: readonly BatchScript[], before = ''): { readonly statuses: readonly string[] } & Ran {
  const each = scripts.map(({ script, unless }, i) => new Script(`s=0; [ -e "$care_files"/${unless ?? ':'} ] || { ( set -eu\n${script.text}\n)\ns=$?; }; echo "${String(i)} $s"; [ $s = 0 ] || exit 1`, script.attachments));
  const ran = runScript(shell, joinScripts([rawScript(`set +eu\n${before}`), ...each]));
  return { ...ran, statuses: ran.stdout.toString().trim().split('\n') };
}

const together = (puts: readonly FilePut[]): readonly BatchScript[] => batchScripts(puts.map((each) => pending(each)), true);
const leftovers = (directory: string): readonly string[] => readdirSync(directory).filter((n) => n.startsWith('.care-'));
const attributes = (path: string): string => {
  const s = lstatSync(path);
  return `${(s.mode & 0o7777).toString(8)} ${String(s.uid)}:${String(s.gid)}`;
};

describe('which files go together', () => {
  const keep = (batch: readonly Pending<ShellChange>[], rows = true): readonly boolean[] => batchScripts(batch, rows).map((each) => each.keepWithPrevious);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => put(`/etc/x/${name}`, name)) as [FilePut, FilePut, FilePut];

  it('neighbours in one directory, where rows are', () => {
    expect(keep([pending(a), pending(b), pending(c)])).toEqual([false, true, true]);
    expect(keep([pending(a), pending(b), pending(c)], false)).toEqual([false, false, false]);
    expect(batchScripts([pending(a), pending(b)], false).map((each) => each.script.text)).toEqual([putScript(a).text, putScript(b).text]);
  });

  it('not those of another directory, of an environment of their own, that do more, or are large', () => {
    expect(keep([pending(a), pending(put('/etc/y/b', 'b')), pending(c)])).toEqual([false, false, false]);
    expect(keep([pending(a), pending(b, { environment: { A: '1' } }), pending(c)])).toEqual([false, false, false]);
    expect(keep([pending(a), pending(b, {}, joinScripts([putScript(b), sh`systemctl daemon-reload`])), pending(c)])).toEqual([false, false, false]);
    expect(keep([pending(a), pending({ ...b, size: 1024 * 1024 }), pending(c)])).toEqual([false, false, false]);
  });

  it('so many as travel in one row', () => {
    expect(goTogether(Array.from({ length: 200 }, () => a))).toBe(48);
    expect(goTogether(Array.from({ length: 10 }, () => ({ ...a, size: 30_000 })))).toBe(3);
    expect(keep(Array.from({ length: 50 }, () => pending(a)))).toEqual(Array.from({ length: 50 }, (_, i) => i !== 0 && i !== 48));
  });

  it('the first, which makes all, may take as long as any of them; the others as long as they may', () => {
    expect(batchScripts([pending(a, { timeoutSeconds: 2 }), pending(b, { timeoutSeconds: 9 }), pending(c, { timeoutSeconds: 3 })], true).map((each) => each.timeoutSeconds)).toEqual([9, 9, 3]);
    expect(batchScripts([pending(a, { timeoutSeconds: 2 }), pending(b, { timeoutSeconds: 9 })], false).map((each) => each.timeoutSeconds)).toEqual([2, 9]);
  });

  it('what is owed is noted before the first of them is made', () => {
    const scripts = batchScripts([pending(a, { before: sh`note-a` }), pending(b), pending(c, { before: sh`note-c` })], true).map((each) => each.script.text);
    expect(scripts[0]).toMatch(/^note-a\nnote-c\ncare_puts\(\)/);
    expect(scripts.slice(1).join('\n')).not.toContain('note-');
  });
});

describe.each(shells)('%s', (shell) => {
  test('files, new and old, get content and attributes as one by one, and what is not asked for is kept', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'old'), 'old');
    if (isRoot) chownSync(join(dir, 'old'), 12, 34);
    chmodSync(join(dir, 'old'), 0o6750);
    writeFileSync(join(dir, 'other'), 'old');
    const ran = runRow(shell, together([
      put(join(dir, "it's new"), 'a'), put(join(dir, 'old'), 'b'), put(join(dir, 'secret'), 'c', { mode: '0600' }),
      put(join(dir, 'other'), 'd', isRoot ? { mode: '0640', group: '7' } : { mode: '0640' }), put(join(dir, 'last'), 'e', isRoot ? { owner: '5' } : {}),
    ]));
    expect(ran.statuses).toEqual(['0 0', '1 0', '2 0', '3 0', '4 0']);
    expect(["it's new", 'old', 'secret', 'other', 'last'].map((name) => readFileSync(join(dir, name), 'utf8')).join('')).toBe('abcde');
    const me = `${String(process.getuid?.())}:${String(process.getgid?.())}`;
    expect(["it's new", 'secret'].map((name) => attributes(join(dir, name)))).toEqual([`644 ${me}`, `600 ${me}`]);
    if (isRoot) expect(['old', 'other', 'last'].map((name) => attributes(join(dir, name)))).toEqual(['6750 12:34', '640 0:7', '644 5:0']);
    expect(leftovers(dir)).toEqual([]);
  });

  test('a file that is written twice ends with the last content and the attributes that the first gave', () => {
    const dir = scratch();
    const path = join(dir, 'f');
    expect(runRow(shell, together([put(path, 'one', { mode: '0600' }), put(join(dir, 'g'), 'g'), put(path, 'two')])).statuses).toEqual(['0 0', '1 0', '2 0']);
    expect([readFileSync(path, 'utf8'), attributes(path).slice(0, 3)]).toEqual(['two', '600']);
  });

  test.each([
    ['is a directory', (dir: string) => { mkdirSync(join(dir, 'c')); return {}; }, 'is a directory'],
    ['has an owner that is not known', () => ({ owner: 'no-such-user-here' }), 'no-such-user-here'],
    ['has a mode that is none', () => ({ mode: '9999' }), '9999'],
  ])('the third of five %s: two are made, it fails with its own words, two are not made', (_why, spoil, said) => {
    const dir = scratch();
    const more = spoil(dir);
    const puts = ['a', 'b', 'c', 'd', 'e'].map((name) => put(join(dir, name), name, name === 'c' ? more : {}));
    const ran = runRow(shell, together(puts));
    expect(ran.statuses).toEqual(['0 0', '1 0', expect.stringMatching(/^2 [1-9]/)]);
    expect(ran.stderr).toContain(said);
    expect(['a', 'b', 'd', 'e'].map((name) => existsSync(join(dir, name)))).toEqual([true, true, false, false]);
    expect(leftovers(dir)).toEqual([]);
  });

  test('a directory where nothing can be made fails the first, and says why', () => {
    const dir = scratch();
    const ran = runRow(shell, together([put(join(dir, 'none', 'a'), 'a'), put(join(dir, 'none', 'b'), 'b')]));
    expect(ran.statuses).toEqual([expect.stringMatching(/^0 [1-9]/)]);
    expect(ran.stderr).not.toBe('');
  });

  test('all contents are on the disk before the first is renamed, by one sync; few processes', () => {
    const dir = scratch();
    const log = join(scratch(), 'log');
    const puts = Array.from({ length: 8 }, (_, i) => put(join(dir, `f${String(i)}`), 'x', { mode: i < 4 ? '0600' : '0644' }));
    // Each tool says that it was called; the tools of the shell itself are asked for by path.
    const tools = ['sync', 'mv', 'chmod', 'mktemp', 'rm', 'cat'].map((tool) => `${tool}() { echo "${tool}" >>${log}; command ${tool} "$@"; }`).join('\n');
    expect(runRow(shell, together(puts), tools).statuses).toHaveLength(8);
    const called = readFileSync(log, 'utf8').trim().split('\n').filter((tool) => tool !== 'cat');
    expect(called).toEqual(['mktemp', 'chmod', 'chmod', 'sync', ...Array.from({ length: 8 }, () => 'mv'), 'rm']);
  });

  test('a sync that fails makes none of them', () => {
    const dir = scratch();
    const ran = runRow(shell, together([put(join(dir, 'a'), 'a'), put(join(dir, 'b'), 'b')]), 'sync() { return 1; }');
    expect(ran.statuses).toEqual([expect.stringMatching(/^0 [1-9]/)]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('names swapped for links while files are written lead nowhere else', () => {
    const dir = scratch();
    const victim = join(scratch(), 'shadow');
    writeFileSync(victim, 'secret', { mode: 0o600 });
    chmodSync(victim, 0o600);
    const bin = scratch();
    writeFileSync(join(bin, 'chmod'), `#!/bin/sh\nfor f in ${dir}/.care-*; do mv "$f" ${dir}/away; ln -s ${victim} "$f"; done\nexec /bin/chmod "$@"\n`, { mode: 0o755 });
    const scripts = together([put(join(dir, 'a'), 'a', { mode: '0666' }), put(join(dir, 'b'), 'b', { mode: '0666' })]);
    runRow(shell, scripts, `PATH=${bin}:$PATH`);
    expect(attributes(victim)).toMatch(/^600 /);
    expect(readFileSync(victim, 'utf8')).toBe('secret');
  });
});

it('the functions are written for any POSIX sh', () => {
  for (const shell of shells) expect(runText(shell, putsTogether([put('/nonexistent/a', 'a'), put('/nonexistent/b', 'b')]).text.replace(/^care_puts \\[^]*/m, 'true')).stderr).toBe('');
});
