/** Edits of text: tables of before and after, each also applied a second time. */
import { readFileSync, symlinkSync, lstatSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { blockinfile } from '../../../../src/modules/blockinfile/index.ts';
import type { Module } from '../../../../src/modules/define.ts';
import { lineinfile } from '../../../../src/modules/lineinfile/index.ts';
import { replace } from '../../../../src/modules/replace/index.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { converge, planHere, scratch, shells, sweep } from '../exec.ts';
import { fakeHost } from '../fake-host.ts';
import { scriptOf } from '../script-of.ts';

afterEach(sweep);
const Table = z.array(z.tuple([z.string(), z.record(z.string(), z.unknown()), z.string(), z.string()]));
const digest = (text: string): string => `digest of ${text}`;

/** The text after the module has planned on a file of this text. */
function edited(module: Module, args: Readonly<Record<string, unknown>>, text: string): string {
  const host = fakeHost({
    facts: {
      stat: { '/f': { exists: true, type: 'file', mode: '0644', owner: 'root', group: 'root', uid: 0, gid: 0, size: text.length } },
      statFollow: { '/': { exists: true, type: 'directory', mode: '0755', owner: 'root', group: 'root', uid: 0, gid: 0, size: 0, real: '/' } },
      content: { '/f': Buffer.from(text) },
      sha256: { '/f': digest(text) },
    },
  });
  const plan = module.prepare({ path: '/f', ...args }).plan(host);
  if (plan.type !== 'changes') return text;
  const [attachment] = scriptOf(plan.changes[0]).attachments;
  if (attachment?.content.kind !== 'bytes') throw new Error('no content');
  return attachment.content.bytes.toString();
}

for (const module of [lineinfile, blockinfile, replace]) {
  const table = Table.parse(parse(readFileSync(new URL(`../${module.name}/edits.yaml`, import.meta.url), 'utf8')));
  describe(module.name, () => {
    test.each(table)('%s', (_name, args, before, after) => {
      expect(edited(module, args, before)).toBe(after);
    });
    if (module !== replace) {
      test.each(table)('twice: %s', (_name, args, before) => {
        const once = edited(module, args, before);
        expect(edited(module, args, once)).toBe(once);
      });
    }
  });
}

describe.each(shells)('%s', (shell) => {
  test('a line in a file behind a link, which stays a link; attributes with it', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'f'), 'a=1\n');
    symlinkSync('f', join(dir, 'l'));
    converge(lineinfile, { path: join(dir, 'l'), regexp: '^a=', line: 'a=2', mode: '0600', validate: 'grep -q a=2 %s', backup: true }, { shell });
    expect(lstatSync(join(dir, 'l')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(dir, 'f'), 'utf8')).toBe('a=2\n');
    expect(statSync(join(dir, 'f')).mode & 0o777).toBe(0o600);
  });

  test('bytes that are no UTF-8 stay what they are', () => {
    const path = join(scratch(), 'latin1');
    writeFileSync(path, Buffer.from([0xe9, 10]));
    converge(lineinfile, { path, line: 'é' }, { shell });
    expect(readFileSync(path)).toEqual(Buffer.from([0xe9, 10, 0xc3, 0xa9, 10]));
  });

  test('a new file, with the directories above it', () => {
    const path = join(scratch(), 'a/b/f');
    const changes = converge(blockinfile, { path, block: new Secret('token=opensesame'), create: true }, { shell });
    expect(changes.map((c) => c.resource.split(' ')[0])).toEqual(['directory', 'directory', 'file']);
    expect(changes[2]?.diff?.after).toBeInstanceOf(Secret);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    converge(replace, { path, regexp: '^token=.*$', replace: 'token=none' }, { shell });
    expect(readFileSync(path, 'utf8')).toContain('\ntoken=none\n');
  });
});

test('a file that is not there is an error, or fine for absent', () => {
  const path = join(scratch(), 'none');
  expect(planHere(lineinfile, { path, line: 'a' }).plan).toMatchObject({ type: 'failed' });
  expect(planHere(lineinfile, { path, line: 'a', state: 'absent' }).plan).toMatchObject({ type: 'ok' });
  expect(planHere(blockinfile, { path, block: 'a' }).plan).toMatchObject({ type: 'failed' });
  expect(planHere(replace, { path, regexp: 'a' }).plan).toMatchObject({ type: 'failed' });
});

test('arguments that contradict each other are refused', () => {
  expect(() => lineinfile.prepare({ path: '/f', state: 'present' })).toThrow('line');
  expect(() => lineinfile.prepare({ path: '/f', line: 'a\nb' })).toThrow('one line');
  expect(() => lineinfile.prepare({ path: '/f', line: 'a', backrefs: true })).toThrow('regexp');
  expect(() => lineinfile.prepare({ path: '/f', line: 'a', insertafter: 'EOF', insertbefore: 'BOF' })).toThrow('exclude');
  expect(() => blockinfile.prepare({ path: '/f', marker: 'x' })).toThrow('{mark}');
});
