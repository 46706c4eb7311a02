/** A reader of Patroni's REST API over a stream that somebody else opens: an SSH forward, or a plain socket. */
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { readCluster, readConfig, readMember, type ClusterAnswer, type ConfigAnswer, type MemberAnswer } from './answers.ts';

export interface PatroniEndpoint {
  /** Inventory name, for messages. */
  readonly host: string;
  /** A fresh stream to the REST port for each request. */
  readonly open: () => Promise<Duplex>;
  /** The name that the server's certificate must be for. */
  readonly serverName: string;
  /** The CA bundle that it must be signed by (PEM). */
  readonly ca: string;
  /** Milliseconds for one request, the stream's opening included. */
  readonly timeoutMs: number;
}

export interface PatroniClient {
  readonly host: string;
  cluster(signal?: AbortSignal): Promise<ClusterAnswer>;
  /** Answered also while the member does not run, or the configuration store is away. */
  member(signal?: AbortSignal): Promise<MemberAnswer>;
  config(signal?: AbortSignal): Promise<ConfigAnswer>;
  /** The status of a health check such as `/primary`, `/replica?lag=16MB`, `/quorum` (haproxy's questions). */
  health(path: string, signal?: AbortSignal): Promise<number>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The longest answer that is read, in bytes; a cluster of a hundred members needs a tenth of it. */
const LONGEST = 1024 * 1024;

/** @throws Diagnostic `patroni-unreachable` from each method when there is no answer in time */
export function patroniClient(endpoint: PatroniEndpoint): PatroniClient {
  const ask = async (path: string, signal: AbortSignal | undefined): Promise<Answer> => {
    const deadline = AbortSignal.timeout(endpoint.timeoutMs);
    const abort = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
    try {
      return await exchange(endpoint, path, abort);
    } catch (cause) {
      if (cause instanceof Diagnostic && cause.code === 'patroni-unreachable') throw cause;
      const why = deadline.aborted ? `no answer within ${String(endpoint.timeoutMs / 1000)} s` : cause instanceof Error ? cause.message : String(cause);
      throw failure('patroni-unreachable', `${endpoint.host}: Patroni's REST API does not answer: ${why}`, {
        remedy: `see whether Patroni runs there: systemctl status care-patroni; journalctl -u care-patroni`,
        cause,
      });
    }
  };
  const body = async (path: string, signal: AbortSignal | undefined): Promise<string> => {
    const answer = await ask(path, signal);
    // /patroni says 503 while PostgreSQL does not run, and still tells all that it knows.
    if (answer.status !== 200 && !(path === '/patroni' && answer.status === 503)) {
      throw failure('patroni-unreachable', `${endpoint.host}: Patroni answers ${path} with status ${String(answer.status)}`, { detail: answer.body.slice(0, 300) });
    }
    return answer.body;
  };
  return {
    host: endpoint.host,
    cluster: async (signal) => readCluster(await body('/cluster', signal)),
    member: async (signal) => readMember(await body('/patroni', signal)),
    config: async (signal) => readConfig(await body('/config', signal)),
    health: async (path, signal) => (await ask(path, signal)).status,
  };
}

async function exchange(endpoint: PatroniEndpoint, path: string, signal: AbortSignal): Promise<Answer> {
  const stream = await abortable(endpoint.open(), signal, (late) => { late.destroy(); });
  // Errors of the stream reach us through the TLS socket; without a listener of its own one of them would end the process.
  stream.on('error', () => undefined);
  const socket = connect({ socket: stream, servername: endpoint.serverName, ca: endpoint.ca, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] });
  try {
    return await requestOver(socket, path, signal);
  } finally {
    socket.destroy();
    stream.destroy();
  }
}

function requestOver(socket: TLSSocket, path: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    const sent = request({ path, method: 'GET', headers: { host: 'patroni', connection: 'close' }, createConnection: () => socket, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > LONGEST) response.destroy(new Error('the answer is too long'));
      });
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, body: text }); });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** A promise that gives up with the signal; what comes after that is handed to `late`. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal, late: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      promise.then(late, () => undefined);
    };
    if (signal.aborted) { onAbort(); return; }
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        if (!signal.aborted) resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
