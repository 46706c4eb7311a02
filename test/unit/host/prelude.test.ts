import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { PRELUDE } from '../../../src/host/prelude.ts';
import { attach, sh } from '../../../src/support/shell.ts';
import { runScript, runText, scratch, shells, startText, sweep } from '../modules/exec.ts';

afterEach(sweep);
const isRoot = process.getuid?.() === 0;
const attributes = (path: string): string => {
  const s = lstatSync(path);
  return `${(s.mode & 0o7777).toString(8)} ${String(s.uid)}:${String(s.gid)}`;
};
const temps = (directory: string): readonly string[] => readdirSync(directory).filter((n) => n.startsWith('.care-'));

test('the prelude is small enough to travel with every script', () => {
  expect(PRELUDE.length).toBeLessThan(2048);
});

describe.each(shells)('%s', (shell) => {
  test('a new file gets the content byte for byte and 0644', () => {
    const dest = join(scratch(), "it's new");
    const bytes = Buffer.from([0, 1, 10, 255, 39]);
    expect(runScript(shell, sh`care_put ${attach(bytes)} ${dest} '' '' ''`).status).toBe(0);
    expect(readFileSync(dest)).toEqual(bytes);
    expect(attributes(dest)).toMatch(/^644 /);
  });

  test('an existing file keeps its attributes unless others are asked for', () => {
    const dest = join(scratch(), 'old');
    writeFileSync(dest, 'old');
    if (isRoot) chownSync(dest, 12, 34);
    chmodSync(dest, 0o6750);
    expect(runScript(shell, sh`care_put ${attach('new')} ${dest} '' '' ''`).status).toBe(0);
    expect(readFileSync(dest, 'utf8')).toBe('new');
    if (isRoot) expect(attributes(dest)).toBe('6750 12:34');
    expect(runScript(shell, sh`care_put ${attach('new')} ${dest} 0600 '' ''`).status).toBe(0);
    expect(attributes(dest)).toMatch(/^600 /);
    if (!isRoot) return;
    expect(runScript(shell, sh`care_put ${attach('new')} ${dest} '' 0 ''`).status).toBe(0);
    expect(attributes(dest)).toBe('600 0:34');
    expect(runScript(shell, sh`care_put ${attach('new')} ${dest} '' '' 7`).status).toBe(0);
    expect(attributes(dest)).toBe('600 0:7');
  });

  test('a link is replaced, a directory (also through a link) refused', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'target'), 'kept');
    symlinkSync('target', join(dir, 'link'));
    expect(runScript(shell, sh`care_put ${attach('x')} ${join(dir, 'link')} '' '' ''`).status).toBe(0);
    expect(lstatSync(join(dir, 'link')).isFile()).toBe(true);
    expect(readFileSync(join(dir, 'target'), 'utf8')).toBe('kept');
    symlinkSync('.', join(dir, 'dirlink'));
    const ran = runScript(shell, sh`care_put ${attach('x')} ${join(dir, 'dirlink')} '' '' ''`);
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('is a directory');
    expect(temps(dir)).toEqual([]);
  });

  test('a failure leaves the old file and no temporary one, and fails the script', () => {
    const dir = scratch();
    const dest = join(dir, 'f');
    writeFileSync(dest, 'old');
    for (const script of [sh`care_put /nonexistent ${dest} '' '' ''; echo after`, sh`care_put ${attach('x')} ${dest} '' no-such-user-here ''; echo after`]) {
      const ran = runScript(shell, script);
      expect(ran.status).not.toBe(0);
      expect(ran.stdout.toString()).toBe('');
    }
    expect(readFileSync(dest, 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['f']);
  });

  test('a signal removes the temporary file', async () => {
    const dir = scratch();
    expect(runText(shell, `mkfifo ${dir}/fifo`).status).toBe(0);
    // The source is a FIFO that nobody writes to, so the signal comes while the copy is under way.
    const child = startText(shell, `set -eu\n${PRELUDE}\ncare_put ${dir}/fifo ${dir}/dest '' '' ''`);
    await expect.poll(() => temps(dir).length, { timeout: 5000, interval: 10 }).toBe(1);
    // Signals are ignored for the instant in which the file is made.
    await new Promise((resolve) => setTimeout(resolve, 150));
    child.kill('SIGTERM');
    await expect.poll(() => temps(dir).length, { timeout: 5000, interval: 10 }).toBe(0);
    expect(existsSync(join(dir, 'dest'))).toBe(false);
  });

  test('what a power cut left is swept once it is old; what is young stays', () => {
    const dir = scratch();
    writeFileSync(join(dir, '.care-aaaaaa'), '');
    writeFileSync(join(dir, '.care-bbbbbb'), '');
    utimesSync(join(dir, '.care-aaaaaa'), 1, 1);
    expect(runScript(shell, sh`care_put ${attach('x')} ${join(dir, 'f')} '' '' ''`).status).toBe(0);
    expect(readdirSync(dir).sort()).toEqual(['.care-bbbbbb', 'f']);
  });

  test('a backup keeps content and attributes, under the name that Ansible gives', () => {
    const dir = scratch();
    const path = join(dir, 'f');
    writeFileSync(path, 'old');
    chmodSync(path, 0o640);
    // Twice within a second; waiting that second out is tried with one shell.
    const times = shell === 'dash' ? 2 : 1;
    for (let i = 0; i < times; i += 1) expect(runScript(shell, sh`care_backup ${path}`).status).toBe(0);
    const backups = readdirSync(dir).filter((n) => /^f\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~$/.test(n));
    expect(backups).toHaveLength(times);
    for (const name of backups) {
      expect(readFileSync(join(dir, name), 'utf8')).toBe('old');
      expect(attributes(join(dir, name))).toMatch(/^640 /);
    }
  });

  test('a link is made and replaced in one step, also one that leads to a directory', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'd'));
    symlinkSync('d', join(dir, 'l'));
    expect(runScript(shell, sh`care_link ${"it's"} ${join(dir, 'l')}; care_link ${'d'} ${join(dir, 'm')}`).status).toBe(0);
    expect(readlinkSync(join(dir, 'l'))).toBe("it's");
    expect(readlinkSync(join(dir, 'm'))).toBe('d');
    expect(readdirSync(join(dir, 'd'))).toEqual([]);
    expect(runScript(shell, sh`care_link x ${join(dir, 'd')}`).status).not.toBe(0);
    expect(temps(dir)).toEqual([]);
  });

  /** What a user who owns the directory can do at the worst moment: the tool that root calls next does it for him. */
  const attacked = (tool: string, attack: string, call: string): { readonly status: number; readonly stderr: string } => {
    const bin = scratch();
    writeFileSync(join(bin, tool), `#!/bin/sh\n${attack}\n`, { mode: 0o755 });
    return runText(shell, `set -eu\nPATH=${bin}:$PATH\n${PRELUDE}\n${call}`);
  };

  test('names swapped for links while a file is written lead nowhere else', () => {
    const dir = scratch();
    const victim = join(scratch(), 'shadow');
    writeFileSync(victim, 'secret', { mode: 0o600 });
    chmodSync(victim, 0o600);
    // Whatever root has made in the directory becomes a link to the victim.
    const swap = `for f in ${dir}/.care-*; do mv "$f" ${dir}/away; ln -s ${victim} "$f"; done`;
    const ran = attacked('chmod', `${swap}\nexec /bin/chmod "$@"`, `care_put /etc/hostname ${dir}/mine 0666 '' ''`);
    expect(attributes(victim)).toMatch(/^600 /);
    expect(readFileSync(victim, 'utf8')).toBe('secret');
    // The file itself was safe all the time.
    if (ran.status === 0) expect(lstatSync(join(dir, 'mine')).isFile()).toBe(true);
  });

  test('a directory swapped before it is entered is refused', () => {
    const dir = scratch();
    const victim = scratch();
    const ran = attacked('mktemp', `t=$(/usr/bin/mktemp "$@"); rm -rf "$t"; ln -s ${victim} "$t"; echo "$t"`, `care_put /etc/hostname ${dir}/mine '' '' ''`);
    if (lstatSync(dir).isDirectory() && existsSync(join(dir, 'mine'))) throw new Error(`${shell} does not look for tools in PATH`);
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('no private directory');
    expect(readdirSync(victim)).toEqual([]);
  });
});
