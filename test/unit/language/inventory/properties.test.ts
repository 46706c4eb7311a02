import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globToRegExp } from '../../../../src/language/inventory/glob.ts';
import { orderPatterns, splitPattern } from '../../../../src/language/inventory/patterns.ts';
import { expandHostPattern, expandRanges, parseAddress } from '../../../../src/language/inventory/ranges.ts';

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);

describe('ranges', () => {
  it('hold every number from begin to end, as wide as begin when that has leading zeros', () => {
    fc.assert(
      fc.property(label, fc.nat(300), fc.nat(60), fc.integer({ min: 1, max: 9 }), fc.constantFrom(0, 4), (name, begin, more, step, width) => {
        const text = (n: number) => String(n).padStart(width, '0');
        const expected = Array.from({ length: Math.floor(more / step) + 1 }, (_, i) => `${name}${text(begin + i * step)}`);
        expect(expandRanges(`${name}[${text(begin)}:${text(begin + more)}:${String(step)}]`)).toEqual(expected);
      }),
    );
  });

  it('multiply, and keep the text around them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), label, (a, b, name) => {
        const names = expandRanges(`r[1:${String(a)}]-${name}[1:${String(b)}].x`);
        expect(new Set(names).size).toBe(a * b);
        expect(names.every((n) => /^r\d-[a-z0-9]+\d\.x$/.test(n))).toBe(true);
      }),
    );
  });

  it('leave a name without brackets alone, and take a port off it', () => {
    fc.assert(
      fc.property(label, fc.integer({ min: 1, max: 65535 }), (name, port) => {
        expect(expandHostPattern(name)).toEqual({ names: [name], port: undefined });
        expect(expandHostPattern(`${name}:${String(port)}`)).toEqual({ names: [name], port });
        expect(parseAddress(`[${name}]:${String(port)}`)).toEqual({ host: name, port });
      }),
    );
  });
});

describe('patterns', () => {
  it('split and order without losing a part', () => {
    const part = fc.tuple(fc.constantFrom('', '&', '!'), label).map(([sign, name]) => sign + name);
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 6 }), fc.constantFrom(',', ':', ', '), (parts, separator) => {
        const split = splitPattern(parts.join(separator));
        expect(split).toEqual(parts);
        const ordered = orderPatterns(split);
        expect(ordered.filter((p) => p !== 'all').sort()).toEqual([...parts].filter((p) => p !== 'all').sort());
        expect(ordered[0]).not.toMatch(/^[&!]/);
      }),
    );
  });

  it('match literally whatever has no wildcard', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }).filter((s) => !/[*?[]/.test(s)), fc.string(), (name, other) => {
        expect(globToRegExp(name).test(name)).toBe(true);
        expect(globToRegExp(name).test(other)).toBe(name === other);
        expect(globToRegExp(`${name}*`).test(name + other)).toBe(true);
      }),
    );
  });

  it.each([
    ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
    ['[!a-c]x', ['dx'], ['ax']],
    ['[]]', [']'], ['[']],
    ['[', ['['], ['a']],
    ['[c-a]', [], ['a', 'b', 'c', '-']],
    ['[a-]', ['a', '-'], ['b']],
    ['a**b', ['ab', 'axxb'], ['a']],
    ['?.x', ['a.x'], ['ab.x', 'abx']],
  ])('%s as fnmatch does', (glob, yes, no) => {
    expect(yes.filter((name) => !globToRegExp(glob).test(name))).toEqual([]);
    expect(no.filter((name) => globToRegExp(glob).test(name))).toEqual([]);
  });
});
