import { expect, test } from 'vitest';
import { EncryptedValue } from '../../../src/language/encrypted.ts';
import type { Inventory } from '../../../src/language/inventory/index.ts';
import type { Scope } from '../../../src/language/scope-types.ts';
import { fetchVaultValues } from '../../../src/run/vault-values.ts';

const span = { file: { path: 'inventory.yml', text: '' }, start: 0, end: 0 };
// Of an inventory and a scope only this much is asked.
const inventory = { variablesOf: () => ({ password: new EncryptedValue('vault:secret/data/care#password', span) }) } as unknown as Inventory;
const scopeWith = (url: string): Scope => ({ has: () => true, get: () => ({ url, ca: '-----BEGIN CERTIFICATE-----', token: 'a-token-of-the-test' }) }) as unknown as Scope;

test.each(['http://vault.example', 'https://vault.example/v1', 'https://vault.example:99999', 'https://vault.example?x', 'https://me@vault.example', 'https://'])('%s is refused before anybody is asked', async (url) => {
  await expect(fetchVaultValues({ inventory, hosts: ['a'], sources: ['.'] }, scopeWith(url), new AbortController().signal, () => undefined)).rejects.toMatchObject({ code: 'bad-vault-source' });
});
