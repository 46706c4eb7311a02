import { afterEach, expect, test } from 'vitest';
import { VaultClient } from '../../../../src/services/vault/client.ts';
import type { VaultAuth } from '../../../../src/services/vault/login.ts';
import { VaultTrouble } from '../../../../src/services/vault/trouble.ts';
import { Diagnostic, failure } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { testAuthority, testServer, type Answer, type Asked, type TestServer } from './server.ts';

let server: TestServer | undefined;
let client: VaultClient | undefined;
afterEach(async () => {
  await client?.close();
  await server?.close();
  server = undefined;
  client = undefined;
});

const limits = { signal: new AbortController().signal, timeoutSeconds: 5 };
const TOKEN = new Secret('s.token-of-the-test-0001');

async function started(answer: (asked: Asked) => Answer, auth: VaultAuth = { type: 'token', token: TOKEN }, names?: readonly string[]): Promise<{ readonly client: VaultClient; readonly server: TestServer }> {
  const at = await testServer(answer, names);
  server = at;
  const made = new VaultClient({ at: { host: '10.9.9.9', port: at.port, ca: at.ca }, auth, namespace: '' }, () => Promise.resolve({ forward: () => at.forward() }));
  client = made;
  return { client: made, server: at };
}

async function trouble(work: Promise<unknown>): Promise<VaultTrouble['trouble']> {
  try {
    await work;
  } catch (error) {
    if (error instanceof VaultTrouble) return error.trouble;
    throw error;
  }
  throw new Error('nothing went wrong');
}

test('reads what is in data, what comes bare, and nothing', async () => {
  const { client: c, server: s } = await started(({ path }) => (path === 'sys/seal-status' ? { status: 200, body: { sealed: true } } : path === 'kv/none' ? { status: 404, body: { errors: [] } } : { status: 200, body: { data: { a: 1 }, warnings: null } }));
  expect(await c.read('sys/seal-status', limits)).toEqual({ sealed: true });
  expect(await c.read('kv/some thing', limits)).toEqual({ a: 1 });
  expect(await c.read('kv/none', limits)).toBeUndefined();
  expect(await c.list('kv/none', limits)).toEqual([]);
  expect(s.asked.map((a) => [a.method, a.path, a.token])).toEqual([['GET', 'sys/seal-status', TOKEN.reveal()], ['GET', 'kv/some%20thing', TOKEN.reveal()], ['GET', 'kv/none', TOKEN.reveal()], ['GET', 'kv/none?list=true', TOKEN.reveal()]]);
  expect(s.connections()).toBe(1);
});

test('logs in once with a certificate made for it, works with the token that it gets, and gives it back at the end', async () => {
  const { client: c, server: s } = await started(
    ({ path }) => (path === 'auth/care/login' ? { status: 200, body: { auth: { client_token: 's.fresh-token-of-the-test' } } } : { status: 200, body: { data: {} } }),
    { type: 'certificate', authority: testAuthority('operators'), commonName: 'care-operator', mount: 'care', role: 'operator' },
  );
  await Promise.all([c.read('a', limits), c.read('b', limits)]);
  await c.close();
  expect(s.asked.map((a) => a.path).filter((p) => p === 'auth/care/login')).toHaveLength(1);
  expect(s.asked[0]).toMatchObject({ client: 'care-operator', token: undefined, body: '{"name":"operator"}' });
  expect(s.asked.at(-1)).toMatchObject({ path: 'auth/token/revoke-self', token: 's.fresh-token-of-the-test' });
});

test('a login that is refused is asked again by the next question, and says what to do', async () => {
  let good = false;
  const auth: VaultAuth = { type: 'approle', mount: 'approle', roleId: 'r', secretId: new Secret('secret-id-of-the-test') };
  const { client: c } = await started(({ path }) => (path === 'auth/approle/login' ? (good ? { status: 200, body: { auth: { client_token: 's.t1-of-the-test' } } } : { status: 400, body: { errors: ['invalid role or secret ID'] } }) : { status: 200, body: { data: { ok: true } } }), auth);
  expect(await trouble(c.read('x', limits))).toMatchObject({ kind: 'refused', status: 400, remedy: expect.stringContaining('role_id') as string });
  good = true;
  expect(await c.read('x', limits)).toEqual({ ok: true });
});

