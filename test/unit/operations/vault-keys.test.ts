/** Where keys are when something breaks off: `vault init` and `vault rekey` against a stand-in server. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClusterHost } from '../../../src/operations/inventory.ts';
import type { HostAccess } from '../../../src/operations/hosts.ts';
import type { VaultCluster } from '../../../src/operations/vault/cluster.ts';
import { readHolders, type Holders } from '../../../src/operations/vault/holders.ts';
import { initCluster } from '../../../src/operations/vault/init.ts';
import { vaultObserver, type VaultObserver } from '../../../src/operations/vault/observe.ts';
import { rekey } from '../../../src/operations/vault/rekey.ts';
import { unsealMember } from '../../../src/operations/vault/unseal.ts';
import { Secret } from '../../../src/support/secret.ts';
import { testAuthority, testServer, type Answer, type Asked, type TestServer } from '../services/vault/server.ts';

const KEYS = ['a2V5LW9uZS1vZi10aGUtaW5pdC10ZXN0LTAwMDE=', 'a2V5LXR3by1vZi10aGUtaW5pdC10ZXN0LTAwMDI=', 'a2V5LXRoci1vZi10aGUtaW5pdC10ZXN0LTAwMDM='];
const NOW = new Date('2026-11-26T12:00:00Z');
let dir = '';
let holders: Holders;
let server: TestServer | undefined;
let stop = new AbortController();

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'care-keys-'));
  stop = new AbortController();
  holders = readHolders(await Promise.all(['asha', 'binu', 'chitra'].map(async (name) => ({ name, recipient: await identityToRecipient(await generateX25519Identity()) }))), 2);
});
afterEach(async () => {
  await server?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function at(answer: (asked: Asked) => Answer): Promise<{ readonly cluster: VaultCluster; readonly observer: VaultObserver; readonly member: ClusterHost; readonly asked: () => readonly string[] }> {
  const running = await testServer(answer);
  server = running;
  const member: ClusterHost = { name: 'vault1', address: '10.9.9.9' } as unknown as ClusterHost;
  const cluster: VaultCluster = {
    name: 'care', inventories: [], flavor: 'openbao', seal: 'shamir', members: [member], port: running.port, caFile: '', snapshotDirectory: '', audit: undefined, auditDirectory: '', auditSyslog: true, storage: () => { throw new Error('none'); },
    shareDirectory: dir, holders: () => holders, operatorAuthority: () => testAuthority('operators'),
  };
  const hosts = { forward: () => running.forward() } as unknown as HostAccess;
  return { cluster, observer: vaultObserver(cluster, hosts, running.ca, stop.signal), member, asked: () => running.asked.map((a) => a.path) };
}

const init = ({ cluster, observer }: Awaited<ReturnType<typeof at>>): Promise<unknown> => initCluster({ cluster, observer, holders, now: NOW, seconds: 5, say: () => undefined });
const SHARES = ['asha.age', 'binu.age', 'chitra.age', 'shares.json'];

test('interrupted while the server makes the keys: they are written all the same, and the root token is given back', async () => {
  const lab = await at(({ path }) => {
    if (path === 'sys/init') stop.abort();
    return path === 'sys/init' ? { status: 200, body: { keys_base64: KEYS, root_token: 's.root-token-of-the-init-test' } } : path === 'auth/token/revoke-self' ? { status: 204 } : { status: 500 };
  });
  await expect(init(lab)).rejects.toThrow();
  expect(readdirSync(dir).filter((name) => name !== 'next').sort()).toEqual(SHARES);
  // Nobody was asked anything between the answer and the disk.
  expect(lab.asked()).toEqual(['sys/init', 'auth/token/revoke-self']);
});

test('what goes wrong afterwards is told, and so is a root token that is left', async () => {
  const lab = await at(({ path }) => (path === 'sys/init' ? { status: 200, body: { keys: null, keys_base64: KEYS, root_token: 's.root-token-of-the-init-test' } } : path === 'sys/unseal' ? { status: 400, body: { errors: ['Unseal failed, invalid key'] } } : { status: 500 }));
  const error = await init(lab).then(() => undefined, (wrong: unknown) => wrong);
  expect(error).toMatchObject({ code: 'root-token-left' });
  expect(String(error)).toContain('the shares do not open it: POST sys/unseal: Unseal failed, invalid key');
  expect(readdirSync(dir)).toContain('shares.json');
});

test('the server is given two minutes to make the keys: who hangs up before has lost them', async () => {
  const bounds = vi.spyOn(AbortSignal, 'timeout');
  const lab = await at(() => ({ status: 0, broken: true }));
  await expect(init(lab)).rejects.toMatchObject({ code: 'keys-lost' });
  expect(bounds.mock.calls).toEqual([[120_000]]);
  bounds.mockRestore();
});

test('an answer to init that does not come is told as what it is', async () => {
  const lab = await at(() => ({ status: 0, broken: true }));
  await expect(init(lab)).rejects.toMatchObject({ code: 'keys-lost' });
  expect(lab.asked()).toEqual(['sys/init']);
});

const begun = { started: true, nonce: 'n', t: 2, n: 3, progress: 0, required: 2, verification_required: true };
async function rekeyed(answer: (asked: Asked) => Answer): Promise<unknown> {
  const lab = await at((asked) => (asked.path === 'sys/rotate/root/init' ? { status: 200, body: { data: begun } } : answer(asked)));
  const operator = lab.observer.client(lab.member, { type: 'token', token: new Secret('s.operator-token-of-the-test') });
  try {
    return await rekey({ cluster: lab.cluster, operator, observer: lab.observer, holders, clusterId: 'id', shares: KEYS.slice(0, 2).map((key) => new Secret(key)), now: NOW });
  } finally {
    await operator.close();
  }
}

test('a rekey whose last answer is lost says where both kinds of shares are', async () => {
  const wrong = rekeyed(({ path }) => (path.endsWith('/update') ? { status: 200, body: { data: { complete: true, keys_base64: KEYS, verification_nonce: 'v' } } } : { status: 0, broken: true }));
  await expect(wrong).rejects.toMatchObject({ code: 'shares-not-known' });
  // With the mark by which the next one who gives shares knows that either may count.
  expect(readdirSync(join(dir, 'next')).sort()).toEqual(['asha.age', 'binu.age', 'chitra.age', 'counting', 'shares.json']);
});

test.each([
  ['an error of the server itself leaves it open which shares count', 500, 'counting', true],
  ['a refusal leaves the old ones in force', 400, 'counting', false],
])('when the new shares are shown, %s', async (_what, status, mark, kept) => {
  await expect(rekeyed(({ path }) => (path.endsWith('/update') ? { status: 200, body: { data: { complete: true, keys_base64: KEYS, verification_nonce: 'v' } } } : { status, body: { errors: ['failed to save seal config'] } }))).rejects.toMatchObject(kept ? { code: 'shares-not-known' } : { name: 'VaultTrouble' });
  expect(readdirSync(join(dir, 'next')).includes(mark)).toBe(kept);
});

test('one that was cut off before its shares counted is not blamed on the holders', async () => {
  await expect(rekeyed(() => ({ status: 400, body: { errors: ['rekey operation already finished; verification must be performed; nonce for the verification operation is "v"'] } }))).rejects.toMatchObject({ code: 'not-verified' });
});

test('a member that joins with its shares complete is given no more of them, and waited for', async () => {
  const status = { type: 'shamir', initialized: true, sealed: false, t: 2, n: 3, progress: 0, version: '2.7.2' };
  let given = 0;
  const lab = await at(({ path }) => {
    if (path === 'sys/unseal') given += 1;
    return path === 'sys/unseal' ? { status: 200, body: { sealed: true, t: 2, progress: given % 2 } } : { status: 200, body: { ...status, leader_address: 'https://10.9.9.8:8200' } };
  });
  expect(await unsealMember(lab.observer, lab.member, KEYS.map((key) => new Secret(key)))).toMatchObject({ name: 'vault1', open: true });
  expect(given).toBe(2);
});

test.each([
  ['a server that has too much to do', 429], ['an error of the server itself', 500], ['a policy that does not allow it', 403],
])('%s does not make key shares wrong ones', async (_what, status) => {
  const lab = await at(() => ({ status, body: { errors: ['not now'] } }));
  await expect(unsealMember(lab.observer, lab.member, KEYS.map((key) => new Secret(key)))).rejects.toMatchObject({ name: 'VaultTrouble', trouble: { status } });
  await server?.close();
  await expect(rekeyed(() => ({ status, body: { errors: ['not now'] } }))).rejects.toMatchObject({ name: 'VaultTrouble', trouble: { status } });
});
