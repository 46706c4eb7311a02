import { expect, test } from 'vitest';
import { expandTemplate, pythonRegExp } from '../../../../src/modules/common/python-regexp.ts';

// Expected results come from Python's re.search(pattern, text) (span, or null), tried with Python 3.
const cases: readonly (readonly [string, string, readonly [number, number] | null])[] = [
  ['a$', 'a\n', [0, 1]],
  ['a\\Z', 'a\n', null],
  ['\\Ab', 'a\nb', null],
  ['^b', 'a\nb', null],
  ['(?m)^b', 'a\nb', [2, 3]],
  ['(?i)ABC', 'xabc', [1, 4]],
  ['a.c', 'a\nc', null],
  ['a.c', 'a\rc', [0, 3]],
  ['(?s)a.c', 'a\nc', [0, 3]],
  ['(?P<x>a)(?P=x)', 'baa', [1, 3]],
  ['[]a]+', 'x]a', [1, 3]],
  ['[^]]', ']x', [1, 2]],
  ['[[]', '[', [0, 1]],
  ['a{,2}b', 'aab', [0, 3]],
  ['a{2}', 'aaa', [0, 2]],
  ['{x}', '{x}', [0, 3]],
  ['a\\-b\\_c\\ d\\"', 'a-b_c d"', [0, 8]],
  ['[\\w.\\-]+', '!a.b-c', [1, 6]],
  ['a]b', 'a]b', [0, 3]],
  ['(?#note)a', 'a', [0, 1]],
  ['(?<!x)a', 'xa a', [3, 4]],
  ['\\/', '/', [0, 1]],
  ['x|^$', '', [0, 0]],
];

test.each(cases)('%s on %j', (pattern, text, span) => {
  const match = pythonRegExp(pattern).exec(text);
  expect(match === null ? null : [match.index, match.index + match[0].length]).toEqual(span);
});

test.each([['(?x)a', 'flag x'], ['(?(1)a)', 'not supported'], ['a\\', 'backslash'], ['[a', 'unclosed'], ['(a', 'not valid'], ['\\y', 'unknown escape']])('%s is refused', (pattern, why) => {
  expect(() => pythonRegExp(pattern)).toThrow(why);
});

test('replacements', () => {
  const match = pythonRegExp('(?P<a>x)(y)?').exec('x');
  if (match === null) throw new Error('no match');
  expect(expandTemplate('\\1-\\g<a>-\\g<1>-\\2-\\n-\\\\-\\.', match)).toBe('x-x-x--\n-\\-\\.');
  expect(() => expandTemplate('\\3', match)).toThrow('group 3');
  expect(() => expandTemplate('\\g<b>', match)).toThrow('group b');
  expect(() => expandTemplate('\\q', match)).toThrow('unknown escape');
});
