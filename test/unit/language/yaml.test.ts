import { describe, expect, it } from 'vitest';
import { EncryptedValue, UnsafeText, VaultValue } from '../../../src/language/encrypted.ts';
import { keysInFileOrder, keySpanOf, spanOf } from '../../../src/language/positions.ts';
import { booleanHint } from '../../../src/language/scalars.ts';
import { parseYaml, type YamlOptions } from '../../../src/language/yaml.ts';
import { Diagnostic, DiagnosticList } from '../../../src/support/diagnostic.ts';
import { Secret } from '../../../src/support/secret.ts';
import { formatPlace } from '../../../src/support/source.ts';
import { isMap, type ValueMap } from '../../../src/support/value.ts';

const file = (text: string) => ({ path: 'site.yml', text });
const strict = (text: string) => parseYaml(file(text), { dialect: 'strict' });
const ansible = (text: string) => parseYaml(file(text), { dialect: 'ansible' });

function map(value: unknown): ValueMap {
  if (!isMap(value)) throw new Error('expected a map');
  return value;
}

function problems(text: string, options: YamlOptions = { dialect: 'strict' }): Diagnostic[] {
  try {
    parseYaml(file(text), options);
  } catch (error) {
    if (error instanceof Diagnostic) return [error];
    if (error instanceof DiagnosticList) return [...error.list];
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the strict dialect', () => {
  it('reads YAML 1.2 scalars', () => {
    expect(strict('{a: yes, b: on, c: true, d: 12, e: 0x10, f: 0o17, g: 1.5, h: ~, i: , j: 2024-01-02, k: 1_000, l: "12", m: 12:30}')).toEqual({
      a: 'yes', b: 'on', c: true, d: 12, e: 16, f: 15, g: 1.5, h: null, i: null, j: '2024-01-02', k: '1_000', l: '12', m: '12:30',
    });
  });

  it('gives null for a file without a value', () => {
    expect(strict('')).toBeNull();
    expect(strict('# nothing\n---\n')).toBeNull();
  });

  it('merges << in Ansible’s order', () => {
    expect(strict('x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n')).toMatchObject({ z: { a: 1, b: 1, c: 3 } });
  });

  it.each([
    ['a: 1\nb: 2\na: 3\n', 'duplicate-key', 'site.yml:3:1', /first at site.yml:1:1/],
    ['a:\n\tb: 1\n', 'yaml-syntax', 'site.yml:2:1', /indent with spaces/],
    ['mode: 0644\n', 'ambiguous-number', 'site.yml:1:7', /quote it: "0644"/],
    ['n: 9007199254740993\n', 'integer-too-large', 'site.yml:1:4', /quote it/],
    ['n: .inf\n', 'not-a-finite-number', 'site.yml:1:4', /quote it/],
    ['when: {{ x }}\n', 'unquoted-template', 'site.yml:1:7', /write "\{\{ x \}\}"/],
    ['path: {{ x }}/foo # why\n', 'unquoted-template', 'site.yml:1:7', /write "\{\{ x \}\}\/foo"/],
    ['- {{ x }}-a\n', 'unquoted-template', 'site.yml:1:3', /write "\{\{ x \}\}-a"/],
    ['a: !secert x\n', 'unknown-tag', 'site.yml:1:12', /Did you mean !secret/],
    ['a: !vault x\n', 'vault-value', 'site.yml:1:11', /!secret/],
    ['a: !unsafe x\n', 'unknown-tag', 'site.yml:1:12', /raw/],
    ['a: !!int x\n', 'unreadable-scalar', 'site.yml:1:10', /no !!int/],
    ['a: !!binary aGk=\n', 'unknown-tag', 'site.yml:1:13', /Known are/],
    ['a: !secret hello\n', 'not-encrypted', 'site.yml:1:12', /age-encrypted/],
    ['1: x\n', 'non-string-key', 'site.yml:1:1', /quote the key/],
    ['? [a]\n: x\n', 'non-string-key', 'site.yml:1:3', /not a map or a list/],
    [': x\n', 'non-string-key', 'site.yml:1:1', /null/],
    ['%YAML 1.1\n---\na: yes\n', 'yaml-version', 'site.yml:1:1', /YAML 1.2/],
    ['a: 1\n---\nb: 2\n', 'yaml-syntax', 'site.yml:2:1', /more than one/],
    ['a: *b\n', 'unknown-anchor', 'site.yml:1:4', /no anchor/],
    ['a: &a [*a]\n', 'recursive-alias', 'site.yml:1:8', /itself/],
    ['a: foo: bar\n', 'yaml-syntax', 'site.yml:1:4', /quote the whole value/],
    ['a: "x\n', 'yaml-syntax', 'site.yml:2:1', /quoted value is not closed/],
    ['a: @x\n', 'yaml-syntax', 'site.yml:1:4', /quotes/],
    ['__proto__: {x: 1}\n', 'forbidden-key', 'site.yml:1:1', /__proto__/],
  ])('refuses %j', (text, code, place, words) => {
    const [problem, ...others] = problems(text);
    expect(others).toEqual([]);
    expect(problem?.code).toBe(code);
    expect(problem?.exitStatus).toBe(65);
    expect(problem?.span && formatPlace(problem.span)).toBe(place);
    expect(problem?.format()).toMatch(words);
  });

  it('reports independent mistakes together', () => {
    expect(problems('a: 0644\nb: !foo x\nc: {{ y }}\n').map((p) => p.code)).toEqual(['ambiguous-number', 'unknown-tag', 'unquoted-template']);
  });

  it('refuses alias bombs and bottomless nesting', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 9 }, () => `*l${i}`).join(',')}]`);
    expect(problems(['l0: &l0 x', ...levels].join('\n'))[0]?.code).toBe('alias-bomb');
    expect(problems('['.repeat(300) + ']'.repeat(300))[0]?.code).toBe('yaml-too-deep');
    expect(problems('['.repeat(100_000))[0]?.exitStatus).toBe(65);
  });
});

describe('positions', () => {
  const text = 'plays:\n  - name: one\n    hosts: [a, b]\n  - 10: x\n    9: y\n';
  it('knows keys, values and containers', () => {
    const root = map(ansible(text));
    const plays = root['plays'];
    if (!Array.isArray(plays)) throw new Error('expected a list');
    const play = map(plays[0]);
    const place = (container: object, key?: string | number) => formatPlace(spanOf(container, key) ?? { file: file(''), start: 0, end: 0 });
    expect(place(play, 'name')).toBe('site.yml:2:11');
    expect(place(play)).toBe('site.yml:2:5');
    expect(place(plays, 1)).toBe('site.yml:4:5');
    const key = keySpanOf(play, 'hosts');
    expect(key && text.slice(key.start, key.end)).toBe('hosts');
    expect(keysInFileOrder(map(plays[1]))).toEqual(['10', '9']);
  });
});

describe('the ansible dialect', () => {
  it('reads scalars as PyYAML does', () => {
    const words = 'yes No ON off y 0644 0o17 0b101 0x_1F 1_000 190:20:30 -1:30 1e3 1.0e+3 1.5 1_0.5 08 .5 . 2024-01-02 2001-12-14t21:59:43.10-05:00 2001-12-15 2001-2-3';
    expect(ansible(`[${words.split(' ').filter((w) => w !== '.').join(', ')}]`)).toEqual([
      true, false, true, false, 'y', 420, '0o17', 5, 31, 1000, 685230, -90, '1e3', 1000, 1.5, 10.5, '08', 0.5,
      '2024-01-02', '2001-12-14T21:59:43.100000-05:00', '2001-12-15', '2001-2-3',
    ]);
  });

  it('keeps keys that are no strings, named as JSON does', () => {
    expect(ansible('1: a\ntrue: b\n~: c\nyes_: d\n')).toEqual({ 1: 'a', true: 'b', null: 'c', yes_: 'd' });
  });

  it('reads JSON as JSON', () => {
    expect(ansible('{"a": 1e3, "b": "\\ud83d\\ude00", "c": "0644"}')).toEqual({ a: 1000, b: '😀', c: '0644' });
  });

  it('keeps !vault and !unsafe apart from text', () => {
    const value = map(ansible('v: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  66\nu: !unsafe "{{ x }}"\nm: !unsafe {a: ["{{ y }}"], n: 1}\n'));
    expect(value['v']).toBeInstanceOf(VaultValue);
    expect(value['u']).toMatchObject({ text: '{{ x }}' });
    expect(map(value['m'])['a']).toEqual([expect.any(UnsafeText)]);
    expect(isMap(value['v'])).toBe(false);
  });

  it.each([
    ['foo: [\na,\nb\n]\nz: 1\n', { foo: ['a', 'b'], z: 1 }],
    ['x:\n  foo: {\n    a: 1\n}\nz: 1\n', { x: { foo: { a: 1 } }, z: 1 }],
    ['foo: "{{ {\n  1\n} }}"\nz: 1\n', { foo: '{{ { 1 } }}', z: 1 }],
    ["x:\n  - foo: 'a\n\n    b'\n    c: 1\nz: 1\n", { x: [{ foo: 'a\nb', c: 1 }], z: 1 }],
    ['x:\n  foo: "a\n  b"\n  bar: [1,\n2]\nz: 1\n', { x: { foo: 'a b', bar: [1, 2] }, z: 1 }],
  ])('takes lines as far left as libyaml does, and keeps places: %j', (text, expected) => {
    const value = map(ansible(text));
    expect(value).toEqual(expected);
    const last = keySpanOf(value, 'z');
    expect(last && [last.start, last.end]).toEqual([text.indexOf('z: 1'), text.indexOf('z: 1') + 1]);
    expect(problems(text)[0]?.code).toBe('yaml-syntax');
  });

  it('ends a block at the end of the file as the file ends', () => {
    expect(ansible('a: |\n  x')).toEqual({ a: 'x' });
    expect(ansible('a: >-\n  x')).toEqual({ a: 'x' });
    expect(ansible('a: |\n  x\n')).toEqual({ a: 'x\n' });
    expect(strict('a: |\n  x')).toEqual({ a: 'x\n' });
  });

  it('blames the place of the true mistake when moving lines does not help', () => {
    const [problem] = problems('foo: "abc\nbar: 1\nbaz: "x"\n', { dialect: 'ansible' });
    expect(problem?.span && formatPlace(problem.span)).toBe('site.yml:1:10');
  });

  it('refuses dates that do not exist, as PyYAML does', () => {
    expect(problems('a: 2024-02-30\n', { dialect: 'ansible' })[0]?.code).toBe('unreadable-scalar');
  });
});

describe('!secret', () => {
  const text = 'a: !secret |\n  -----BEGIN AGE ENCRYPTED FILE-----\n  abc\n  -----END AGE ENCRYPTED FILE-----\n';
  it('stays encrypted without a key and is opened with one', () => {
    const lazy = map(strict(text))['a'];
    expect(lazy).toBeInstanceOf(EncryptedValue);
    const open = (armored: string) => new Secret(`plain of ${armored.split('\n')[1] ?? ''}`);
    if (!((lazy as unknown) instanceof EncryptedValue)) throw new Error('unreachable');
    const opened = map(parseYaml(file(text), { dialect: 'strict', decryptSecret: open }))['a'];
    expect(opened instanceof Secret && opened.reveal()).toBe('plain of abc');
  });
});

it('hints at YAML 1.2 booleans', () => {
  expect(booleanHint('Yes')).toBe('YAML 1.2 reads Yes as a string: write true');
  expect(booleanHint('off')).toMatch(/write false/);
  expect(booleanHint('maybe')).toBeUndefined();
});
