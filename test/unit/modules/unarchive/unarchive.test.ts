import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { unarchive } from '../../../../src/modules/unarchive/index.ts';
import { converge, planHere, runScript, runText, scratch, shells, sweep } from '../exec.ts';
import { scriptOf } from '../script-of.ts';

afterEach(sweep);
const isRoot = process.getuid?.() === 0;

/** An archive of `top/` with a file, an executable, a directory and a link. */
function makeArchive(dir: string, name: string, flag: string): string {
  mkdirSync(join(dir, 'in/top/d'), { recursive: true });
  writeFileSync(join(dir, 'in/top/f'), name);
  writeFileSync(join(dir, 'in/top/d/.x'), '#!/bin/sh\n');
  chmodSync(join(dir, 'in/top/d/.x'), 0o755);
  if (!existsSync(join(dir, 'in/top/l'))) symlinkSync('f', join(dir, 'in/top/l'));
  const ran = runText('dash', `tar -C ${dir}/in -c${flag}f ${dir}/${name} top`);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return join(dir, name);
}

describe.each(shells)('%s', (shell) => {
  test.each([['a.tar', ''], ['a.tar.gz', 'z'], ['a.tar.xz', 'J']])('%s is unpacked once, beside what is there', (name, flag) => {
    const dir = scratch();
    const src = makeArchive(dir, name, flag);
    const dest = join(dir, "it's");
    mkdirSync(join(dest, 'top'), { recursive: true });
    chmodSync(dest, 0o750);
    writeFileSync(join(dest, 'top/kept'), '');
    writeFileSync(join(dest, 'top/f'), 'old');
    expect(converge(unarchive, { src, dest, remote_src: true }, { shell })).toHaveLength(1);
    expect(readdirSync(join(dest, 'top')).sort()).toEqual(['d', 'f', 'kept', 'l']);
    expect(readFileSync(join(dest, 'top/f'), 'utf8')).toBe(name);
    expect(statSync(join(dest, 'top/d/.x')).mode & 0o777).toBe(0o755);
    expect(statSync(dest).mode & 0o777).toBe(0o750);
    expect(readdirSync(dest).filter((n) => n.startsWith('.care-'))).toEqual([]);
  });

  test('from the controller, by creates, with options and an owner', () => {
    const dir = scratch();
    const content = readFileSync(makeArchive(dir, 'a.tar.gz', 'z'));
    const dest = join(dir, 'to');
    mkdirSync(dest);
    const args = { src: 'a.tar.gz', dest, creates: join(dest, 'f'), extra_opts: ['--strip-components=1'], ...(shell === 'busybox' ? {} : { exclude: ['top/d'] }), ...(isRoot ? { owner: '12', group: '34' } : {}) };
    converge(unarchive, args, { shell, local: { 'a.tar.gz': { content } } });
    // busybox's tar knows no --exclude.
    expect(readdirSync(dest).sort()).toEqual(shell === 'busybox' ? ['d', 'f', 'l'] : ['f', 'l']);
    if (isRoot) expect(statSync(join(dest, 'f'))).toMatchObject({ uid: 12, gid: 34 });
  });

  test('a broken archive changes nothing', () => {
    const dir = scratch();
    const whole = readFileSync(makeArchive(dir, 'a.tar.gz', 'z'));
    const dest = join(dir, 'to');
    mkdirSync(dest);
    const { plan } = planHere(unarchive, { src: 'a.tar.gz', dest }, { shell, local: { 'a.tar.gz': { content: whole.subarray(0, whole.length - 40) } } });
    if (plan.type !== 'changes') throw new Error(plan.type);
    expect(runScript(shell, scriptOf(plan.changes[0])).status).not.toBe(0);
    expect(readdirSync(dest)).toEqual([]);
  });

  test('an archive that does not make what creates names is a failure', () => {
    const dir = scratch();
    const src = makeArchive(dir, 'a.tar', '');
    const dest = join(dir, 'to');
    mkdirSync(dest);
    const { plan } = planHere(unarchive, { src, dest, remote_src: true, creates: join(dest, 'nope') }, { shell });
    if (plan.type !== 'changes') throw new Error(plan.type);
    const ran = runScript(shell, scriptOf(plan.changes[0]));
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('nope');
  });
});

test('what cannot be is told beforehand', () => {
  const dir = scratch();
  expect(planHere(unarchive, { src: '/none.tar', dest: dir, remote_src: true }).plan).toMatchObject({ type: 'failed', msg: expect.stringContaining('/none.tar') as string });
  expect(planHere(unarchive, { src: '/none.tar', dest: join(dir, 'none'), remote_src: true }).plan).toMatchObject({ type: 'failed', msg: expect.stringContaining('does not exist') as string });
  expect(() => unarchive.prepare({ src: 'a.rar', dest: '/d' })).toThrow('.tar.gz');
  expect(() => unarchive.prepare({ src: 'a.tar', dest: '/d', extra_opts: ['--to-command=sh'] })).toThrow('--to-command');
});

test('a new archive of the same name is unpacked again; a changed option too', () => {
  const dir = scratch();
  const content = readFileSync(makeArchive(dir, 'a.tar', ''));
  const dest = join(dir, 'to');
  mkdirSync(dest);
  converge(unarchive, { src: 'a.tar', dest }, { local: { 'a.tar': { content } } });
  writeFileSync(join(dir, 'in/top/f'), 'changed');
  runText('dash', `tar -C ${dir}/in -cf ${dir}/a.tar top`);
  const newer = readFileSync(join(dir, 'a.tar'));
  expect(converge(unarchive, { src: 'a.tar', dest }, { local: { 'a.tar': { content: newer } } })).toHaveLength(1);
  expect(readFileSync(join(dest, 'top/f'), 'utf8')).toBe('changed');
  expect(converge(unarchive, { src: 'a.tar', dest, mode: '0700' }, { local: { 'a.tar': { content: newer } } })).toHaveLength(1);
});
