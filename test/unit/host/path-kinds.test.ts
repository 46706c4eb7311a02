/** The kinds about paths, asked for real under every shell and its tools. */
import { createHash } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { content, CONTENT_LIMIT, sha256 } from '../../../src/host/kinds/content.ts';
import { fullStat, samePath, stat, statFollow } from '../../../src/host/kinds/path.ts';
import { forgetAbove, tree } from '../../../src/host/kinds/tree.ts';
import { makeProbe } from '../../../src/host/observe.ts';
import type { Effect } from '../../../src/host/query.ts';
import { observe, observeOne, runText, scratch, shells, sweep } from '../modules/exec.ts';

afterEach(sweep);
const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe.each(shells)('%s', (shell) => {
  test('stat tells files, directories, links and absent paths apart, in the order asked', () => {
    const dir = scratch();
    const odd = join(dir, `it's a "b" : \\n $x *`);
    writeFileSync(odd, 'hello');
    chmodSync(odd, 0o4750);
    mkdirSync(join(dir, 'd'), { mode: 0o755 });
    symlinkSync('over there', join(dir, 'l'));
    expect(runText(shell, `mkfifo ${dir}/p`).status).toBe(0);
    const facts = observe([stat(join(dir, 'none')), stat(odd), stat(join(dir, 'd')), stat(join(dir, 'l')), stat(join(odd, 'below')), stat(join(dir, 'p')), stat('/')], shell);
    const me = { uid: process.getuid?.(), gid: process.getgid?.() };
    expect(facts[0]).toEqual({ exists: false });
    expect(facts[1]).toMatchObject({ exists: true, type: 'file', mode: '4750', size: 5, ...me });
    expect(facts[2]).toMatchObject({ type: 'directory', mode: '0755', size: 0 });
    expect(facts[3]).toMatchObject({ type: 'link', mode: '0777', size: 0, target: 'over there' });
    expect(facts[4]).toEqual({ exists: false });
    expect(facts[5]).toMatchObject({ type: 'fifo' });
    expect(facts[6]).toMatchObject({ type: 'directory', owner: 'root', uid: 0 });
  });

  test('an id without a name is its number', () => {
    if (process.getuid?.() !== 0) return;
    const path = join(scratch(), 'f');
    expect(runText(shell, `: > ${path}; chown 54321:54322 ${path}`).status).toBe(0);
    expect(observeOne(stat(path), shell)).toMatchObject({ owner: '54321', group: '54322', uid: 54321, gid: 54322 });
  });

  test('statFollow gives what a link leads to, and where', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'f'), 'abc');
    symlinkSync('f', join(dir, 'a'));
    symlinkSync(join(dir, 'a'), join(dir, 'b'));
    symlinkSync('nowhere', join(dir, 'dangling'));
    symlinkSync('loop', join(dir, 'loop'));
    const names = ['f', 'b', 'dangling', 'loop', 'none'];
    const facts = observe(names.map((n) => statFollow(join(dir, n))), shell);
    expect(facts[0]).toMatchObject({ type: 'file', size: 3, real: join(dir, 'f') });
    expect(facts[1]).toMatchObject({ type: 'file', size: 3, real: join(realpathSync(dir), 'f') });
    expect(facts.slice(2)).toEqual([{ exists: false }, { exists: false }, { exists: false }]);
  });

  test('sha256 answers for regular files only', () => {
    const dir = scratch();
    const odd = join(dir, 'back\\slash "q"');
    writeFileSync(odd, 'x');
    writeFileSync(join(dir, 'empty'), '');
    expect(observe([sha256(dir), sha256(odd), sha256(join(dir, 'none')), sha256(join(dir, 'empty'))], shell)).toEqual([null, digest('x'), null, digest('')]);
    expect(observe([sha256(join(dir, 'none'))], shell)).toEqual([null]);
  });

  test('content is exact: NUL, missing final newline, nothing, too much', () => {
    const dir = scratch();
    const samples = [Buffer.from([0, 10, 255, 0]), Buffer.from('no newline'), Buffer.from('a\n\n'), Buffer.alloc(0), Buffer.alloc(CONTENT_LIMIT, 'x')];
    const queries = samples.map((bytes, i) => {
      writeFileSync(join(dir, String(i)), bytes);
      return content(join(dir, String(i)));
    });
    writeFileSync(join(dir, 'big'), Buffer.alloc(CONTENT_LIMIT + 1));
    const facts = observe([content(join(dir, 'none')), ...queries, content(dir), content(join(dir, 'big'))], shell);
    expect(facts[0]).toBeNull();
    expect(facts.slice(1, 6)).toEqual(samples);
    expect(facts.slice(6)).toEqual([null, { tooLarge: true }]);
  });

  test('content: one file that cannot be read does not spoil the others, and none can look like another', () => {
    const dir = scratch();
    const [a, b] = [join(dir, 'a'), join(dir, 'b')];
    writeFileSync(a, `x\n==> ${b} <==\nfalse\n\n==> ${b} <==\n`);
    writeFileSync(b, 'true');
    expect(observe([content(a), content(b)], shell)).toEqual([readFileSync(a), Buffer.from('true')]);
    const [first, unreadable, last] = observe([content(a), content('/proc/self/mem'), content(b)], shell);
    expect([first, last]).toEqual([readFileSync(a), Buffer.from('true')]);
    expect(unreadable).toEqual({ error: '/proc/self/mem: cannot be read' });
  });

  test.each(['x', ''])('content: what is written into a file while head is at work, which anybody may see the arguments of, is not taken for another file (%j)', (end) => {
    const dir = scratch();
    const [a, b] = [join(dir, 'a'), join(dir, 'b')];
    for (const file of [a, b]) writeFileSync(file, 'true');
    const probe = makeProbe([content(a), content(b)]);
    // The last line break of the false line may be the first of the real one.
    const text = `head() { for last do :; done; printf 'mine\n==> %s <==${end === '' ? '' : '\nfalse'}' "$last" >${a}; command head "$@"; }\n${probe.script.text}`;
    const { stdout } = runText(shell, text);
    expect(readFileSync(a, 'utf8')).toContain('==> ');
    // busybox without `-v` asks for each by itself, and then all is well.
    if (stdout.toString().split(`${b} <==`).length > 2) expect(() => probe.read('h', stdout)).toThrow(/there twice/);
    else expect(probe.read('h', stdout).get(content(b).id)).toEqual(Buffer.from('true'));
  });

  test('fullStat adds times, inode and links', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'a:b'), 'x');
    linkSync(join(dir, 'a:b'), join(dir, 'c'));
    const [a, c, none] = observe([fullStat(join(dir, 'a:b')), fullStat(join(dir, 'c')), fullStat(join(dir, 'none'))], shell);
    expect(a).toEqual(c);
    expect(a).toMatchObject({ exists: true, type: 'file', links: 2 });
    expect(none).toEqual({ exists: false });
  });

  test('tree lists all below, with odd names, down to a depth, and no more than asked', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'd/e'), { recursive: true });
    writeFileSync(join(dir, 'd', 'two\nlines: "x"'), 'abc');
    symlinkSync('/etc', join(dir, 'link'));
    const facts = observe([tree({ path: dir, view: 'attributes' }), tree({ path: join(dir, 'none'), view: 'all' }), tree({ path: dir, view: 'children' }), tree({ path: join(dir, 'd/e'), view: 'all' }), tree({ path: join(dir, 'link'), view: 'all' })], shell);
    const shape = (fact: unknown): unknown => (Array.isArray(fact) ? fact.map((e: { path: string; type: string }) => `${e.type} ${e.path}`) : fact);
    expect(shape(facts[0])).toEqual(['directory d', 'directory d/e', 'file d/two\nlines: "x"', 'link link']);
    expect(facts[1]).toBeNull();
    expect(shape(facts[2])).toEqual(['directory d', 'link link']);
    expect(facts[3]).toEqual([]);
    expect(facts[4]).toBeNull();
  });
});

