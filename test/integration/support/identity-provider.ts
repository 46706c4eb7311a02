/** A real OpenID provider on this machine (oidc-provider), and somebody who logs in there as with a browser. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, request, type Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import Provider from 'oidc-provider';
import type { Authority } from '../../../src/support/x509/authority.ts';
import { issueCertificate } from '../../../src/support/x509/issue.ts';
import { freePort } from '../../support/free-port.ts';

export interface IdentityProvider {
  /** Its issuer, by which it is discovered. */
  readonly url: string;
  /** The one client that it knows. */
  readonly client: { readonly id: string; readonly secret: string };
  /**
   * Goes from an address of the provider through its forms until it is sent to `back`.
   *
   * @returns where it was sent, or the provider's words when it was not
   */
  logIn(address: string, person: string, back: string): Promise<URL | string>;
  stop(): Promise<void>;
}

export interface IdentityWish {
  readonly authority: Authority;
  /** Where people may be sent back to. */
  readonly back: string;
  /** What is told of a person besides the name. */
  readonly departments: Readonly<Record<string, string>>;
}

const MOST_STEPS = 12;

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly cookies: readonly string[];
  readonly body: string;
}

function ask(url: URL, ca: string, cookies: ReadonlyMap<string, string>, form?: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }) };
    const outgoing = request(url, { ca, method: body === undefined ? 'GET' : 'POST', headers, timeout: 10_000 }, (incoming: IncomingMessage) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => { chunks.push(chunk); });
      incoming.on('error', reject);
      incoming.on('end', () => { resolve({ status: incoming.statusCode ?? 0, location: incoming.headers.location, cookies: incoming.headers['set-cookie'] ?? [], body: Buffer.concat(chunks).toString('utf8') }); });
    });
    outgoing.on('error', reject);
    outgoing.on('timeout', () => { outgoing.destroy(new Error('no answer within 10 s')); });
    outgoing.end(body);
  });
}

/** As a browser: keeps cookies, follows redirects, fills in the form for a name and the one for consent. */
async function browse(address: string, ca: string, person: string, back: string): Promise<URL | string> {
  const cookies = new Map<string, string>();
  let at = new URL(address);
  let form: Readonly<Record<string, string>> | undefined;
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const answer = await ask(at, ca, cookies, form);
    for (const cookie of answer.cookies) {
      const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
      if (value === '') cookies.delete(name); else cookies.set(name, value);
    }
    form = undefined;
    if (answer.location !== undefined) {
      at = new URL(answer.location, at);
      if (at.href.startsWith(back)) return at;
      continue;
    }
    const prompt = /name="prompt" value="(login|consent)"/.exec(answer.body)?.[1];
    if (answer.status !== 200 || prompt === undefined) return answer.body;
    at = new URL(/<form[^>]* action="([^"]+)"/.exec(answer.body)?.[1] ?? at, at);
    form = prompt === 'login' ? { prompt, login: person, password: 'of no account here' } : { prompt };
  }
  throw new Error(`not sent back after ${String(MOST_STEPS)} steps`);
}

/** @param wish whose CA signs its certificate, and whom it knows */
export async function startIdentityProvider({ authority, back, departments }: IdentityWish): Promise<IdentityProvider> {
  const port = await freePort();
  const url = `https://127.0.0.1:${String(port)}`;
  const client = { id: 'vault', secret: randomBytes(24).toString('base64url') };
  const now = Math.floor(Date.now() / 1000);
  const issuer = authority.current;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const cert = issueCertificate({ publicKey, subject: { common_name: 'sso' }, sans: ['IP:127.0.0.1'], usages: ['server'], notBefore: now - 60, notAfter: now + 86_400, serial: randomBytes(16), issuer: issuer.certificate, issuerKey: issuer.key });
  const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const provider = new Provider(url, {
    clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [back], grant_types: ['authorization_code'], response_types: ['code'] }],
    jwks: { keys: [{ ...signing, kty: 'RSA', use: 'sig', alg: 'RS256' }] },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    cookies: { keys: [randomBytes(24).toString('base64url')] },
    claims: { openid: ['sub', 'department'] },
    conformIdTokenClaims: false,
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, department: departments[sub] }) }),
  });
  const handle = provider.callback();
  const server: Server = createServer({ cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) }, (incoming, answer) => { void handle(incoming, answer); });
  await new Promise<void>((resolve, reject) => { server.once('error', reject); server.listen(port, '127.0.0.1', resolve); });
  return {
    url, client,
    logIn: (address, person, to) => browse(address, issuer.certificate.pem, person, to),
    stop: () => new Promise((resolve) => { server.close(() => { resolve(); }); server.closeAllConnections(); }),
  };
}
