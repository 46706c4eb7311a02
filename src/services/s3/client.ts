/**
 * A client of one S3 store for one account: HTTP over TLS, over streams through the host's SSH connection. What only reads is
 * asked again when a connection that was kept has died, or while the store is not ready; a change is sent once, and again only
 * where the store turned it away unread.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { Service, ServiceClient, Streams } from '../clients.ts';
import { openPayload, sealPayload } from './admin-payload.ts';
import { loginId, type S3Login } from './login.ts';
import { sign, type S3Request } from './sign.ts';
import { refusal, S3Trouble, troubleOf, TURNED_AWAY, type Trouble } from './trouble.ts';

export interface Limits {
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** The longest answer that is read, in bytes; settings and accounts need a thousandth of it. */
const LONGEST = 16 * 1024 * 1024;
/** Seconds for one request of those that only read. */
const ANSWER_SECONDS = 30;
/** A store that has just been started knows its accounts some seconds later. */
const TRIES = 6;
const PAUSE_MS = 1000;

/** Opens its connections through the host, and keeps some for the next request. */
class TunnelAgent extends Agent {
  readonly #login: S3Login;
  readonly #streams: () => Promise<Pick<Streams, 'forward'>>;

  constructor(login: S3Login, streams: () => Promise<Pick<Streams, 'forward'>>) {
    super({ keepAlive: true, maxSockets: 4 });
    this.#login = login;
    this.#streams = streams;
  }

  override createConnection(_options: object, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const done = callback ?? ((): void => undefined);
    this.#open().then(
      (stream) => { done(null, stream); },
      // The type knows no call without a stream; Node's own agent makes one.
      (error: unknown) => { Reflect.apply(done, undefined, [error]); },
    );
  }

  async #open(): Promise<Duplex> {
    const { hostname, port } = new URL(this.#login.endpoint);
    const host = hostname.replaceAll(/[[\]]/g, '');
    const stream = await (await this.#streams()).forward(host, port === '' ? 443 : Number(port));
    return new Promise((resolve, reject) => {
      const socket = connect({ socket: stream, host, ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }), minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], ...(this.#login.ca === undefined ? {} : { ca: this.#login.ca }) });
      const ended = (): void => { reject(new Error('the store ended the connection before it began')); };
      stream.on('error', () => undefined);
      const slow = setTimeout(() => { socket.destroy(new Error('the store did not secure the connection in time')); }, ANSWER_SECONDS * 1000);
      socket.once('error', reject);
      socket.once('close', ended);
      socket.once('close', () => { clearTimeout(slow); });
      socket.once('secureConnect', () => {
        clearTimeout(slow);
        socket.off('close', ended);
        resolve(socket);
      });
    });
  }
}

/** The request as it may be shown: the query may hold names, never secrets. */
function shown(request: S3Request): string {
  const query = Object.entries(request.query ?? {}).map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&');
  return `${request.method} ${request.path}${query === '' ? '' : `?${query}`}`;
}

function isSuccess(answer: S3Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

export class S3Client implements ServiceClient {
  readonly #login: S3Login;
  readonly #agent: TunnelAgent;

  constructor(login: S3Login, streams: () => Promise<Pick<Streams, 'forward'>>) {
    this.#login = login;
    this.#agent = new TunnelAgent(login, streams);
  }

  /** Asks. @throws S3Trouble when the answer is no success, Diagnostic when the host is lost */
  async read(request: S3Request, limits: Limits): Promise<S3Answer> {
    const bounded = { ...limits, timeoutSeconds: Math.min(limits.timeoutSeconds, ANSWER_SECONDS) };
    return this.#patiently(request, bounded, ({ kind, code }) => kind === 'lost' || (kind === 'silent' && code !== undefined));
  }

  /** Changes something, once. @throws S3Trouble when the answer is no success, Diagnostic when the host is lost */
  async write(request: S3Request, limits: Limits): Promise<S3Answer> {
    return this.#patiently(request, limits, ({ code }) => code === TURNED_AWAY);
  }

  /** The answer whatever its status is. @throws S3Trouble when there is none, Diagnostic when the host is lost */
  async send(request: S3Request, limits: Limits): Promise<S3Answer> {
    let sent = false;
    try {
      const { url, headers } = await sign(this.#login, request);
      const deadline = AbortSignal.timeout(limits.timeoutSeconds * 1000);
      return await new Promise<S3Answer>((resolve, reject) => {
        const signal = AbortSignal.any([limits.signal, deadline]);
        const late = (error: Error): Error => (deadline.aborted ? new Error(`no answer within ${String(limits.timeoutSeconds)} s`) : error);
        // Node tells a request that has no connection yet only when it gets one: from a store that never ends its handshake never.
        signal.addEventListener('abort', () => { reject(late(new Error('interrupted'))); }, { once: true });
        const outgoing = httpsRequest(
          { host: url.hostname, port: url.port === '' ? 443 : url.port, path: `${url.pathname}${url.search}`, method: request.method, headers, agent: this.#agent, setHost: false, signal },
          (response) => { collect(response).then((body) => { resolve({ status: response.statusCode ?? 0, headers: response.headers, body }); }, reject); },
        );
        outgoing.on('socket', () => { sent = true; });
        outgoing.on('error', (error) => { reject(late(error)); });
        outgoing.end(request.body);
      });
    } catch (error) {
      throw troubleOf(error, sent, shown(request));
    }
  }

  /** A body for MinIO's admin API. */
  async sealed(value: unknown): Promise<Buffer> {
    return sealPayload(this.#login.secretKey.reveal(), Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  }

  /** An answer of MinIO's admin API that is sealed. */
  async opened(answer: S3Answer): Promise<string> {
    return (await openPayload(this.#login.secretKey.reveal(), answer.body)).toString('utf8');
  }

  close(): Promise<void> {
    this.#agent.destroy();
    return Promise.resolve();
  }

  /** Asks some times over. @param again whether a trouble is one after which the same may be asked once more */
  async #patiently(request: S3Request, limits: Limits, again: (trouble: Trouble) => boolean): Promise<S3Answer> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#success(request, limits);
      } catch (error) {
        if (!(error instanceof S3Trouble) || !again(error.trouble) || tries >= TRIES || limits.signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, error.trouble.kind === 'lost' ? 0 : PAUSE_MS));
      }
    }
  }

  async #success(request: S3Request, limits: Limits): Promise<S3Answer> {
    const answer = await this.send(request, limits);
    if (!isSuccess(answer)) throw new S3Trouble(refusal(answer.status, answer.body.toString('utf8')), shown(request));
    return answer;
  }
}

async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > LONGEST) throw new Error('the answer is too long');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

export const s3: Service<S3Login, S3Client> = {
  name: 's3',
  id: loginId,
  make: (login, streams) => new S3Client(login, streams),
};
