import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pendingHandlers } from '../../../src/host/kinds/pending-handlers.ts';
import { makeProbe } from '../../../src/host/observe.ts';
import { byAnswerer, type AnyQuery } from '../../../src/host/query.ts';
import { clearPending, notePending, pendingId } from '../../../src/state/pending-handlers.ts';
import { Script } from '../../../src/support/shell.ts';

type Words = readonly [string, ...string[]];
const SHELLS: readonly { readonly name: string; readonly words: Words }[] = [
  { name: 'dash', words: ['dash'] },
  { name: 'busybox', words: ['busybox', 'sh'] },
  { name: 'bash', words: ['bash', '--posix'] },
];

function run(words: Words, script: Script, prefix = 'set -eu\n'): Buffer {
  const files = mkdtempSync(join(tmpdir(), 'care-files-'));
  for (const a of script.attachments) if (a.content.kind === 'bytes') writeFileSync(join(files, a.id), a.content.bytes);
  const [program, ...first] = words;
  return execFileSync(program, [...first, '-c', `care_files=${files}\n${prefix}${script.text}`], { stdio: ['ignore', 'pipe', 'pipe'] });
}
function observe(words: Words, queries: readonly AnyQuery[]): unknown[] {
  const probe = makeProbe(byAnswerer(queries).shell);
  const facts = probe.read('h', run(words, probe.script, ''));
  return queries.map((q) => facts.get(q.id));
}

describe.each(SHELLS)('$name', ({ words }) => {
  test('noted before the change, listed byte for byte, struck off', () => {
    const directory = join(mkdtempSync(join(tmpdir(), 'care-pending-')), 'var', 'pending');
    const one = { id: pendingId('site.yml', 'base', 'restart sshd'), text: '{"handler":"restart sshd"}\n\nx' };
    const two = { id: pendingId('site.yml', 'base', 'reload nft'), text: '' };
    const other = mkdtempSync(join(tmpdir(), 'care-pending-'));
    expect(observe(words, [pendingHandlers(directory), pendingHandlers(other)])).toEqual([[], []]);
    run(words, notePending([one, two], directory));
    run(words, notePending([{ ...one, text: 'the first note stays' }], directory));
    const sorted = [one, two].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(observe(words, [pendingHandlers(other), pendingHandlers(directory)])).toEqual([[], sorted]);
    run(words, clearPending([one.id], directory));
    run(words, clearPending([], directory));
    expect(observe(words, [pendingHandlers(directory)])).toEqual([[two]]);
    expect(readdirSync(directory)).toEqual([two.id]);
  });

  test('a note that cannot be written stops the change', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'care-pending-')), 'file');
    writeFileSync(file, '');
    const script = notePending([{ id: 'a', text: 'x' }], join(file, 'pending'));
    expect(() => run(words, new Script(`${script.text}\necho the change`, script.attachments))).toThrow(/mkdir/);
  });
});

test('a half-written note of a killed run is not a note', () => {
  const directory = mkdtempSync(join(tmpdir(), 'care-pending-'));
  writeFileSync(join(directory, '.abc.new'), '{"han');
  mkdirSync(join(directory, 'sub'));
  expect(observe(['dash'], [pendingHandlers(directory)])).toEqual([[]]);
});

test('ids are file names, the same for the same handler', () => {
  expect(pendingId('a', 'b')).toBe(pendingId('a', 'b'));
  expect(pendingId('a', 'b')).not.toBe(pendingId('ab', ''));
  expect(() => notePending([{ id: '../x', text: '' }])).toThrow(RangeError);
});
