import { describe, expect, test } from 'vitest';
import { asValue, EncryptedValue, UnsafeText } from '../../../../src/language/encrypted.ts';
import { checkOption, type OptionSpec, type OptionType } from '../../../../src/language/playbook/role-spec.ts';
import type { Value } from '../../../../src/support/value.ts';

const span = { file: { path: 'i.yml', text: 'x' }, start: 0, end: 1 };
const encrypted = asValue(new EncryptedValue('-----BEGIN AGE ENCRYPTED FILE-----', span));
const problems = (option: Partial<OptionSpec> & { readonly type: OptionType }, value: Value): readonly string[] => checkOption('x', { description: 'd', ...option }, value, undefined, 'x').map((d) => d.message);

describe('an encrypted value, before there is a key', () => {
  test('may be any text, and is a secret', () => {
    expect(problems({ type: 'string', secret: true, required: true }, encrypted)).toEqual([]);
    expect(problems({ type: 'any' }, encrypted)).toEqual([]);
    expect(problems({ type: 'list', elements: 'string' }, [encrypted])).toEqual([]);
  });

  test('is no number', () => {
    expect(problems({ type: 'integer' }, encrypted)).toEqual(['x must be an integer, not an encrypted text']);
  });
});

test('!unsafe text is judged as the text that it is', () => {
  const unsafe = asValue(new UnsafeText('b', span));
  expect(problems({ type: 'string', choices: ['a', 'b'] }, unsafe)).toEqual([]);
  expect(problems({ type: 'string', choices: ['a'] }, unsafe)).toEqual(['x must be one of a']);
  expect(problems({ type: 'integer' }, unsafe)).toEqual(['x must be an integer, not a string']);
});

test('holds each text of a list to the pattern', () => {
  const option = { type: 'list', elements: 'string', pattern: '.+/' } as const;
  expect(problems(option, ['a/'])).toEqual([]);
  expect(problems(option, ['a/', 'b'])).toEqual(['x[1] must match .+/']);
});
