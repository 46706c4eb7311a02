/**
 * The client against a server that ends the connection while a statement is on its way, and lets its side of the stream stand open, as
 * sshd does. The server is a stand-in that knows just enough of the protocol (PostgreSQL's documentation, 55.7); real ones are
 * met in test/integration/modules-postgresql.test.ts, which can't say when.
 */
import { duplexPair, type Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { PostgresClient } from '../../../../src/services/postgres/client.ts';
import { raw } from '../../../../src/services/postgres/sql.ts';

function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
const READY = message('Z', Buffer.from('I'));
const AUTHENTICATED = message('R', Buffer.alloc(4));
const ENDED = message('E', 'SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to administrator command', Buffer.alloc(1));

/** Texts of the statements that each connection got, in order. */
interface Server {
  readonly connections: string[][];
  open(): Promise<Duplex>;
}

/** @param ends whether a connection (counted from 0) ends at a statement */
function serverThat(ends: (connection: number, text: string) => boolean): Server {
  const connections: string[][] = [];
  return {
    connections,
    open: () => {
      const [near, far] = duplexPair();
      const number = connections.length;
      const texts: string[] = [];
      connections.push(texts);
      let greeted = false;
      const answer = (chunk: Buffer): void => {
        if (!greeted) {
          greeted = true;
          far.write(Buffer.concat([AUTHENTICATED, READY]));
          return;
        }
        if (far.writableEnded || chunk.toString('latin1', 0, 1) !== 'Q') return;
        const text = chunk.toString('utf8', 5, chunk.length - 1);
        texts.push(text);
        if (ends(number, text)) far.end(ENDED);
        else far.write(Buffer.concat([message('C', text.split(' ')[0] ?? ''), READY]));
      };
      // Never before the driver's own write has returned: no network answers that soon.
      far.on('end', () => far.end());
      far.on('data', (chunk: Buffer) => { setImmediate(answer, chunk); });
      return Promise.resolve(near);
    },
  };
}

const LIMITS = { signal: AbortSignal.timeout(10_000), timeoutSeconds: 10 };
function clientOf(server: Server): PostgresClient {
  const login = { database: 'care', user: 'care_admin', password: undefined, at: { type: 'socket', directory: '/run/postgresql', port: 5432 }, role: undefined, names: 'user' } as const;
  return new PostgresClient(login, () => Promise.resolve({ forward: () => server.open(), forwardSocket: () => server.open() }));
}

test.each([['before its first statement', 'BEGIN READ ONLY'], ['in the middle', 'SELECT 1']])('a connection that the server ends %s is made anew for what only reads', async (_when, at) => {
  const server = serverThat((connection, text) => connection === 0 && text.startsWith(at));
  const client = clientOf(server);
  // The first is used, so that the next statement goes to a connection that was open already.
  await client.read({ text: 'SELECT 0', values: [] }, LIMITS);
  const [answer] = await client.statements([{ text: 'SELECT 1', values: [] }], 'read only', [], LIMITS);
  expect(answer?.command).toBe('SELECT');
  expect(server.connections).toEqual([['SELECT 0', 'BEGIN READ ONLY', ...(at === 'SELECT 1' ? ['SELECT 1'] : [])], ['BEGIN READ ONLY', 'SELECT 1', 'COMMIT']]);
  await client.close();
});

test('a change that the server ends is told, not made twice, and the next one goes to a new connection', async () => {
  const server = serverThat((connection, text) => connection === 0 && text.startsWith('CREATE'));
  const client = clientOf(server);
  const create = { statements: [raw('CREATE SCHEMA audit')], how: 'alone', quiet: true } as const;
  await expect(client.write(create, LIMITS)).rejects.toMatchObject({ trouble: { kind: 'lost', sqlstate: '57P01' } });
  expect(server.connections).toHaveLength(1);
  await client.write(create, LIMITS);
  expect(server.connections[1]).toContain('CREATE SCHEMA audit');
  await client.close();
});
