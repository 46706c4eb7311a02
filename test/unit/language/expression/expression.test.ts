import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/support/secret.ts';
import { formatPlace } from '../../../../src/support/source.ts';
import type { Value, ValueMap } from '../../../../src/support/value.ts';
import { compareVersions, compileCondition, compileExpression } from '../../../../src/language/expression/index.ts';
import { createScope, lazyMap } from '../../../../src/language/scope.ts';
import { problem } from '../template/support.ts';

function evaluate(text: string, variables: ValueMap = {}): Value {
  return compileExpression(text).evaluate(createScope([{ values: variables, templated: false }]));
}
function test(text: string, variables: ValueMap = {}): boolean {
  return compileCondition(text).test(createScope([{ values: variables, templated: false }]));
}

describe('values', () => {
  it.each<[string, ValueMap, Value]>([
    ['port + 1', { port: 5432 }, 5433],
    ['a / b', { a: 7, b: 2 }, 3],
    ['x * 1.5', { x: 2.5 }, 3.75],
    ['x > 1.5', { x: 2 }, true],
    ['{"a": [1, "x"]}', {}, { a: [1, 'x'] }],
    ['l.map(i, i * 2)', { l: [1, 2] }, [2, 4]],
    ['m', { m: { a: null } }, { a: null }],
    ['"db1" in groups.db', { groups: { db: ['db1'] } }, true],
    ['"a" in mixed', { mixed: [1, 'a'] }, true],
    ['mixed + [true]', { mixed: [1, 'a'] }, [1, 'a', true]],
    ['x == null ? "none" : string(x)', { x: 3 }, '3'],
    ['m.?b.orValue(4)', { m: {} }, 4],
    ['has(m.a) && !has(m.b)', { m: { a: 1 } }, true],
    ['m["k-1"]', { m: { 'k-1': 'v' } }, 'v'],
    ['size(l) == 2 && l.all(i, i > 0)', { l: [1, 2] }, true],
    ['int("5") + int(s)', { s: '6' }, 11],
    ['defined(a) && defined(a.b.c) && !defined(a.x) && !defined(z) && defined("a.b") && !defined("z.q")', { a: { b: { c: null } } }, true],
    ['re(t, "^v[0-9]+") && !re(t, "^x")', { t: 'v12' }, true],
    ['version_compare(v, ">=", "1.9")', { v: '1.10.2' }, true],
    ['lower("A") + upper("b") + trim(" c ") + replace("xy", "y", "z") + join(split("1,2", ","), "-")', {}, 'aBcxz1-2'],
    ['from_json(t).a[0] + 1', { t: '{"a": [41]}' }, 42],
    ['cel.bind(n, size(l), n * n)', { l: [1, 2, 3] }, 9],
  ])('%s', (text, variables, result) => {
    expect(evaluate(text, variables)).toEqual(result);
  });

  it('keeps integers exact and refuses those that would not be', () => {
    expect(evaluate('x', { x: Number.MAX_SAFE_INTEGER })).toBe(Number.MAX_SAFE_INTEGER);
    expect(problem(() => evaluate('x + 1', { x: Number.MAX_SAFE_INTEGER })).message).toContain('2^53');
    expect(problem(() => evaluate('1 / x', { x: 0 })).message).toBe('division by zero');
    expect(problem(() => evaluate('m.?a', { m: {} })).message).toContain('orValue');
    expect(problem(() => evaluate('timestamp("2020-01-01T00:00:00Z")')).message).toContain('string(');
  });

  it('reads only what it needs of a map', () => {
    const hostvars = lazyMap(['db1', 'db2'], (name) => { if (name === 'db1') throw new Error('rendered for nothing'); return { ansible_host: '10.0.0.2' }; });
    expect(evaluate('hostvars["db2"].ansible_host', { hostvars })).toBe('10.0.0.2');
    expect(evaluate('hostvars.db2.ansible_host + "x"', { hostvars })).toBe('10.0.0.2x');
    expect(evaluate('"db2" in hostvars && "db9" in hostvars', { hostvars })).toBe(false);
    expect(evaluate('size(hostvars)', { hostvars })).toBe(2);
  });

  it('has nothing inherited', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(problem(() => evaluate(`m.${name}`, { m: {} })).code).toBe('missing-key');
      expect(problem(() => evaluate(`m["${name}"]`, { m: {} })).code).toBe('missing-key');
      expect(evaluate(`"${name}" in m || has(m.${name}) || defined(m.${name}) || defined("${name}")`, { m: {} })).toBe(false);
      expect(problem(() => evaluate(name)).code).toBe(name === '__proto__' ? 'expression-syntax' : 'undefined-variable');
    }
  });
});

