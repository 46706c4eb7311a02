import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/support/secret.ts';
import { formatPlace } from '../../../src/support/source.ts';
import type { Value, ValueMap } from '../../../src/support/value.ts';
import { asValue, EncryptedValue, UnsafeText, VaultValue } from '../../../src/language/encrypted.ts';
import { setEntrySpan, spanOf } from '../../../src/language/positions.ts';
import { createScope, lazyMap, lazyView } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';
import { parseYaml } from '../../../src/language/yaml.ts';
import { problem } from './template/support.ts';

const templated = (values: ValueMap): { values: ValueMap; templated: true } => ({ values, templated: true });
const raw = (values: ValueMap): { values: ValueMap; templated: false } => ({ values, templated: false });

/** A map as the YAML parser gives it, with the place of each value in a made-up file of `key: value` lines. */
function placed(path: string, values: Record<string, string>): ValueMap {
  const file = { path, text: Object.entries(values).map(([k, v]) => `${k}: "${v}"\n`).join('') };
  let at = 0;
  for (const [key, value] of Object.entries(values)) {
    const start = at + key.length + 2;
    setEntrySpan(values, key, { file, start, end: start + value.length + 2 });
    at = start + value.length + 3;
  }
  return values;
}

describe('variables', () => {
  it('take the highest layer, and see overridden ones through lower ones', () => {
    const scope = createScope([templated({ port: 80, url: 'http://{{ host }}:{{ port }}', host: 'a' }), templated({ port: 8080 })]);
    expect(scope.get('url')).toBe('http://a:8080');
    expect(scope.child(raw({ host: 'b' })).get('url')).toBe('http://b:8080');
    expect(scope.get('url')).toBe('http://a:8080');
    expect([...scope.names()].sort()).toEqual(['host', 'port', 'url']);
  });

  it('are rendered deep, with types, and only when asked for', () => {
    const scope = createScope([templated({ n: 3, list: ['{{ n }}', { a: ['x{{ n }}'] }], broken: '{{ nope }}' })]);
    expect(scope.get('list')).toEqual([3, { a: ['x3'] }]);
    expect(scope.has('broken')).toBe(true);
    expect(problem(() => scope.get('broken')).code).toBe('undefined-variable');
  });

  it('are rendered once, shared with children that change nothing of theirs, and not with others', () => {
    let reads = 0;
    const facts = lazyMap(['n'], () => { reads += 1; return reads; });
    const scope = createScope([raw({ facts }), templated({ a: 'a{{ facts.n }}', b: '{{ a }}{{ default extra "-" }}' })]);
    const child = scope.child(raw({ item: 1 }));
    const first = child.get('b');
    expect(first).toBe('a1-');
    expect(scope.get('b')).toBe(first);
    expect(scope.child(raw({ extra: '+' })).get('b')).toBe('a1+');
    expect(scope.child(raw({ a: 'A' })).get('b')).toBe('A-');
    expect(scope.get('b')).toBe('a1-');
  });

  it('never render what comes from targets, wherever it passes through', () => {
    const evil = '{{ secret }}{{#if}}{% if %}{{{{';
    const scope = createScope([raw({ out: { stdout: evil } }), templated({ secret: 's', copy: '{{ out.stdout }}', text: '> {{ copy }}', whole: '{{ out }}' })]);
    expect(scope.get('copy')).toBe(evil);
    expect(scope.get('text')).toBe(`> ${evil}`);
    expect(scope.get('whole')).toEqual({ stdout: evil });
    expect(renderValue('{{ text }}', scope)).toBe(`> ${evil}`);
  });

  it('refuse circles and name them', () => {
    const values = placed('group_vars/all.yml', { a: '{{ b }}', b: 'x{{ c }}', c: '{{ a }}' });
    const d = problem(() => createScope([templated(values)]).get('b'));
    expect(d.code).toBe('circular-variable');
    expect(d.message).toContain('b → c → a → b');
    expect(d.detail).toContain('group_vars/all.yml:2:4');
    expect(problem(() => createScope([templated({ x: '{{ x }}' })]).get('x')).message).toContain('x → x');
  });

  it('refuse circles through hostvars', () => {
    const make = (other: () => ValueMap, y: string): ReturnType<typeof createScope> => createScope([raw({ hostvars: lazyMap(['other'], other) }), templated({ y })]);
    const one: ReturnType<typeof createScope> = make(() => lazyView(two), '{{ hostvars.other.y }}');
    const two: ReturnType<typeof createScope> = make(() => lazyView(one), '{{ hostvars.other.y }}');
    expect(problem(() => one.get('y')).code).toBe('circular-variable');
  });

  it('point into the file of the variable that is wrong, and say what needed it', () => {
    const values = placed('vars.yml', { url: 'http://{{ host }}', host: 'db-{{ nmae }}', name: 'x' });
    const d = problem(() => renderValue('{{ url }}', createScope([templated(values)])));
    expect(d.span === undefined ? '' : formatPlace(d.span)).toBe('vars.yml:2:14');
    expect(d.detail).toContain('url → host');
    expect(d.remedy).toBe('did you mean name?');
  });

  it('work after an error as before', () => {
    const scope = createScope([templated({ a: '{{ nope }}', b: 'fine' })]);
    problem(() => scope.get('a'));
    problem(() => scope.get('a'));
    expect(scope.get('b')).toBe('fine');
  });
});

