/** One HTTP request over a stream that somebody else has opened (here: forwarded through SSH). */
import type { IncomingHttpHeaders, request as HttpRequestFunction } from 'node:http';
import type { Duplex } from 'node:stream';
import type { connect as ConnectFunction, TLSSocket } from 'node:tls';
import { isIP } from 'node:net';

export interface TlsOptions {
  readonly verify: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}
export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly tls: TlsOptions;
  readonly open: (host: string, port: number) => Promise<Duplex>;
  readonly signal: AbortSignal;
}
export interface HttpResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Longest body that is read. */
const BODY_LIMIT = 16 * 1024 * 1024;

/** The host of an address without the brackets of IPv6. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function secure(tlsConnect: typeof ConnectFunction, stream: Duplex, url: URL, tls: TlsOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const host = hostOf(url);
    const socket = tlsConnect({
      socket: stream,
      // SNI carries names only (RFC 6066 section 3); the certificate is checked against the address all the same.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      host,
      rejectUnauthorized: tls.verify,
      ALPNProtocols: ['http/1.1'],
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** The stream, unless the time is up first; one that comes too late is closed. */
function opened(request: HttpRequest, host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(new Error('timed out'));
    };
    request.signal.addEventListener('abort', stop, { once: true });
    if (request.signal.aborted) stop();
    request.open(host, port).then(
      (stream) => {
        request.signal.removeEventListener('abort', stop);
        if (request.signal.aborted) stream.destroy();
        else resolve(stream);
      },
      (error: unknown) => {
        request.signal.removeEventListener('abort', stop);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** @throws Error when no whole answer comes */
export async function send(request: HttpRequest): Promise<HttpResponse> {
  // Imported when they are needed: as ES modules they bring all of Node's fetch and its certificates along, 25 ms at every
  // start of the program. Before the stream is opened: nothing may wait between its opening and its first listener.
  const [http, tls] = await Promise.all([import('node:http'), import('node:tls')]);
  const { url } = request;
  const https = url.protocol === 'https:';
  const port = url.port === '' ? (https ? 443 : 80) : Number(url.port);
  const raw = await opened(request, hostOf(url), port);
  const stop = (): void => {
    raw.destroy(new Error('timed out'));
  };
  request.signal.addEventListener('abort', stop, { once: true });
  if (request.signal.aborted) stop();
  try {
    const stream = https ? await secure(tls.connect, raw, url, request.tls) : raw;
    return await exchange(http.request, request, stream);
  } finally {
    request.signal.removeEventListener('abort', stop);
    raw.destroy();
  }
}

function exchange(httpRequest: typeof HttpRequestFunction, request: HttpRequest, stream: Duplex): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      createConnection: () => stream,
      method: request.method,
      path: `${request.url.pathname}${request.url.search}`,
      headers: {
        host: request.url.host,
        connection: 'close',
        ...request.headers,
        ...(request.body === undefined ? {} : { 'content-length': String(request.body.length) }),
      },
      signal: request.signal,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > BODY_LIMIT) incoming.destroy(new Error(`the answer is longer than ${String(BODY_LIMIT)} bytes`));
        else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('aborted', () => {
        reject(new Error('the connection ended in the middle of the answer'));
      });
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, reason: incoming.statusMessage ?? '', headers: incoming.headers, body: Buffer.concat(chunks) });
      });
    });
    outgoing.end(request.body);
  });
}
