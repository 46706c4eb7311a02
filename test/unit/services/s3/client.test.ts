import { connect, createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Streams } from '../../../../src/services/clients.ts';
import { S3Client } from '../../../../src/services/s3/client.ts';
import { Secret } from '../../../../src/support/secret.ts';

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
