import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { CONTENT_LIMIT } from '../../../../src/host/kinds/content.ts';
import { copy } from '../../../../src/modules/copy/index.ts';
import { maskSecrets, Secret } from '../../../../src/support/secret.ts';
import { converge, planHere, runScript, scratch, shells, sweep } from '../exec.ts';
import { goldenCases } from '../golden.ts';
import { scriptOf } from '../script-of.ts';

goldenCases(copy, import.meta.url);
afterEach(sweep);
const isRoot = process.getuid?.() === 0;

test('of a file that holds a secret, the other lines are no secrets', () => {
  const dest = join(scratch(), 'f');
  writeFileSync(dest, 'a-common-line: 1\npassword: old\n');
  const [change] = converge(copy, { content: Secret.derived('a-common-line: 1\npassword: new\n'), dest });
  expect(String(change?.diff?.after)).toBe('********');
  expect(maskSecrets('a-common-line: 1')).toBe('a-common-line: 1');
});

describe.each(shells)('%s', (shell) => {
  test('content, changed content, owner', () => {
    const dest = join(scratch(), "it's");
    converge(copy, { content: 'one', dest }, { shell });
    converge(copy, { content: new Secret('two\n'), dest, mode: '0640', ...(isRoot ? { owner: '12', group: '34' } : {}) }, { shell });
    expect(readFileSync(dest, 'utf8')).toBe('two\n');
    expect(statSync(dest).mode & 0o7777).toBe(0o640);
  });

  test('any bytes, also more than fit a fact', () => {
    const dir = scratch();
    converge(copy, { src: 'blob', dest: join(dir, 'a') }, { shell, local: { blob: { content: Buffer.from([0, 255, 10, 0]) } } });
    expect(readFileSync(join(dir, 'a'))).toEqual(Buffer.from([0, 255, 10, 0]));
    const big = Buffer.alloc(CONTENT_LIMIT + 7, 'x');
    const [change] = converge(copy, { src: 'big', dest: join(dir, 'a') }, { shell, local: { big: { content: big } } });
    expect(change?.diff?.after).toMatch(/^\(\d+ bytes, sha256 /);
    expect(statSync(join(dir, 'a')).size).toBe(big.length);
  });

  test('a link is replaced, or written through', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'f'), 'old');
    symlinkSync('f', join(dir, 'l'));
    converge(copy, { content: 'through', dest: join(dir, 'l'), follow: true }, { shell });
    expect(readFileSync(join(dir, 'f'), 'utf8')).toBe('through');
    converge(copy, { content: 'instead', dest: join(dir, 'l') }, { shell });
    expect(lstatSync(join(dir, 'l')).isFile()).toBe(true);
    expect(readFileSync(join(dir, 'f'), 'utf8')).toBe('through');
  });

  test('a directory of the controller, with its name and without', () => {
    const dir = scratch();
    const trees = { site: [{ path: 'd', type: 'directory' }, { path: 'd/f', type: 'file' }, { path: 'l', type: 'link', target: 'd/f' }] } as const;
    const local = { 'site/d/f': { content: 'text', mode: '0755' }, 'site/l': { content: 'text' } };
    converge(copy, { src: 'site', dest: join(dir, 'a'), mode: 'preserve', local_follow: false }, { shell, trees, local });
    expect(statSync(join(dir, 'a/site/d/f')).mode & 0o777).toBe(0o755);
    expect(readlinkSync(join(dir, 'a/site/l'))).toBe('d/f');
    mkdirSync(join(dir, 'b'));
    writeFileSync(join(dir, 'b/kept'), '');
    const changes = converge(copy, { src: 'site/', dest: join(dir, 'b') }, { shell, trees, local });
    expect(changes.map((c) => c.resource)).toEqual([`directory ${dir}/b/d`, `file ${dir}/b/d/f`, `file ${dir}/b/l`]);
    expect(readdirSync(join(dir, 'b')).sort()).toEqual(['d', 'kept', 'l']);
  });

  test('files and directories of the host', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'src/sub'), { recursive: true });
    writeFileSync(join(dir, 'src/sub/f'), 'x');
    chmodSync(join(dir, 'src/sub/f'), 0o711);
    symlinkSync('sub', join(dir, 'src/l'));
    converge(copy, { src: join(dir, 'src'), dest: join(dir, 'to'), remote_src: true, mode: 'preserve' }, { shell });
    expect(statSync(join(dir, 'to/src/sub/f')).mode & 0o777).toBe(0o711);
    expect(readlinkSync(join(dir, 'to/src/l'))).toBe('sub');
    converge(copy, { src: join(dir, 'src/sub/f'), dest: `${join(dir, 'to')}/`, remote_src: true }, { shell });
    expect(readFileSync(join(dir, 'to/f'), 'utf8')).toBe('x');
  });

  test('a failed validation leaves the old file, says why, and puts nothing beside it', () => {
    const dir = scratch();
    const dest = join(dir, 'f');
    writeFileSync(dest, 'old');
    const { plan } = planHere(copy, { content: 'new text', dest, validate: 'grep -q "no such" %s' }, { shell });
    if (plan.type !== 'changes') throw new Error(plan.type);
    const ran = runScript(shell, scriptOf(plan.changes[0]));
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('validation failed');
    expect(readdirSync(dir)).toEqual(['f']);
    expect(readFileSync(dest, 'utf8')).toBe('old');
    converge(copy, { content: 'new text', dest, validate: 'grep -q "new text" %s', backup: true }, { shell });
    expect(readdirSync(dir)).toHaveLength(2);
    expect(existsSync(dest)).toBe(true);
  });
});
