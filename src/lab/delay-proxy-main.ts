/**
 * The delay proxies of one lab, in a process of their own that outlives `lab up`. Its one argument is JSON;
 * it prints its ports as one line of JSON and then stands on its own. It ends when it is told to
 * (SIGTERM), when the lab's directory is gone, or when the lab's owner is.
 */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { z } from 'zod';
import { startDelayProxy, type DelayProxy } from './delay-proxy.ts';
import { isAlive } from './owner.ts';

const Input = z.strictObject({
  rttMs: z.number().positive(),
  /** Name and address of each host; its sshd is on port 22. */
  hosts: z.array(z.strictObject({ name: z.string(), address: z.string() })),
  /** The lab's state file. */
  state: z.string(),
  owner: z.string().optional(),
});

const WATCH_MS = 5_000;
const LOOPBACK = '127.0.0.1';

async function main(): Promise<void> {
  const input = Input.parse(JSON.parse(process.argv[2] ?? '{}'));
  const proxies = new Map<string, DelayProxy>();
  for (const host of input.hosts) {
    proxies.set(host.name, await startDelayProxy({ target: { host: host.address, port: 22 }, rttMs: input.rttMs, listen: { host: LOOPBACK, port: 0 } }));
  }
  // Whoever connects gets the counts as JSON; a snapshot, since a benchmark takes differences.
  const counter = createServer((socket) => {
    socket.on('error', () => { socket.destroy(); });
    socket.end(`${JSON.stringify(Object.fromEntries([...proxies].map(([name, proxy]) => [name, proxy.stats])))}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    counter.once('error', reject);
    counter.listen(0, LOOPBACK, resolve);
  });
  const address = counter.address();
  const statsPort = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ statsPort, ports: Object.fromEntries([...proxies].map(([name, proxy]) => [name, proxy.port])) })}\n`);
  setInterval(() => {
    if (!existsSync(input.state) || (input.owner !== undefined && !isAlive(input.owner))) process.exit(0);
  }, WATCH_MS);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
await main();
