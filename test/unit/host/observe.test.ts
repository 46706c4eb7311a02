import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { defineQuery } from '../../../src/host/define-query.ts';
import { makeProbe } from '../../../src/host/observe.ts';

const echo = defineQuery<string, string>({
  name: 'test-echo', id: (k) => k, describe: (k) => k,
  probe: (keys) => keys.map((k) => `printf '${k}'; care_mark`).join('\n'),
  parse: (keys, output) => [output.head, ...output.sections].slice(0, keys.length).map((b) => b.toString('latin1')),
});
const bytes = defineQuery<null, Buffer>({ name: 'test-bytes', id: () => '', describe: () => 'bytes', probe: () => String.raw`printf '\000\n\n\377\n'`, parse: (_k, output) => [output.head] });
const liar = defineQuery<string, string>({ name: 'test-liar', id: (k) => k, describe: (k) => k, probe: () => 'exit 3', parse: () => [] });

const shells = [['dash'], ['busybox', 'sh'], ['bash', '--posix']].filter(([s = '']) => spawnSync('sh', ['-c', `command -v ${s}`]).status === 0);

describe.each(shells)('%s', (...shell) => {
  const run = (text: string): Buffer => spawnSync(shell[0] ?? 'sh', [...shell.slice(1), '-c', text]).stdout;

  it('answers many questions of several kinds, byte-exactly', () => {
    const queries = [echo('one'), bytes(null), echo('two')];
    const probe = makeProbe(queries);
    const facts = probe.read('h', run(probe.script.text));
    expect(facts.get(echo('one').id)).toBe('one');
    expect(facts.get(echo('two').id)).toBe('two');
    expect(facts.get(bytes(null).id)).toEqual(Buffer.from([0, 10, 10, 255, 10]));
  });

  it('asks an equal question once', () => {
    const probe = makeProbe([echo('same'), echo('same')]);
    expect(probe.script.text.match(/printf 'same'/g)).toHaveLength(1);
  });

  it('is not confused by one kind that ends its shell', () => {
    const probe = makeProbe([liar('x'), echo('one')]);
    expect(() => probe.read('h', run(probe.script.text))).toThrow(/h: cannot read the state of x: 0 answers to 1 questions/);
  });
});

it('refuses an answer that is cut off', () => {
  const probe = makeProbe([echo('one')], 'nonce');
  expect(() => probe.read('h', Buffer.from('\nnonceK0.one\nnonceM.'))).toThrow(/cut off/);
});
