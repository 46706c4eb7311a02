/** One authenticated SSH client over TCP or over a bastion's forwarded stream. */
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeSSH } from 'node-ssh';
import type { Client } from 'ssh2';
import { Diagnostic } from '../support/diagnostic.ts';
import { prepareAuthentication, type Authentication } from './authentication.ts';
import { interrupted, quoteHostText } from './errors.ts';
import { hostKeyDiagnostic } from './host-key.ts';
import { judgeHostKey, orderAlgorithms, readKnownHosts } from './known-hosts.ts';
import type { Hop } from './route.ts';

/** Handshakes cut off by a busy sshd (MaxStartups) are tried again; nothing else is. */
const HANDSHAKE_TRIES = 5;

export interface SshSettings {
  readonly keepaliveSeconds: number;
}

/** Opens the stream that a handshake goes over; called again for each try. */
export type OpenStream = () => Promise<Duplex>;

/** A TCP connection without Nagle's delay: with it every exec costs 44 ms (`typescript` notes, measured). */
export function openTcp(hop: Hop, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(interrupted(hop.label, 'the connection'));
      return;
    }
    const socket = createConnection({ host: hop.host, port: hop.port, noDelay: true });
    const fail = (error: Diagnostic): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => { fail(interrupted(hop.label, 'the connection')); };
    const timer = setTimeout(() => {
      fail(cannotConnect(hop, `no answer within ${String(hop.connectTimeoutSeconds)} seconds`));
    }, hop.connectTimeoutSeconds * 1000);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => { fail(cannotConnect(hop, error.message, error)); });
    socket.once('connect', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

export function cannotConnect(hop: Hop, why: string, cause?: unknown): Diagnostic {
  return new Diagnostic({
    kind: 'unreachable',
    code: 'cannot-connect',
    summary: `${hop.label}: cannot connect to ${hop.host} port ${String(hop.port)}: ${quoteHostText(why, 300)}`,
    remedy: 'see that the host is up, that sshd runs there and that no firewall is in between; the address is ansible_host, the port ansible_port',
    cause,
  });
}

/**
 * Shakes hands, verifies the host key, authenticates.
 *
 * @throws Diagnostic `unreachable` for each thing that can go wrong, `interrupted` on abort
 */
export async function openClient(hop: Hop, open: OpenStream, settings: SshSettings, signal: AbortSignal | undefined): Promise<Client> {
  for (let attempt = 1; ; attempt += 1) {
    if (signal?.aborted === true) throw interrupted(hop.label, 'the connection');
    const result = await tryClient(hop, await open(), settings, await prepareAuthentication(hop), signal);
    if (!(result instanceof Cut)) return result;
    if (attempt === HANDSHAKE_TRIES) {
      throw cannotConnect(hop, `the connection was cut during the handshake, ${String(HANDSHAKE_TRIES)} times (${result.message})`, result);
    }
    // Full jitter, so that many hosts behind one sshd do not come back together.
    await sleep(100 + Math.random() * 400 * 2 ** attempt, undefined, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
      throw signal?.aborted === true ? interrupted(hop.label, 'the connection') : cause;
    });
  }
}

/** The stream ended before authentication began: a busy sshd does that. */
class Cut extends Error {
  override readonly name = 'Cut';
}

async function tryClient(hop: Hop, stream: Duplex, settings: SshSettings, authentication: Authentication, signal: AbortSignal | undefined): Promise<Client | Cut> {
  const known = await readKnownHosts(hop.knownHostsFiles);
  let refused: Diagnostic | undefined;
  const progress = { authenticating: false };
  const ssh = new NodeSSH();
  const connected = ssh.connect({
    sock: stream,
    username: hop.user,
    readyTimeout: hop.connectTimeoutSeconds * 1000,
    keepaliveInterval: settings.keepaliveSeconds * 1000,
    keepaliveCountMax: 3,
    algorithms: { serverHostKey: orderAlgorithms(known, hop.hostKeyName) },
    hostVerifier: (key: Buffer) => {
      refused = hostKeyDiagnostic(hop.label, hop.hostKeyName, key, judgeHostKey(known, hop.hostKeyName, key), hop.knownHostsFiles);
      return refused === undefined;
    },
    authHandler: (left, _partial, next) => {
      progress.authenticating = true;
      // ssh2 takes false for "nothing left", which its types do not know.
      next(authentication.next(left) as Parameters<typeof next>[0]);
    },
  });
  const client = ssh.connection;
  if (client === null) throw new Error('node-ssh did not make a client');
  // node-ssh takes its listener away once ready; without one, a lost connection would end the process.
  // What the error means is told by the close of every channel.
  client.on('error', () => undefined);
  // Every forward and channel being opened listens for the close.
  client.setMaxListeners(0);
  const onAbort = (): void => { stream.destroy(); };
  signal?.addEventListener('abort', onAbort, { once: true });
  // It may have come while keys were read.
  if (signal?.aborted === true) onAbort();
  try {
    await connected;
    return client;
  } catch (error) {
    client.destroy();
    stream.destroy();
    if (signal?.aborted === true) throw interrupted(hop.label, 'the connection');
    if (refused !== undefined) throw refused;
    const message = error instanceof Error ? error.message : String(error);
    const level = typeof error === 'object' && error !== null && 'level' in error ? error.level : undefined;
    if (level === 'client-authentication') throw authentication.refusal();
    if (level === 'handshake' && /no matching/i.test(message)) throw noCommonAlgorithm(hop, message, error);
    if (level === 'client-timeout') throw cannotConnect(hop, `the SSH handshake took longer than ${String(hop.connectTimeoutSeconds)} seconds`, error);
    if (progress.authenticating) {
      throw new Diagnostic({
        kind: 'unreachable',
        code: 'authentication-failed',
        summary: `${hop.label}: ${hop.host} cut the connection while we logged in as ${hop.user}`,
        detail: authentication.refusal().detail,
        remedy: 'see sshd\'s log on the host; too many keys in the agent (MaxAuthTries) and fail2ban are the usual reasons',
        cause: error,
      });
    }
    return new Cut(message, { cause: error });
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function noCommonAlgorithm(hop: Hop, message: string, cause: unknown): Diagnostic {
  return new Diagnostic({
    kind: 'unreachable',
    code: 'no-common-algorithm',
    summary: `${hop.label}: ${hop.host} and this program have no algorithm in common: ${quoteHostText(message, 200)}`,
    remedy: 'allow curve25519-sha256 (KexAlgorithms), an ed25519, ecdsa or rsa-sha2 host key and aes-gcm or chacha20 in the sshd_config of the host',
    cause,
  });
}
