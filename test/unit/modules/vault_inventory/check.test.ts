import { expect, it } from 'vitest';
import { checkVault } from '../../../../src/modules/vault_inventory/check.ts';
import { vaultInventory } from '../../../../src/modules/vault_inventory/index.ts';
import { VaultInventoryArgs } from '../../../../src/modules/vault_inventory/schema.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { goldenCases } from '../golden.ts';

goldenCases(vaultInventory, import.meta.url);

const KEY = new Secret(Buffer.alloc(32, 5).toString('base64'));
const OTHER = new Secret(Buffer.alloc(32, 6).toString('base64'));
const members = (...addresses: readonly string[]): object => ({ members: addresses.map((address, i) => ({ name: `v${String(i + 1)}`, address })) });
const SOUND = { ...members('10.0.0.1', '10.0.0.2', '10.0.0.3'), key_holders: ['asha', 'binu', 'chitra'].map((name) => ({ name, recipient: `age1${name}`, shares: 1 })) };
const check = (more: object): string => checkVault(VaultInventoryArgs.parse({ ...SOUND, ...more })).join('\n');

it.each<[string, object]>([
  ['people open it', {}],
  ['five members', members('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5')],
  ['a key of its own', { seal: 'static', seal_key: KEY, seal_key_id: '1' }],
  ['a change of keys', { seal: 'static', seal_key: KEY, seal_key_id: '2', seal_key_previous: OTHER, seal_key_previous_id: '1' }],
  ['another cluster', { flavor: 'vault', seal: 'transit', transit_address: 'https://other:8200', transit_key: 'k', transit_token: new Secret('s.token-of-the-check') }],
  ['all are lost', { replace: 'all' }],
])('%s: sound', (_what, more) => {
  expect(check(more)).toBe('');
});

it.each<[string, object, RegExp]>([
  ['an even number', members('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'), /4 members/],
  ['more than seven', members(...Array.from({ length: 9 }, (_, i) => `10.0.0.${String(i + 1)}`)), /9 members/],
  ['a name for an address', members('10.0.0.1', 'v2.example', '10.0.0.3'), /v2 has no IPv4 address/],
  ['one address twice', members('10.0.0.1', '10.0.0.1', '10.0.0.3'), /v1 and v2 have the same address/],
  ['a seal that Vault has not', { flavor: 'vault', seal: 'static', seal_key: KEY }, /is OpenBao’s/],
  ['reads that Vault’s standbys do not answer', { flavor: 'vault', standby_reads: true }, /vault_standby_reads/],
  ['a key that is too short', { seal: 'static', seal_key: new Secret('c2hvcnQta2V5LW9mLXRoZS1jaGVjaw==') }, /needs vault_seal_key/],
  ['a previous key without a name', { seal: 'static', seal_key: KEY, seal_key_previous: OTHER }, /belong together/],
  ['one name for two keys', { seal: 'static', seal_key: KEY, seal_key_id: '1', seal_key_previous: OTHER, seal_key_previous_id: '1' }, /another name/],
  ['transit without TLS', { seal: 'transit', transit_address: 'http://other:8200', transit_key: 'k', transit_token: new Secret('s.token-of-the-check') }, /vault_transit_address \(https\)/],
  ['two holders', { key_holders: SOUND.key_holders.slice(0, 2) }, /names 2 people/],
  ['a bucket without an account', { snapshot_s3_url: 'https://s3.example/b' }, /vault_snapshot_s3_access_key/],
  ['one port twice', { port: 8300, cluster_port: 8300 }, /both 8300/],
  ['a port that metrics take', { cluster_port: 9900, metrics_port: 9899 }, /vault_cluster_port is 9900/],
  ['a host that is not there', { replace: 'v9' }, /vault_replace names v9/],
])('%s: refused', (_what, more, expected) => {
  expect(check(more)).toMatch(expected);
});

it('no key is in what is said', () => {
  expect(check({ seal: 'static', seal_key: new Secret('a-wrong-key-of-the-check'), seal_key_previous: new Secret('another-wrong-key'), seal_key_previous_id: '1', snapshot_s3_url: 'https://s3.example/b', snapshot_s3_secret_key: new Secret('ümlaut-in-the-key') })).not.toMatch(/wrong-key|ümlaut/);
});
