/** What the modules about declared data decide, from what a server says. */
import { expect, test } from 'vitest';
import type { Plan } from '../../../../src/host/plan.ts';
import type { AnyQuery, Query } from '../../../../src/host/query.ts';
import { FactsNeeded, type HostView } from '../../../../src/host/view.ts';
import type { Module } from '../../../../src/modules/define.ts';
import { vaultAuth } from '../../../../src/modules/vault_auth/index.ts';
import { vaultDatabase } from '../../../../src/modules/vault_database/index.ts';
import { vaultInfo } from '../../../../src/modules/vault_info/index.ts';
import { vaultKv } from '../../../../src/modules/vault_kv/index.ts';
import { vaultMount } from '../../../../src/modules/vault_mount/index.ts';
import { vaultPkiIntermediate } from '../../../../src/modules/vault_pki_intermediate/index.ts';
import { vaultPolicy } from '../../../../src/modules/vault_policy/index.ts';
import { vaultTransitKey } from '../../../../src/modules/vault_transit_key/index.ts';
import { vaultWrite } from '../../../../src/modules/vault_write/index.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { makeSigner, writeAuthority } from '../../../../src/support/x509/authority.ts';
import { testAuthority } from '../../services/vault/server.ts';
import { fakeHost } from '../fake-host.ts';

const highCa = { ...testAuthority('high'), current: makeSigner({ subject: { common_name: 'high' }, type: 'ec-p256', days: 1, pathLength: 1, permitted: [], rotateAtPercent: 80, overlapDays: 0, rotate: false }, Math.floor(Date.now() / 1000)) };
const local = { '/ca.pem': { content: writeAuthority(testAuthority('site')) }, '/high.pem': { content: writeAuthority(highCa) } };
const login = { url: 'https://10.0.0.1:8200', authority: '/ca.pem', token: new Secret('s.token-of-the-plans-test') };
type Said = Readonly<Record<string, object | null>>;

/** A host through which a server says these things; what it is not asked to say is nothing. */
function host(said: Said, check = false): HostView {
  const fact = <F>(query: Query<F>): F => {
    const { kind, key }: AnyQuery = query;
    if (kind.name !== 'vault-object' || typeof key !== 'object' || key === null) throw new FactsNeeded([query]);
    const answer = said[String(Reflect.get(key, 'path'))] ?? null;
    // The test's author answers for the type of the facts written down.
    return (answer !== null && 'trouble' in answer ? { ok: false, ...answer } : { ok: true, data: answer }) as F;
  };
  return { ...fakeHost({ local, check }), fact };
}

function plan(module: Module, args: object, said: Said, check = false): Plan {
  return module.prepare({ ...login, ...args }).plan(host(said, check));
}
const told = (made: Plan): readonly string[] => (made.type === 'changes' ? made.changes.map((c) => `${c.resource}: ${c.what}`) : [made.type === 'failed' ? `failed: ${made.msg}` : made.type === 'unknown' ? `unknown: ${made.because}` : made.type]);
const after = (made: Plan): string => (made.type === 'changes' ? String(made.changes[0].diff?.after) : '');

const SEALED = { trouble: { kind: 'sealed', status: 503, msg: 'it is sealed', remedy: 'unseal it' } };
const DENIED = { trouble: { kind: 'refused', status: 403, msg: 'GET x: permission denied', remedy: 'the token may not do this' } };
const kv = { 'secret/': { type: 'kv', description: 'd', options: { version: '2' }, config: { default_lease_ttl: 0, max_lease_ttl: 86_400 } } };
const key = { type: 'aes256-gcm96', exportable: false, deletion_allowed: false, auto_rotate_period: 2_592_000, min_decryption_version: 1 };
const database = { plugin_name: 'postgresql-database-plugin', allowed_roles: ['care'], connection_details: { connection_url: 'postgresql://{{username}}:{{password}}@db/x', username: 'vault' } };
const databaseArgs = { name: 'care', connection_url: 'postgresql://{{username}}:{{password}}@db/x', username: 'vault', password: new Secret('a-database-password-here'), allowed_roles: ['care'] };

