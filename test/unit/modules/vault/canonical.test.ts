import { describe, expect, test } from 'vitest';
import { differing, means, seconds, shown } from '../../../../src/modules/common/vault/canonical.ts';
import { Secret } from '../../../../src/support/secret.ts';

test.each([['90', 90], ['24h', 86_400], ['1h30m', 5400], ['30d', 2_592_000], ['1.5h', 5400], ['h', undefined], ['1x', undefined], ['', undefined]])('the duration %s', (text, expected) => {
  expect(seconds(text)).toBe(expected);
});

describe('what a server says in other words', () => {
  test.each<[string, Parameters<typeof means>[0], unknown, boolean]>([
    ['a duration in seconds', '24h', 86_400, true],
    ['another duration', '24h', 3600, false],
    ['a duration as text', '720h', '30d', true],
    ['a number as digits', 256, '256', true],
    ['text with another end of line', 'path "x" {}\n', 'path "x" {}', true],
    ['a list in another order', ['b', 'a'], ['a', 'b'], true],
    ['a list with one more', ['a'], ['a', 'b'], false],
    ['a list as text', 'a,b', ['b', 'a'], true],
    ['text for a list', ['a', 'b'], 'b,a', true],
    ['an empty list for nothing', [], null, true],
    ['a boolean as text', true, 'true', true],
    ['no for yes', false, true, false],
    ['nothing for a text', 'x', undefined, false],
    ['a map, key by key', { a: '1h' }, { a: 3600 }, true],
    ['a map with one more', { a: 1 }, { a: 1, b: 2 }, false],
    ['a map with one less', { a: 1, b: 2 }, { a: 1 }, false],
    ['words that look like numbers are not durations of one another', 'v1', 'v01', false],
  ])('%s', (_title, wished, now, same) => {
    expect(means(wished, now)).toBe(same);
  });
});

test('only what was wished is compared, and secrets by their text', () => {
  expect(differing({ a: 1, b: new Secret('some-secret-text'), c: '2h' }, { a: 1, b: 'some-secret-text', c: 3600, d: 'more' })).toEqual(['c']);
  expect(differing({ b: new Secret('some-secret-text') }, { b: 'another' })).toEqual(['b']);
});

test('secrets are not shown', () => {
  expect(shown(['a', 'b'], { a: ['x'], b: new Secret('some-secret-text') })).toBe('a: ["x"]\nb: ********\n');
});
