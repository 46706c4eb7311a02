import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { parseExtraVars, splitPairs } from '../../../src/cli/extra-vars.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'care-vars-'));
  writeFileSync(join(directory, 'more.yml'), 'port: 8080\nnames: [a, b]\n');
  writeFileSync(join(directory, 'list.yml'), '- a\n');
});
afterAll(() => { rmSync(directory, { recursive: true }); });

describe('--extra-vars', () => {
  test.each([
    [['a=1'], { a: '1' }],
    [["a=1 b='two words' c=\"x \\\"y\\\"\" d="], { a: '1', b: 'two words', c: 'x "y"', d: '' }],
    [['{"a": 1, "b": [true, null]}'], { a: 1, b: [true, null] }],
    [['a: 1'], { a: 1 }],
    [['{a: yes}'], { a: 'yes' }],
    [['@more.yml'], { port: 8080, names: ['a', 'b'] }],
    [['a=1', '{"a": 2}', 'b=x=y'], { a: 2, b: 'x=y' }],
    [[], {}],
  ])('%j', (parts, expected) => {
    expect(parseExtraVars(parts, directory)).toEqual(expected);
  });

  test.each([
    ['nonsense', 'usage', /is not name=value/],
    ['a=1 b', 'usage', /word 2 is not name=value/],
    ["a='1", 'usage', /not closed/],
    ['{"a": ', 'usage', /neither JSON nor YAML/],
    ['@list.yml', 'usage', /must be a map/],
    ['@missing.yml', 'bad-input', /cannot read the file missing.yml/],
  ])('refuses %s', (part, kind, message) => {
    expect(() => parseExtraVars([part], directory)).toThrow(expect.objectContaining({ kind, message: expect.stringMatching(message) as string }) as Error);
  });

  test.each(['password=correct horse', 'horse', '{"password": "horse', 'password: [horse', 'password="correct horse'])('shows no value of what it refuses: %s', (part) => {
    let error: unknown;
    try {
      parseExtraVars([part], directory);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(Diagnostic);
    expect(error instanceof Diagnostic ? error.format() : '').not.toContain('horse');
  });

  test('words are split as sh does', () => {
    expect(splitPairs(String.raw`a\ b 'c\d' "e\f\$" g''`)).toEqual(['a b', String.raw`c\d`, String.raw`e\f$`, 'g']);
  });
});