test.each<[string, Answer, object]>([
  ['sealed', { status: 503, body: { errors: ['Vault is sealed'] } }, { kind: 'sealed', remedy: expect.stringContaining('vault unseal') as string }],
  ['not initialised', { status: 400, body: { errors: ['Vault is not initialized'] } }, { kind: 'uninitialized' }],
  ['without a leader', { status: 500, body: { errors: ['local node not active but active cluster node not found'] } }, { kind: 'no-leader' }],
  ['a standby that has lost its leader', { status: 307 }, { kind: 'no-leader' }],
  ['not allowed', { status: 403, body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] } }, { kind: 'refused', status: 403 }],
  ['a page of a balancer', { status: 502 }, { kind: 'refused', status: 502, msg: 'GET a: status 502' }],
])('what a server says is told apart: %s', async (_title, answer, expected) => {
  const { client: c } = await started(() => answer);
  expect(await trouble(c.read('a', limits))).toMatchObject(expected);
});

test('a question is asked again when a kept connection has died; a change is not, and what became of it is said to be unknown', async () => {
  let breaking = false;
  const { client: c, server: s } = await started(() => ({ status: 200, body: { data: {} }, broken: breaking }));
  await c.read('a', limits);
  breaking = true;
  expect(await trouble(c.write('a', { x: 1 }, limits))).toMatchObject({ kind: 'lost' });
  expect(s.asked.filter((a) => a.method === 'POST')).toHaveLength(1);
  const before = s.asked.length;
  expect(await trouble(c.read('a', limits))).toMatchObject({ kind: 'silent' });
  expect(s.asked.length - before).toBe(2);
});

test('a server whose certificate is for another name, or of another CA, is not talked to', async () => {
  const { client: c, server: s } = await started(() => ({ status: 200, body: {} }), { type: 'token', token: TOKEN }, ['IP:10.9.9.8']);
  expect(await trouble(c.read('a', limits))).toMatchObject({ kind: 'silent', msg: expect.stringContaining('10.9.9.9') as string });
  const stranger = new VaultClient({ at: { host: '10.9.9.8', port: s.port, ca: testAuthority('others').current.certificate.pem }, auth: { type: 'token', token: TOKEN }, namespace: '' }, () => Promise.resolve({ forward: () => s.forward() }));
  expect(await trouble(stranger.read('a', limits))).toMatchObject({ kind: 'silent' });
  expect(s.asked).toEqual([]);
});

test('nobody listens: silent; the host is lost: its own error; no answer in time: bounded', async () => {
  const at = { host: 'h', port: 1, ca: testAuthority('x').current.certificate.pem };
  const closed = new VaultClient({ at, auth: { type: 'none' }, namespace: '' }, () => Promise.resolve({ forward: () => Promise.reject(failure('forward-failed', 'nobody listens on h:1')) }));
  expect(await trouble(closed.read('a', limits))).toMatchObject({ kind: 'silent', msg: 'h:1 does not answer: nobody listens on h:1' });
  const lost = new VaultClient({ at, auth: { type: 'none' }, namespace: '' }, () => Promise.reject(new Diagnostic({ kind: 'unreachable', code: 'connection-lost', summary: 'gone' })));
  await expect(lost.read('a', limits)).rejects.toMatchObject({ code: 'connection-lost' });
  // A firewall that drops packets: the stream never comes.
  const dropped = new VaultClient({ at, auth: { type: 'none' }, namespace: '' }, () => Promise.resolve({ forward: () => new Promise(() => undefined) }));
  expect(await trouble(dropped.read('a', { ...limits, timeoutSeconds: 0.2 }))).toMatchObject({ kind: 'silent', msg: 'h:1 does not answer: no answer within 0.2 s' });
  const { client: c } = await started(() => ({ status: 200, body: { long: 'x'.repeat(100) } }));
  await expect(c.bytes('a', { ...limits }, 50)).rejects.toMatchObject({ trouble: { kind: 'silent', msg: expect.stringContaining('longer than 50 bytes') as string } });
});

test('without a CA nobody is asked: not by those that everybody trusts either', async () => {
  const at = await testServer(() => ({ status: 200, body: {} }));
  server = at;
  const made = new VaultClient({ at: { host: '10.9.9.9', port: at.port, ca: '' }, auth: { type: 'token', token: TOKEN }, namespace: '' }, () => Promise.resolve({ forward: () => at.forward() }));
  client = made;
  expect(await trouble(made.read('sys/seal-status', limits))).toMatchObject({ kind: 'refused', msg: `there is no certificate of a CA to verify 10.9.9.9:${String(at.port)} with` });
  expect(at.connections()).toBe(0);
});