describe('places in parsed YAML', () => {
  it.each([
    ['plain', 'a: x {{ nope }}\n', '1:9'],
    ['single quotes', "a: 'x {{ nope }}'\n", '1:10'],
    ['double quotes', 'a: "x {{ nope }}"\n', '1:10'],
    ['after an escape: the start', 'a: "\\t {{ nope }}"\n', '1:4'],
    ['literal block', 'm:\n  a: |\n    one\n      two {{ nope }}\n', '4:14'],
    ['literal block with indicator', 'a: |-\n  one\n\n  {{ nope }}\n', '4:6'],
    ['folded block: the start', 'a: >-\n  one\n  {{ nope }}\n', '1:4'],
    ['list', 'l:\n  - b\n  - c: "{{ nope }}"\n', '3:12'],
  ])('%s', (_, text, place) => {
    const values = parseYaml({ path: 'v.yml', text }, { dialect: 'strict' });
    const d = problem(() => renderValue(values, createScope([])));
    expect(d.span === undefined ? '' : formatPlace(d.span)).toBe(`v.yml:${place}`);
  });
});

describe('tagged values', () => {
  const span = { file: { path: 'x.yml', text: 'a: !secret x' }, start: 3, end: 12 };
  const encrypted = asValue(new EncryptedValue('armored', span));

  it('are decrypted when used, to secrets that are never templates', () => {
    let calls = 0;
    const decrypt = (): Secret => { calls += 1; return new Secret('{{ braces-kept }}'); };
    const scope = createScope([templated({ s: encrypted, deep: { l: [encrypted] }, text: 'p={{ s }}', unused: encrypted })], { decrypt });
    const text = scope.get('text');
    expect(text instanceof Secret && text.reveal()).toBe('p={{ braces-kept }}');
    expect(scope.get('deep')).toEqual({ l: [expect.any(Secret)] });
    expect(calls).toBe(2);
    expect(problem(() => createScope([templated({ s: encrypted })]).get('s')).code).toBe('no-key');
    expect(renderValue([encrypted] as readonly Value[], scope)).toEqual([expect.any(Secret)]);
  });

  it('keep !unsafe text as it is and refuse !vault', () => {
    const scope = createScope([templated({ u: asValue(new UnsafeText('{{ x }}', span)), v: asValue(new VaultValue('$ANSIBLE_VAULT', span)), t: 'a {{ u }}' })]);
    expect(scope.get('u')).toBe('{{ x }}');
    expect(scope.get('t')).toBe('a {{ x }}');
    expect(problem(() => scope.get('v')).code).toBe('vault-value');
  });
});

describe('rendered copies', () => {
  it('keep positions, and are the value itself when nothing changed', () => {
    const values = placed('t.yml', { a: '{{ x }}', b: 'plain' });
    const scope = createScope([raw({ x: 1 })]);
    const rendered = renderValue(values, scope);
    expect(rendered).toEqual({ a: 1, b: 'plain' });
    expect(spanOf(rendered as object, 'a')).toEqual(spanOf(values, 'a'));
    const same = placed('t.yml', { b: 'plain' });
    expect(renderValue(same, scope)).toBe(same);
    expect(problem(() => renderValue({ '{{ x }}': 1 }, scope)).code).toBe('template-in-key');
  });

  it('keep a key named __proto__ an ordinary key', () => {
    const value = JSON.parse('{"__proto__": "{{ x }}"}') as ValueMap;
    const rendered = renderValue(value, createScope([raw({ x: 1 })])) as ValueMap;
    expect(Object.keys(rendered)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(rendered)).toBe(Object.prototype);
  });
});
