import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startDelayProxy, type DelayProxy } from '../../../src/lab/delay-proxy.ts';

const LOOPBACK = '127.0.0.1';
const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** A server that answers each chunk with the same chunk, and greets when told to. */
async function echoServer(greeting = ''): Promise<number> {
  const server: Server = createServer({ noDelay: true }, (socket) => {
    if (greeting !== '') socket.write(greeting);
    socket.pipe(socket);
    socket.on('error', () => { socket.destroy(); });
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  open.push(server);
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function proxy(port: number, rttMs: number): Promise<DelayProxy> {
  const made = await startDelayProxy({ target: { host: LOOPBACK, port }, rttMs, listen: { host: LOOPBACK, port: 0 } });
  open.push(made);
  return made;
}

async function client(port: number): Promise<Socket> {
  const socket = connect({ host: LOOPBACK, port, noDelay: true, allowHalfOpen: true });
  await once(socket, 'connect');
  open.unshift({ close: () => socket.destroy() });
  return socket;
}

async function received(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size < bytes) return;
      socket.off('data', take);
      resolve(Buffer.concat(chunks));
    };
    socket.on('data', take);
  });
}

describe('startDelayProxy', () => {
  it('takes a round trip for each answer, and two for the first word of the server', async () => {
    const rtt = 60;
    const between = await proxy(await echoServer('hello'), rtt);
    const begun = performance.now();
    const socket = await client(between.port);
    await received(socket, 5);
    const greeted = performance.now() - begun;
    expect(greeted).toBeGreaterThanOrEqual(2 * rtt - 2);
    expect(greeted).toBeLessThan(4 * rtt);
    for (let turn = 0; turn < 3; turn += 1) {
      const asked = performance.now();
      socket.write('ping');
      expect((await received(socket, 4)).toString()).toBe('ping');
      const took = performance.now() - asked;
      expect(took).toBeGreaterThanOrEqual(rtt - 2);
      expect(took).toBeLessThan(2.5 * rtt);
    }
    expect(between.stats).toEqual({ connections: 1, bytesUp: 12, bytesDown: 17, turns: 7 });
  });

  it('keeps order and content of much data, and delays it as a whole, not chunk by chunk', async () => {
    const between = await proxy(await echoServer(), 40);
    const socket = await client(between.port);
    const sent = Buffer.alloc(3 * 1024 * 1024, 'abcdefghijklmnopqrstuvwxyz0');
    const begun = performance.now();
    const back = received(socket, sent.length);
    socket.write(sent);
    expect((await back).equals(sent)).toBe(true);
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(between.stats).toMatchObject({ bytesUp: sent.length, bytesDown: sent.length });
  });

  it('carries the end of a stream after its data', async () => {
    const between = await proxy(await echoServer(), 20);
    const socket = await client(between.port);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.end('last words');
    await once(socket, 'end');
    expect(Buffer.concat(chunks).toString()).toBe('last words');
  });

  it('resets the connection when the host can\'t be reached, and stops when closed', async () => {
    const port = await echoServer();
    await open.splice(0)[0]?.close();
    const between = await proxy(port, 10);
    const socket = await client(between.port);
    socket.resume();
    await expect(once(socket, 'end')).rejects.toThrow('ECONNRESET');
    await between.close();
    await expect(client(between.port)).rejects.toThrow('ECONNREFUSED');
  });
});