test.each<[string, Module, object, Said, string]>([
  ['a policy that is as wished', vaultPolicy, { name: 'care', rules: 'path "x" {}\n' }, { 'sys/policies/acl/care': { policy: 'path "x" {}' } }, 'ok'],
  ['one that is not there', vaultPolicy, { name: 'care', rules: 'r' }, {}, 'vault policy care: create'],
  ['one that somebody widened', vaultPolicy, { name: 'care', rules: 'r' }, { 'sys/policies/acl/care': { policy: 'path "*" {}' } }, 'vault policy care: rules'],
  ['a server that is sealed', vaultPolicy, { name: 'care', rules: 'r' }, { 'sys/policies/acl/care': SEALED }, 'failed: it is sealed'],
  ['a token that may not', vaultPolicy, { name: 'care', rules: 'r' }, { 'sys/policies/acl/care': DENIED }, 'failed: GET x: permission denied'],
  ['an engine that is as wished', vaultMount, { path: 'secret', type: 'kv', version: 2, description: 'd', max_lease_ttl: '24h' }, { 'sys/mounts': kv }, 'ok'],
  ['one that is not mounted', vaultMount, { path: 'pki', type: 'pki' }, { 'sys/mounts': kv }, 'vault engine pki: mount pki'],
  ['one that is tuned otherwise', vaultMount, { path: 'secret', type: 'kv', max_lease_ttl: '48h', description: 'e' }, { 'sys/mounts': kv }, 'vault engine secret: max_lease_ttl, description'],
  ['another version is refused', vaultMount, { path: 'secret', type: 'kv', version: 1 }, { 'sys/mounts': kv }, 'failed: engine secret is there with version "2", which is not changed here'],
  ['removing one unasked is refused', vaultMount, { path: 'secret', state: 'absent' }, { 'sys/mounts': kv }, 'failed: engine secret would be lost with all that is in it'],
  ['removing one as asked', vaultMount, { path: 'secret', state: 'absent', confirm: 'secret' }, { 'sys/mounts': kv }, 'vault engine secret: remove, with all that is in it'],
  ['removing what is not there', vaultMount, { path: 'x', state: 'absent' }, { 'sys/mounts': kv }, 'ok'],
  ['a method that is not enabled', vaultAuth, { path: 'approle', type: 'approle' }, { 'sys/auth': {} }, 'vault auth method approle: mount approle'],
  ['a method of another type', vaultAuth, { path: 'approle', type: 'jwt' }, { 'sys/auth': { 'approle/': { type: 'approle' } } }, 'failed: auth method approle is of type approle, not jwt'],
  ['a path that is as wished', vaultWrite, { path: 'auth/approle/role/care', data: { token_ttl: '1h', token_policies: 'b,a' } }, { 'auth/approle/role/care': { token_ttl: 3600, token_policies: ['a', 'b'], more: 1 } }, 'ok'],
  ['a path that differs', vaultWrite, { path: 'a/b', data: { x: 1, y: 2 } }, { 'a/b': { x: 1, y: 3 } }, 'vault a/b: y'],
  ['a path that is not there', vaultWrite, { path: 'a/b', data: { x: 1 } }, {}, 'vault a/b: write'],
  ['a secret alone is not seen', vaultWrite, { path: 'a/b', data: { x: 1 }, secrets: { p: 'q' } }, { 'a/b': { x: 1 } }, 'ok'],
  ['deleting', vaultWrite, { path: 'a/b', state: 'absent' }, { 'a/b': { x: 1 } }, 'vault a/b: delete'],
  ['an entry that is not there', vaultKv, { path: 'care', data: { p: new Secret('a-value-of-the-entry') } }, {}, 'vault entry secret/care: write'],
  ['an entry that was rotated is left', vaultKv, { path: 'care', data: { p: 'old' } }, { 'secret/data/care': { data: { p: 'new' }, metadata: { version: 3 } } }, 'ok'],
  ['unless it is to be kept', vaultKv, { path: 'care', data: { p: 'old' }, update: 'always' }, { 'secret/data/care': { data: { p: 'new' }, metadata: { version: 3 } } }, 'vault entry secret/care: p'],
  ['a key that is missing is added', vaultKv, { path: 'care', data: { p: 'x', q: 'y' } }, { 'secret/data/care': { data: { p: 'new' }, metadata: { version: 3 } } }, 'vault entry secret/care: q'],
  ['nothing is taken for the same that is not', vaultKv, { path: 'care', data: { p: '60s', q: ['a', 'b'], r: 'x\n' }, update: 'always' }, { 'secret/data/care': { data: { p: '1m', q: ['b', 'a'], r: 'x' }, metadata: { version: 3 } } }, 'vault entry secret/care: p, q, r'],
  ['and nothing is there that was not written', vaultKv, { path: 'care', data: { constructor: 'x' } }, { 'secret/data/care': { data: {}, metadata: { version: 3 } } }, 'vault entry secret/care: constructor'],
  ['an entry that was deleted is written anew, behind its last version', vaultKv, { path: 'care', data: { p: 'x' } }, { 'secret/data/care': { data: null, metadata: { version: 3, deletion_time: '2026-11-26T12:00:00Z' } } }, 'vault entry secret/care: write'],
  ['a transit key that is not there', vaultTransitKey, { name: 'care' }, {}, 'vault key transit/care: make, aes256-gcm96'],
  ['one that is as wished', vaultTransitKey, { name: 'care', auto_rotate_period: '30d' }, { 'transit/keys/care': key }, 'ok'],
  ['one that rotates otherwise', vaultTransitKey, { name: 'care', auto_rotate_period: '24h' }, { 'transit/keys/care': key }, 'vault key transit/care: auto_rotate_period'],
  ['one that is something else', vaultTransitKey, { name: 'care', type: 'rsa-4096' }, { 'transit/keys/care': key }, 'failed: key transit/care has type "aes256-gcm96", which can\'t be changed'],
  ['a database that is connected', vaultDatabase, databaseArgs, { 'database/config/care': database }, 'ok'],
  ['one with another login', vaultDatabase, { ...databaseArgs, username: 'other' }, { 'database/config/care': database }, 'vault database database/care: username'],
  ['one that is not there', vaultDatabase, databaseArgs, {}, 'vault database database/care: connect'],
  ['a CA below one that allows none', vaultPkiIntermediate, { common_name: 'Apps', signed_by: '/ca.pem' }, {}, 'failed: the CA that is to sign allows no CA below it'],
  ['a CA whose certificate is none', vaultPkiIntermediate, { common_name: 'Apps', signed_by: '/high.pem' }, { 'pki/issuer/default': { certificate: 'no certificate', key_id: 'k' } }, 'failed: the certificate of the default issuer of pki can\'t be read: it holds no certificate'],
  ['a CA that came in without its key', vaultPkiIntermediate, { common_name: 'Apps', signed_by: '/high.pem' }, { 'pki/issuer/default': { certificate: highCa.current.certificate.pem, key_id: '' } }, 'vault CA pki: make: there is none'],
  ['an engine without a CA', vaultPkiIntermediate, { common_name: 'Apps', signed_by: '/high.pem' }, { 'pki/issuer/default': { trouble: { kind: 'refused', status: 500, msg: 'GET pki/issuer/default: no default issuer currently configured', remedy: undefined } } }, 'vault CA pki: make: there is none'],
  ['looking is an action', vaultInfo, {}, {}, 'action'],
])('%s', (_title, module, args, said, expected) => {
  expect(told(plan(module, args, said))).toEqual([expected]);
});

