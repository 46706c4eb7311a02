/** A stand-in for what of a server's HTTP API a client meets: TLS by a CA of the test, client certificates asked for, answers by the test. */
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { issueCertificate } from '../../../../src/support/x509/issue.ts';
import { makeSigner, type Authority } from '../../../../src/support/x509/authority.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly body: string;
  /** CN of the client's certificate. */
  readonly client: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  /** Breaks the connection in place of an answer. */
  readonly broken?: boolean;
}

export interface TestServer {
  readonly ca: string;
  readonly port: number;
  readonly asked: readonly Asked[];
  /** Connections made. */
  connections(): number;
  forward(): Promise<Duplex>;
  close(): Promise<void>;
}

const now = (): number => Math.floor(Date.now() / 1000);

export function testAuthority(name: string): Authority {
  return { current: makeSigner({ subject: { common_name: name }, type: 'ec-p256', days: 1, pathLength: 0, permitted: [], rotateAtPercent: 80, overlapDays: 0, rotate: false }, now()), next: undefined, previous: [] };
}

/** Without a certificate node gives an empty object. */
function clientOf(socket: TLSSocket): string | undefined {
  const given: Partial<ReturnType<TLSSocket['getPeerCertificate']>> = socket.getPeerCertificate();
  const name = given.subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

export async function testServer(answer: (asked: Asked) => Answer, names: readonly string[] = ['IP:10.9.9.9']): Promise<TestServer> {
  const authority = testAuthority('servers');
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const issuer = authority.current;
  const cert = issueCertificate({ publicKey, subject: { common_name: 's' }, sans: names, usages: ['server'], notBefore: now() - 60, notAfter: now() + 3600, serial: randomBytes(16), issuer: issuer.certificate, issuerKey: issuer.key });
  const asked: Asked[] = [];
  let made = 0;
  const server: Server = createServer({ cert, key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'pkcs8', format: 'pem' }), requestCert: true, rejectUnauthorized: false }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => { body += chunk; }).on('end', () => {
      const { socket } = request;
      const subject = socket instanceof TLSSocket ? clientOf(socket) : undefined;
      const token = request.headers['x-vault-token'];
      const seen: Asked = { method: request.method ?? '', path: (request.url ?? '').replace('/v1/', ''), token: typeof token === 'string' ? token : undefined, body, client: subject };
      asked.push(seen);
      const { status, body: json, broken } = answer(seen);
      if (broken === true) { socket.destroy(); return; }
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(json === undefined ? '' : JSON.stringify(json));
    });
  });
  server.on('secureConnection', () => { made += 1; });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  return {
    ca: issuer.certificate.pem, port, asked, connections: () => made,
    forward: () => Promise.resolve(connect(port, '127.0.0.1')),
    close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => { resolve(); }); }),
  };
}
