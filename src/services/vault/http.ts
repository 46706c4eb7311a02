/** Requests to one server over streams that somebody else opens: TLS with a verified server, connections kept, everything bounded. */
import { Agent, request as send } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, checkServerIdentity, type TLSSocket } from 'node:tls';
import type { ClientCertificate, VaultAddress } from './login.ts';
import { addressText } from './login.ts';
import { troubleOf, VaultTrouble } from './trouble.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/v1/`, encoded, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

export interface HttpLimits {
  readonly signal: AbortSignal;
  /** Seconds for the whole. */
  readonly timeoutSeconds: number;
  /** Default 16 MiB. */
  readonly mostBytes?: number;
}

const MOST_BYTES = 16 * 1024 * 1024;
/** Connections at once: a server's own default for a client is far more. */
const CONNECTIONS = 4;
const IDLE_MS = 15_000;

type Open = () => Promise<Duplex>;

/** One server; ends with {@link HttpServer.close}. */
export class HttpServer {
  readonly #at: VaultAddress;
  readonly #agent: Agent;

  /** @param client shown to a server that asks for one */
  constructor(at: VaultAddress, open: Open, client: ClientCertificate | undefined) {
    this.#at = at;
    this.#agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, timeout: IDLE_MS });
    this.#agent.createConnection = (_options, ready) => {
      open().then(
        (stream) => { ready?.(null, secured(stream, at, client)); },
        (error: unknown) => { ready?.(error instanceof Error ? error : new Error(String(error)), undefined as never); },
      );
      return undefined;
    };
  }

  /** @throws VaultTrouble `silent` or `lost`; Diagnostic when the host itself is lost */
  async exchange(request: HttpRequest, limits: HttpLimits): Promise<HttpAnswer> {
    // Without a single CA Node would go by those that everybody trusts.
    if (!/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(this.#at.ca)) {
      throw new VaultTrouble({ kind: 'refused', status: undefined, msg: `there is no certificate of a CA to verify ${addressText(this.#at)} with`, remedy: 'see the CA that is given for its servers: it is empty, holds only a key, or has ended' });
    }
    const reached = { server: false };
    const deadline = AbortSignal.timeout(Math.ceil(limits.timeoutSeconds * 1000));
    try {
      return await this.#once(request, limits, AbortSignal.any([limits.signal, deadline]), () => { reached.server = true; });
    } catch (error) {
      const told = deadline.aborted && !limits.signal.aborted ? new Error(`no answer within ${String(limits.timeoutSeconds)} s`, { cause: error }) : error;
      throw troubleOf(told, reached.server && request.method !== 'GET' ? 'at work' : 'connecting', addressText(this.#at));
    }
  }

  #once(request: HttpRequest, limits: HttpLimits, signal: AbortSignal, onSent: () => void): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      // Node tells a request that has no socket yet only when it gets one: from a host that drops packets never.
      signal.addEventListener('abort', () => { reject(signal.reason instanceof Error ? signal.reason : new Error('aborted')); }, { once: true });
      const length = request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) };
      const outgoing = send(
        { agent: this.#agent, host: this.#at.host, port: this.#at.port, path: `/v1/${request.path}`, method: request.method, headers: { ...request.headers, ...length }, signal },
        (incoming) => { collect(incoming, limits.mostBytes ?? MOST_BYTES).then(resolve, reject); },
      );
      outgoing.on('error', reject);
      // The socket is there and secured: from here on the server may have heard of it.
      outgoing.on('socket', (socket) => { if (!socket.connecting) onSent(); else socket.once('secureConnect', onSent); });
      outgoing.end(request.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function secured(stream: Duplex, at: VaultAddress, client: ClientCertificate | undefined): TLSSocket {
  const name = at.serverName ?? at.host;
  // Errors of the stream reach us through the TLS socket; without a listener of its own one of them would end the process.
  stream.on('error', () => undefined);
  return connect({
    socket: stream, ca: at.ca, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'],
    // A server name is never an address (RFC 6066 section 3); what the certificate is for is checked all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(client ?? {}),
  });
}

function collect(incoming: IncomingMessage, most: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > most) incoming.destroy(new Error(`the answer is longer than ${String(most)} bytes`));
      else chunks.push(chunk);
    });
    incoming.on('end', () => { resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }); });
    incoming.on('error', reject);
  });
}
