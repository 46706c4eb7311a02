/** A private sshd on the loopback and a delaying, cutting TCP proxy, for tests of the transport. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';

export const SSHD = '/usr/sbin/sshd';

export interface Sshd {
  readonly port: number;
  readonly publicKey: string;
  readonly log: () => string;
  readonly stop: () => void;
}

export function makeKey(path: string, type: 'ed25519' | 'rsa' | 'ecdsa', passphrase = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', '', '-f', path]);
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

/** A port that was free a moment ago. */
/** @param wrap program and arguments that sshd is started by (`unshare -m …`) */
export async function startSshd(dir: string, name: string, authorizedKey: string, extra: readonly string[] = [], wrap: readonly string[] = []): Promise<Sshd> {
  const home = join(dir, name);
  mkdirSync(home, { mode: 0o755 });
  const publicKey = makeKey(join(home, 'host_ed25519'), 'ed25519');
  makeKey(join(home, 'host_rsa'), 'rsa');
  copyFileSync(authorizedKey, join(home, 'authorized_keys'));
  chmodSync(join(home, 'authorized_keys'), 0o644);
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  const port = await freePort();
  writeFileSync(join(home, 'config'), [
    'ListenAddress 127.0.0.1', `Port ${String(port)}`, `HostKey ${home}/host_ed25519`, `HostKey ${home}/host_rsa`, `AuthorizedKeysFile ${home}/authorized_keys`,
    'PidFile none', 'StrictModes no', 'LogLevel VERBOSE', ...extra, ...(extra.some((l) => l.startsWith('UsePAM')) ? [] : ['UsePAM no']), '',
  ].join('\n'));
  let log = '';
  const sshd = [SSHD, '-D', '-e', '-f', join(home, 'config')];
  const [program, ...args] = [...wrap, ...sshd];
  const child: ChildProcess = spawn(program ?? SSHD, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr?.on('data', (chunk: Buffer) => { log += chunk.toString(); });
  const deadline = Date.now() + 10_000;
  while (!log.includes('Server listening')) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`sshd did not start: ${log}`);
    await sleep(20);
  }
  return { port, publicKey, log: () => log, stop: () => { child.kill(); } };
}

export interface Proxy {
  readonly port: number;
  /** Ends all connections now, and refuses new ones until {@link Proxy.open}. */
  readonly cut: () => void;
  readonly open: () => Promise<void>;
  readonly close: () => void;
}

/** @param delayMs for each direction */
export async function startProxy(to: number, delayMs: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const make = (): Server => createServer({ noDelay: true }, (client) => {
    const server = createConnection({ host: '127.0.0.1', port: to, noDelay: true });
    for (const [from, into] of [[client, server], [server, client]] as const) {
      sockets.add(from);
      const end = (): void => { setTimeout(() => { into.end(); }, delayMs); };
      from.on('data', (chunk: Buffer) => { setTimeout(() => { if (!into.destroyed) into.write(chunk); }, delayMs); });
      from.on('end', end);
      from.on('error', () => { into.destroy(); });
      from.on('close', () => {
        sockets.delete(from);
        end();
      });
    }
  });
  let server = make();
  const port = await freePort();
  const listen = (): Promise<void> => new Promise((resolve) => { server.listen(port, '127.0.0.1', resolve); });
  await listen();
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    cut,
    open: () => {
      server = make();
      return listen();
    },
    close: cut,
  };
}
