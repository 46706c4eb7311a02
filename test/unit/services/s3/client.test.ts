import { connect, createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Streams } from '../../../../src/services/clients.ts';
import { S3Client } from '../../../../src/services/s3/client.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { testServer, type Answer } from '../vault/server.ts';

/** A store that gives these answers in turn, then the last one for ever; and what it was asked. */
async function asking(answers: readonly Answer[], ask: (client: S3Client) => Promise<unknown>): Promise<{ said: unknown; asked: number }> {
  let next = 0;
  const last = answers.at(-1) ?? { status: 200 };
  const server = await testServer(() => answers[next++] ?? last, ['IP:127.0.0.1']);
  const client = new S3Client({ endpoint: `https://127.0.0.1:${String(server.port)}`, region: 'us-east-1', accessKey: 'care-root', secretKey: new Secret('a-secret-key-of-the-test'), ca: server.ca }, () => Promise.resolve({ forward: () => server.forward() }));
  try {
    const said = await ask(client).catch((error: unknown) => error);
    return { said, asked: server.asked.length };
  } finally {
    await client.close();
    await server.close();
  }
}
const limits = { signal: new AbortController().signal, timeoutSeconds: 5 };
const away: Answer = { status: 429, body: { Code: 'TooManyRequests', Message: 'Please reduce your request rate' } };

test.each(['read', 'write'] as const)('a %s that the store turns away unread is asked again', async (way) => {
  expect(await asking([away, { status: 200 }], (client) => client[way]({ method: 'PUT', path: '/bucket' }, limits))).toMatchObject({ said: { status: 200 }, asked: 2 });
});

test('a change that may have begun is not asked again; what only reads is', async () => {
  const slow: Answer = { status: 503, body: { Code: 'SlowDownWrite', Message: 'later' } };
  expect(await asking([slow, { status: 200 }], (client) => client.write({ method: 'PUT', path: '/bucket' }, limits))).toMatchObject({ said: { trouble: { code: 'SlowDownWrite' } }, asked: 1 });
  expect(await asking([slow, { status: 200 }], (client) => client.read({ method: 'GET', path: '/' }, limits))).toMatchObject({ said: { status: 200 }, asked: 2 });
});

test('a store that turns all requests away is left alone at last, with what to do', async () => {
  const { said, asked } = await asking([away], (client) => client.write({ method: 'PUT', path: '/bucket' }, limits));
  expect(asked).toBe(6);
  expect(String(said)).toMatch(/TooManyRequests[^]*To do: .*requests_max/);
}, 20_000);

test('a store that takes the connection and says nothing is waited for as long as was said, and no longer', async () => {
  const server = createServer((socket) => { socket.on('error', () => undefined); });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  const open: Pick<Streams, 'forward'> = { forward: () => Promise.resolve(connect(port, '127.0.0.1')) };
  // Of the streams this is all that the client takes.
  const client = new S3Client({ endpoint: `https://127.0.0.1:${String(port)}`, region: 'us-east-1', accessKey: 'care-root', secretKey: new Secret('a-secret-key-of-the-test'), ca: undefined }, () => Promise.resolve(open as Streams));
  try {
    await expect(client.read({ method: 'GET', path: '/' }, { signal: new AbortController().signal, timeoutSeconds: 0.3 })).rejects.toMatchObject({ trouble: { kind: 'silent', msg: 'no answer within 0.3 s' } });
  } finally {
    await client.close();
    server.close();
  }
}, 5000);