test('check mode tells what it can, and that it does not know what a sealed server holds', () => {
  expect(told(plan(vaultPolicy, { name: 'care', rules: 'r' }, { 'sys/policies/acl/care': SEALED }, true))).toEqual(['unknown: the server does not tell what it holds: it is sealed']);
  expect(told(plan(vaultPolicy, { name: 'care', rules: 'r' }, { 'sys/policies/acl/care': DENIED }, true))).toEqual(['failed: GET x: permission denied']);
  const noCa = vaultPolicy.prepare({ ...login, authority: '/none.pem', name: 'care', rules: 'r' });
  expect(told(noCa.plan(host({}, true)))).toEqual(['vault policy care: create']);
  expect(told(noCa.plan(host({})))).toEqual(['failed: the CA does not exist']);
});

test('no password and no entry is in what is shown', () => {
  for (const made of [plan(vaultDatabase, databaseArgs, {}), plan(vaultKv, { path: 'care', data: { p: new Secret('a-value-of-the-entry') } }, {}), plan(vaultWrite, { path: 'a/b', data: { x: 1 }, secrets: { p: new Secret('a-value-never-told') } }, {})]) {
    expect(after(made)).not.toMatch(/a-database-password|a-value/);
    expect(after(made)).toContain('********');
  }
});

