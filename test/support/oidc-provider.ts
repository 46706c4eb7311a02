/** A provider of OpenID Connect on loopback: its discovery document, its key, and tokens that it signs (RFC 7519, ES256). */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import path from 'node:path';
import { createScope } from '../../src/language/scope.ts';
import { renderValue } from '../../src/language/template/index.ts';
import type { ValueMap } from '../../src/support/value.ts';
import { freePort } from './free-port.ts';

const TEMPLATE = path.join(import.meta.dirname, '../../roles/kubernetes/templates/authentication.yaml.hbs');

/** The file of role kubernetes that API servers read. */
export function authenticationConfiguration(issuers: readonly ValueMap[]): string {
  const text = renderValue(readFileSync(TEMPLATE, 'utf8'), createScope([{ values: { kubernetes_oidc_issuers: issuers }, templated: false }]));
  if (typeof text !== 'string') throw new Error('the configuration is text');
  return text;
}

export interface OidcProvider {
  readonly url: string;
  /** @param claims besides iss, iat and exp, or in their place */
  token(claims: Readonly<Record<string, unknown>>): string;
  stop(): Promise<void>;
}

/** @param tls certificate and key for localhost, PEM */
export async function oidcProvider(tls: { readonly cert: string; readonly key: string }): Promise<OidcProvider> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const port = await freePort();
  const url = `https://localhost:${String(port)}/care`;
  const pages: Readonly<Record<string, unknown>> = {
    '/care/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys`, authorization_endpoint: `${url}/auth`, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'] },
    '/care/keys': { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' }] },
  };
  const server = createServer(tls, (request, response) => {
    const page = pages[request.url ?? ''];
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(page ?? {}));
  });
  await new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', resolve); });
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    url,
    token: (claims) => {
      const now = Math.floor(Date.now() / 1000);
      const text = `${part({ alg: 'ES256', kid: 'one', typ: 'JWT' })}.${part({ iss: url, iat: now, exp: now + 600, ...claims })}`;
      return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
    stop: () => new Promise((resolve) => {
      server.close(() => { resolve(); });
      server.closeAllConnections();
    }),
  };
}
