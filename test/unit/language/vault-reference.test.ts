import { expect, test } from 'vitest';
import { asValue, EncryptedValue } from '../../../src/language/encrypted.ts';
import { isReference, parseReference, referencesIn } from '../../../src/language/vault-reference.ts';

const span = { file: { path: 'inventory.yml', text: '' }, start: 0, end: 0 };

test('a path as the API has it, and a key', () => {
  expect(parseReference('vault:secret/data/care/db#password')).toEqual({ path: 'secret/data/care/db', key: 'password' });
  expect(parseReference('  vault:kv/a.b_c-d#key.1\n')).toEqual({ path: 'kv/a.b_c-d', key: 'key.1' });
});

test.each(['vault:', 'vault:secret', 'vault:secret#', 'vault:#key', 'vault:/secret/x#k', 'vault:secret/x/#k', 'vault:secret//x#k', 'vault:secret/../sys#k', 'vault:a/b#c#d', 'vault:a b#c', 'vault:a?x=1#c'])('%s is meant as a reference and is none', (text) => {
  expect(isReference(text)).toBe(true);
  expect(parseReference(text)).toBeUndefined();
});

test('an age file is no reference', () => {
  expect(isReference('-----BEGIN AGE ENCRYPTED FILE-----\n…')).toBe(false);
});

test('references are found however deep, and encrypted values are not taken for them', () => {
  const one = new EncryptedValue('vault:a/b#c', span);
  const other = new EncryptedValue('-----BEGIN AGE ENCRYPTED FILE-----', span);
  expect(referencesIn({ x: [1, { y: asValue(one) }], z: asValue(other), t: 'vault:a/b#c' })).toEqual([one]);
});