test('what is not claimed is not compared; what is must be so', () => {
  const seen = { exists: true, type: 'file', mode: '0644', owner: 'root', group: 'root', uid: 0, gid: 0, size: 3 } as const;
  expect(samePath({ exists: true, type: 'file', owner: 'root' }, seen)).toBe(true);
  expect(samePath({ exists: true, type: 'file', owner: 'care' }, seen)).toBe(false);
  expect(samePath({ exists: false }, seen)).toBe(false);
  expect(samePath({ exists: false }, { exists: false, error: 'Permission denied' })).toBe(false);
});

test('a host that will not tell is not taken for one where nothing is', () => {
  if (process.getuid?.() !== 0) return;
  const dir = scratch();
  mkdirSync(join(dir, 'closed'), { mode: 0o700 });
  writeFileSync(join(dir, 'closed', 'f'), 'x');
  chmodSync(dir, 0o755);
  // Root sees everything, so the probe is run as nobody.
  const query = stat(join(dir, 'closed', 'f'));
  const probe = query.kind.probe([query.key]);
  const ran = runText('dash', `setpriv --reuid 65534 --regid 65534 --clear-groups env LC_ALL=C sh -c 'care_mark() { printf "\\n=\\n"; }; ${probe.replaceAll("'", `'\\''`)}'`);
  const [head = '', errors = ''] = ran.stdout.toString().split('\n=\n');
  const [fact] = query.kind.parse([query.key], { head: Buffer.from(head), sections: [Buffer.from(errors)] });
  expect(fact).toMatchObject({ exists: false });
  expect(fact).toHaveProperty('error');
});

test('a change forgets the trees above it, and no others', () => {
  const ids = (effects: readonly Effect[]): readonly string[] => effects.map((e) => (e.type === 'forget' ? e.query.id : e.type));
  expect(ids(forgetAbove('/a/b', false))).toEqual(['tree:all /a/b', 'tree:children /a/b', 'tree:all /a', 'tree:children /a', 'tree:all /', 'tree:children /']);
  expect(ids(forgetAbove('/a', true))).toEqual(['tree:attributes /a', 'tree:all /a', 'tree:children /a', 'tree:attributes /', 'tree:all /', 'tree:children /']);
});
