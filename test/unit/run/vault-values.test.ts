import { expect, test } from 'vitest';
import { EncryptedValue } from '../../../src/language/encrypted.ts';
import type { Inventory } from '../../../src/language/inventory/index.ts';
import type { Scope } from '../../../src/language/scope-types.ts';
import { testServer, type Answer } from '../services/vault/server.ts';
import { fetchVaultValues } from '../../../src/run/vault-values.ts';

const span = { file: { path: 'inventory.yml', text: '' }, start: 0, end: 0 };
// Of an inventory and a scope only this much is asked.
const inventory = { variablesOf: () => ({ password: new EncryptedValue('vault:secret/data/care#password', span) }) } as unknown as Inventory;
const scopeWith = (url: string): Scope => ({ has: () => true, get: () => ({ url, ca: '-----BEGIN CERTIFICATE-----', token: 'a-token-of-the-test' }) }) as unknown as Scope;

test.each(['http://vault.example', 'https://vault.example/v1', 'https://vault.example:99999', 'https://vault.example?x', 'https://me@vault.example', 'https://'])('%s is refused before anybody is asked', async (url) => {
  await expect(fetchVaultValues({ inventory, hosts: ['a'], sources: ['.'] }, scopeWith(url), new AbortController().signal, () => undefined)).rejects.toMatchObject({ code: 'bad-vault-source' });
});

test('each path is asked for once a run, whoever refers to it: a !secret, a template, or both', async () => {
  const server = await testServer(({ path }) => (path === 'auth/token/revoke-self' ? { status: 204 } : { status: 200, body: { data: { data: { password: 'a-value-of-the-server-0001', port: 25 }, metadata: { version: 1 } } } }), ['IP:127.0.0.1']);
  try {
    const scope = { has: () => true, get: () => ({ url: `https://127.0.0.1:${String(server.port)}`, ca: server.ca, token: 'a-token-of-the-test' }) } as unknown as Scope;
    const references = [new EncryptedValue('vault:secret/data/care#password', span), new EncryptedValue('vault:secret/data/care#port', span)];
    const found = new Map<string, string>();
    await fetchVaultValues({ inventory, hosts: ['a', 'b'], sources: ['.'], references }, scope, new AbortController().signal, (name, value) => { found.set(name, value.reveal()); });
    expect([...found]).toEqual([['vault:secret/data/care#password', 'a-value-of-the-server-0001'], ['vault:secret/data/care#port', '25']]);
    expect(server.asked.map((a) => a.path)).toEqual(['secret/data/care']);
  } finally {
    await server.close();
  }
});

test('what a sealed server, a deleted entry and an absent key are told as, at the place that refers to them', async () => {
  const said: Record<string, Answer> = { 'a/sealed': { status: 503, body: { errors: ['Vault is sealed'] } }, 'a/deleted': { status: 404, body: { data: { data: null, metadata: { version: 3, deletion_time: '2026-11-26T12:00:00Z' } } } }, 'a/none': { status: 404, body: { errors: [] } } };
  const server = await testServer(({ path }) => said[path] ?? { status: 500 }, ['IP:127.0.0.1']);
  try {
    const scope = { has: () => true, get: () => ({ url: `https://127.0.0.1:${String(server.port)}`, ca: server.ca, token: 'a-token-of-the-test' }) } as unknown as Scope;
    const none = { variablesOf: () => ({}) } as unknown as Inventory;
    const references = Object.keys(said).map((path, i) => new EncryptedValue(`vault:${path}#key`, { ...span, start: i, end: i + 1 }));
    await expect(fetchVaultValues({ inventory: none, hosts: ['a'], sources: ['.'], references }, scope, new AbortController().signal, () => undefined)).rejects.toMatchObject({
      list: [{ code: 'vault-value-refused', message: expect.stringContaining('sealed') as string }, { code: 'vault-value-missing', message: expect.stringContaining('was deleted') as string }, { code: 'vault-value-missing', message: expect.stringContaining('nothing at a/none') as string }],
    });
  } finally {
    await server.close();
  }
});