describe('nothing is true by mistake', () => {
  it.each([
    ['nope', 'undefined-variable', '1'],
    ['nope || true', 'undefined-variable', '1'],
    ['true || nope', 'undefined-variable', '9'],
    ['false && nope', 'undefined-variable', '10'],
    ['m.b || true', 'missing-key', '3'],
    ['m.b.c == 1', 'missing-key', '3'],
    ['[1, 2].exists(i, m.b == i || i == 2)', 'missing-key', '20'],
    ['[m].all(i, i.b == 1 && false)', 'missing-key', '14'],
    ['l[7] == 1', 'missing-key', '1'],
    ['port == "80"', 'expression-type', '1'],
    ['"80" != port', 'expression-type', '1'],
    ['flag == "true"', 'expression-type', '1'],
    ['text == flag', 'expression-type', '1'],
    ['l == "a"', 'expression-type', '1'],
    ['text && true', 'expression-type', '1'],
    ['!text', 'expression-type', '1'],
    ['text ? 1 : 2', 'expression-type', '1'],
    ['port < "a"', 'expression-type', '1'],
    ['defined(nope) || nope == 1', 'undefined-variable', '18'],
    ['int(text) == 1', 'expression-failed', '1'],
    ['re(text, "(")', 'expression-failed', '1'],
  ])('%s', (text, code, column) => {
    const file = { path: 'p.yml', text: `when: ${text}\n` };
    const d = problem(() => compileExpression(text, { file, start: 6, end: 6 + text.length }).test(createScope([{ values: { m: { a: 1 }, l: [1], port: 80, flag: true, text: 'yes' }, templated: false }])));
    expect(d.code, d.message).toBe(code);
    expect(d.span === undefined ? '' : formatPlace(d.span)).toBe(`p.yml:1:${String(6 + Number(column))}`);
  });

  it.each<Value>(['true', 1, 0, null, [], {}])('%j is no condition', (x) => {
    expect(problem(() => test('x', { x })).code).toBe('expression-type');
  });

  it('explains missing keys and variables', () => {
    expect(problem(() => evaluate('m.b', { m: {} })).remedy).toBe('ask first with has(m.b), or take a default: m.?b.orValue(…)');
    expect(problem(() => evaluate('porst == 1', { ports: 1 })).remedy).toBe('did you mean ports?');
  });
});

describe('refused before anything runs', () => {
  it.each([
    ['x is defined', 'defined(x)'],
    ['x.y is not defined', '!defined(x.y)'],
    ['result is failed', 'result.failed'],
    ['result is succeeded', '!result.failed'],
    ['result is not changed', '!result.changed'],
    ['x is none', 'x == null'],
    ['not x', '!x'],
    ['a and b', 'a && b'],
    ['a or b', 'a || b'],
    ['a not in b', '!(a in b)'],
    ['x | bool', 'bool(x)'],
    ['x | default("") == "a"', 'orValue'],
    ['x | length > 0', 'size(x)'],
    ['x == True', 'true'],
    ['x == None', 'null'],
    ['x = 3', '=='],
    ['x === 3', '=='],
    ['a if b else c', 'b ? a : c'],
    ['{{ x }}', 'write the variable alone: x'],
    ['x.matches("a+")', 're(text, "pattern")'],
    ['defined(1 + 2)', 'defined(x)'],
    ['lenght(x)', 'docs/templates.md'],
    ['lowr(x)', 'lower'],
    ['"a" + 1', 'string(x)'],
    ['1 == "a"', 'string(x)'],
    ['x in "abc"', 'contains'],
  ])('%s', (text, remedy) => {
    const d = problem(() => compileExpression(text));
    expect(d.remedy, d.message).toContain(remedy);
    expect(d.kind).toBe('bad-input');
  });

  it.each([['1 + 1'], ['"x"'], ['size(l)'], ['[true]']])('%s is never a condition', (text) => {
    expect(problem(() => compileCondition(text)).code).toBe('expression-type');
  });

  it('takes words inside quotes for text', () => {
    expect(evaluate('x == "a is defined and not | b = c"', { x: 'b' })).toBe(false);
  });

  it.each([
    ['a && (b', 7, 'plain'],
    ['abc && x | bool', 9, 'plain'],
    ['"q" == x and y', 9, 'plain'],
  ])('points at the place in %s', (text, offset) => {
    const file = { path: 'p.yml', text: `- when: ${text}\n` };
    const d = problem(() => compileExpression(text, { file, start: 8, end: 8 + text.length }));
    expect(d.span === undefined ? '' : formatPlace(d.span)).toBe(`p.yml:1:${String(8 + offset + 1)}`);
  });

  it('points right inside quotes and literal blocks, and at the start of a folded text', () => {
    const at = (raw: string, text: string): string => {
      const file = { path: 'p.yml', text: `when: ${raw}\n` };
      const d = problem(() => evaluate2(text, { file, start: 6, end: 6 + raw.length }));
      return d.span === undefined ? '' : formatPlace(d.span);
    };
    const evaluate2 = (text: string, span: Parameters<typeof compileExpression>[1]): Value => compileExpression(text, span).evaluate(createScope([]));
    expect(at("'true && nope'", 'true && nope')).toBe('p.yml:1:16');
    expect(at('"true && nope"', 'true && nope')).toBe('p.yml:1:16');
    expect(at('|\n  true\n  && nope\n', 'true\n&& nope\n')).toBe('p.yml:3:6');
    expect(at('>-\n  true\n  && nope', 'true && nope')).toBe('p.yml:1:7');
    expect(at('"\\x74rue && nope"', 'true && nope')).toBe('p.yml:1:7');
  });
});