test.each<[string, Module, object]>([
  ['a policy without rules', vaultPolicy, { name: 'x' }],
  ['an address that is none', vaultPolicy, { name: 'x', rules: 'r', url: 'http://10.0.0.1:8200' }],
  ['an engine without a type', vaultMount, { path: 'x' }],
  ['a path with a slash at its end', vaultMount, { path: 'x/', type: 'kv' }],
  ['a way up', vaultWrite, { path: 'a/../sys/mounts', data: { x: 1 } }],
  ['operating the cluster', vaultWrite, { path: 'sys/step-down', data: { x: 1 } }],
  ['a port that is none', vaultMount, { path: 'x', type: 'kv', url: 'https://10.0.0.1:99999' }],
  ['a type that the server knows under another name', vaultMount, { path: 'x', type: 'kv-v2' }],
  ['removing an engine without its path a second time', vaultWrite, { path: 'sys/mounts/secret', state: 'absent' }],
  ['removing an auth method likewise', vaultWrite, { path: 'sys/auth/approle', state: 'absent' }],
  ['a connection without TLS', vaultDatabase, { ...databaseArgs, connection_url: 'postgresql://{{username}}:{{password}}@db/x?sslmode=disable' }],
  ['a connection that takes no login', vaultDatabase, { ...databaseArgs, connection_url: 'postgresql://u:p@db/x' }],
  ['a policy that operators stand on', vaultPolicy, { name: 'care-operator', state: 'absent' }],
  ['widening one that members stand on', vaultPolicy, { name: 'care-member', rules: 'r' }],
  ['the same by its path', vaultWrite, { path: 'sys/policies/acl/care-operator', state: 'absent' }],
  ['and by its older path', vaultWrite, { path: 'sys/policy/care-member', data: { policy: 'r' } }],
  ['the role of operators', vaultWrite, { path: 'auth/care/certs/operator', state: 'absent' }],
  ['the method of operators', vaultAuth, { path: 'care', state: 'absent', confirm: 'care' }],
  ['the method that the task itself logs in at', vaultAuth, { path: 'approle', state: 'absent', confirm: 'approle', role_id: 'r', secret_id: new Secret('a-secret-id-of-the-test') }],
  ['an entry without keys', vaultKv, { path: 'x', data: {} }],
])('refused: %s', (_title, module, args) => {
  expect(() => module.prepare({ ...login, ...args })).toThrow();
});

test('what a secret takes the place of is not seen either', () => {
  const made = plan(vaultWrite, { path: 'kv/app', data: { password: new Secret('the-new-password'), deep: { token: new Secret('the-new-token-0001') }, user: 'b' } }, { 'kv/app': { password: 'the-old-password', deep: { token: 'the-old-token' }, user: 'a' } });
  expect(made.type === 'changes' ? made.changes.map((c) => c.diff?.before) : []).toEqual(['password: ********\ndeep: ********\nuser: a\n']);
});

test('what stands beside the operators’ access is nobody’s but its owner’s', () => {
  for (const path of ['auth/care/certs/another', 'sys/policies/acl/care', 'auth/care-more/config']) expect(() => vaultWrite.prepare({ ...login, path, data: { x: 1 } })).not.toThrow();
});
