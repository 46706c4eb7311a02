/** Starts, asks and stops the process of a lab's delay proxies. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { failure } from '../support/diagnostic.ts';
import type { ProxyStats } from './delay-proxy.ts';
import { isAlive, ownerOf } from './owner.ts';
import { lastLines } from './process.ts';

const START_MS = 20_000;
const STOP_MS = 5_000;
const MOST_OUTPUT = 1024 * 1024;

export interface RunningProxy {
  /** Process of the proxies, as owner.ts names it. */
  readonly owner: string;
  readonly statsPort: number;
  /** Port on loopback by host name. */
  readonly ports: ReadonlyMap<string, number>;
}

export interface ProxyRequest {
  readonly rttMs: number;
  readonly hosts: readonly { readonly name: string; readonly address: string }[];
  /** The lab's state file: the proxies end when it is gone. */
  readonly state: string;
  readonly owner: string | undefined;
}

const Ready = z.strictObject({ statsPort: z.int(), ports: z.record(z.string(), z.int()) });

/** The program: a TypeScript file in a checkout (Node strips the types), a bundle of its own beside ours when built. */
function program(): string {
  for (const name of ['./delay-proxy-main.ts', './delay-proxy-main.mjs']) {
    const path = fileURLToPath(new URL(name, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw failure('delay-proxy', 'the delay proxy is missing beside the program', { remedy: 'build again: npm run build' });
}

/** Starts the proxies and returns once all listen. */
export async function startProxies(request: ProxyRequest): Promise<RunningProxy> {
  const child = spawn(process.execPath, [program(), JSON.stringify(request)], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  const line = await new Promise<string>((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill('SIGKILL');
      reject(failure('delay-proxy', `the delay proxy did not start: ${why}`, { detail: lastLines(err) }));
    };
    const timer = setTimeout(() => { fail(`no answer within ${START_MS / 1000} s`); }, START_MS);
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      if (!out.includes('\n')) return;
      clearTimeout(timer);
      resolve(out);
    });
    child.stderr.on('data', (chunk: Buffer) => { if (err.length < MOST_OUTPUT) err += chunk.toString('utf8'); });
    child.on('error', (cause) => { clearTimeout(timer); fail(cause.message); });
    child.on('exit', (code) => { clearTimeout(timer); fail(`it ended with status ${String(code)}`); });
  });
  // From here on it stands on its own: nothing of it holds this process.
  child.removeAllListeners();
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
  const ready = Ready.parse(JSON.parse(line));
  return { owner: ownerOf(child.pid ?? 0), statsPort: ready.statsPort, ports: new Map(Object.entries(ready.ports)) };
}

/** Stops the proxies; a process that is gone, or whose number another one has by now, is left alone. */
export async function stopProxies(owner: string): Promise<void> {
  const pid = Number(owner.split(':')[0]);
  if (!isAlive(owner) || !Number.isInteger(pid) || pid <= 1) return;
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + STOP_MS;
  while (isAlive(owner) && Date.now() < deadline) await sleep(50);
  if (isAlive(owner)) process.kill(pid, 'SIGKILL');
}

const Stats = z.record(z.string(), z.strictObject({ connections: z.number(), bytesUp: z.number(), bytesDown: z.number(), turns: z.number() }));

/** What passed the proxies since they started, by host name. */
export async function readProxyStats(statsPort: number): Promise<ReadonlyMap<string, Readonly<ProxyStats>>> {
  const text = await new Promise<string>((resolve, reject) => {
    let all = '';
    const socket = connect({ host: '127.0.0.1', port: statsPort, timeout: START_MS });
    socket.on('data', (chunk: Buffer) => { all += chunk.toString('utf8'); });
    socket.on('end', () => { resolve(all); });
    socket.on('timeout', () => { socket.destroy(new Error('no answer')); });
    socket.on('error', (cause) => { reject(failure('delay-proxy', `the delay proxy does not answer: ${cause.message}`, { cause })); });
  });
  return new Map(Object.entries(Stats.parse(JSON.parse(text))));
}