describe('variables', () => {
  it('lists the roots that must exist', () => {
    expect(compileExpression('a.b == 1 && l.exists(i, i == c) && has(d.e) && defined(f) && m["k"].size() > int(n)').variables).toEqual(['a', 'c', 'd', 'l', 'm', 'n']);
  });
});

describe('secrets', () => {
  const s = new Secret('hunter2-correct');
  it('are used inside and come out as secrets', () => {
    for (const text of ['s', 's + "x"', 'upper(s)', 'm.p', '[s][0]', 'm.p == s ? s : "no"']) expect(evaluate(text, { s, m: { p: s } }), text).toBeInstanceOf(Secret);
    expect(evaluate('[s, "x"]', { s })).toEqual([expect.any(Secret), expect.any(Secret)]);
    expect(evaluate('m', { m: { p: s, open: 'x' } })).toMatchObject({ open: 'x', p: s });
    expect(test('s == "hunter2-correct"', { s })).toBe(true);
    expect(evaluate('"open"', { s })).toBe('open');
  });

  it('are never in an error', () => {
    for (const text of ['m[s]', 's.x', 'int(s)', 's < 1', 's && true', 'm[s + "1"].b', 're("a", s + "(")', 'from_json(s)', 'double(s)', 'bool(s)', 'timestamp(s)', 'duration(s)', 'version_compare("1", s, "2")', 'm == s', 's.substring(99)', 'uint(s)', 's.split("", -5).x', 'bytes(s).at(900)']) {
      const d = problem(() => test(text, { s, m: { a: 1 } }));
      expect(`${d.format()} ${String(d.cause)} ${JSON.stringify(d)}`, text).not.toContain('hunter2');
    }
  });
});

describe('bounded', () => {
  it('matches patterns in linear time', () => {
    const started = performance.now();
    expect(evaluate('re(t, "^(a+)+$")', { t: `${'a'.repeat(2000)}b` })).toBe(false);
    // A matcher that tries all ways would not end at all.
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});

it.each([
  ['1.10', '1.9', 1], ['1.2', '1.2.0', 0], ['v1.30.2', '1.30.2', 0], ['1.2.0-rc1', '1.2.0', -1], ['1.2-rc.2', '1.2-rc.10', -1], ['2.0~beta', '2.0', -1], ['1.0+build5', '1.0', 0], ['16.4-1.pgdg13', '16.4', 1], ['1.0a', '1.0', -1], ['1.0alpha', '1.0beta', -1], ['10', '9.9.9', 1],
])('version %s against %s', (a, b, order) => {
  expect(compareVersions(a, b)).toBe(order);
  expect(compareVersions(b, a)).toBe(order === 0 ? 0 : -order);
});
