import { execFileSync } from 'node:child_process';
import { createServer as createHttps } from 'node:https';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { uri } from '../../../../src/modules/uri/index.ts';
import { Diagnostic } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { converse, dial, fakePort } from '../control/port.ts';
import { scratch, sweep } from '../exec.ts';
import { fakeHost } from '../fake-host.ts';

const host = fakeHost({});
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  sweep();
});

async function serve(handler: (request: IncomingMessage, response: ServerResponse, body: string) => void, tls?: { key: string; cert: string; ca?: string }): Promise<string> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.on('data', (d: Buffer) => (body += d.toString()));
    request.on('end', () => {
      handler(request, response, body);
    });
  };
  const server = tls === undefined ? createServer(listener) : createHttps({ ...tls, ...(tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true }) }, listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Sound: a listening TCP server has an AddressInfo.
  return `${tls === undefined ? 'http' : 'https'}://localhost:${String((server.address() as AddressInfo).port)}`;
}
const ask = (args: unknown, port = fakePort({})): ReturnType<typeof converse> => converse(uri.prepare(args).plan(host), port);

describe('requests', () => {
  test('status, headers, JSON, and content only when asked for', async () => {
    const url = await serve((_, response) => response.setHeader('Content-Type', 'application/json').setHeader('X-A', '1').end('{"ok":true}'));
    const result = await ask({ url: `${url}/x?y=1` });
    expect(result).toMatchObject({ changed: false, values: { status: 200, json: { ok: true }, headers: { 'x-a': '1' }, redirected: false } });
    expect(result.values).not.toHaveProperty('content');
    expect((await ask({ url, return_content: true })).values?.['content']).toBe('{"ok":true}');
  });

  test('bodies, headers and credentials as the server gets them', async () => {
    const got: unknown[] = [];
    const url = await serve((request, response, body) => {
      got.push([request.method, request.headers['content-type'], request.headers['authorization'], request.headers['x-token'], body]);
      response.end();
    });
    expect((await ask({ url, method: 'post', body_format: 'json', body: { a: [1, new Secret('hunter22')] }, url_username: 'u', url_password: new Secret('pw12') })).changed).toBe(true);
    await ask({ url, method: 'PUT', body_format: 'form-urlencoded', body: { a: 'x y', b: [1, 2] }, headers: { 'X-Token': new Secret('tok1') } });
    await ask({ url, method: 'PATCH', body: 'raw text' });
    expect(got).toEqual([
      ['POST', 'application/json', `Basic ${Buffer.from('u:pw12').toString('base64')}`, undefined, '{"a":[1,"hunter22"]}'],
      ['PUT', 'application/x-www-form-urlencoded', undefined, 'tok1', 'a=x+y&b=1&b=2'],
      ['PATCH', undefined, undefined, undefined, 'raw text'],
    ]);
  });

  test('a status that is not right fails, with what the server said', async () => {
    const url = await serve((_, response) => response.writeHead(503).end('no leader'));
    expect(await ask({ url })).toMatchObject({ failed: true, changed: false, msg: expect.stringContaining('answered 503 Service Unavailable, not 200: no leader') as string, values: { status: 503, content: 'no leader' } });
    expect((await ask({ url, status_code: [200, 503] })).failed).toBeUndefined();
  });

  test('redirects: followed safely, never for a POST, credentials not to another server', async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve((request, response) => {
      seen.push(request.headers['authorization'], String(request.headers['x-vault-token']), String(request.headers['x-plain']));
      response.end('there');
    });
    const url = await serve((request, response) => response.writeHead(302, { location: request.url === '/loop' ? '/loop' : other }).end());
    expect((await ask({ url, return_content: true, url_username: 'u', url_password: 'p', headers: { 'X-Vault-Token': new Secret('tok-for-one'), 'X-Plain': 'y' } })).values).toMatchObject({ status: 200, content: 'there', redirected: true });
    expect(seen).toEqual([undefined, 'undefined', 'y']);
    expect((await ask({ url, method: 'POST', status_code: 302 })).failed).toBeUndefined();
    expect((await ask({ url: `${url}/loop` })).msg).toContain('more than 10 redirects');
    expect((await ask({ url, follow_redirects: 'none', status_code: 302 })).values?.['redirected']).toBe(false);
  });

  test('no answer, no connection, and a lost host are three different things', async () => {
    const url = await serve(() => undefined);
    expect(await ask({ url, timeout: 0.2 })).toMatchObject({ failed: true, msg: expect.stringContaining('no answer within 0.2 s') as string });
    expect(await ask({ url: 'http://127.0.0.1:1/', timeout: 2 })).toMatchObject({ failed: true, msg: expect.stringContaining('ECONNREFUSED') as string });
    expect(await ask({ url, timeout: 0.1 }, fakePort({ forward: () => new Promise(() => undefined) }))).toMatchObject({ failed: true });
    const lost = new Diagnostic({ kind: 'unreachable', code: 'lost', summary: 'lost' });
    await expect(ask({ url }, fakePort({ forward: () => Promise.reject(lost) }))).rejects.toBe(lost);
  });
});

describe('TLS', () => {
  test('verified against a given CA and by name, with a client certificate', async () => {
    const dir = scratch();
    const run = (...words: string[]): Buffer => execFileSync('openssl', words, { cwd: dir, stdio: 'pipe' });
    run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'k.pem', '-out', 'c.pem', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2');
    const [key, cert] = ['k.pem', 'c.pem'].map((f) => readFileSync(join(dir, f), 'utf8')) as [string, string];
    expect(createPrivateKey(key).asymmetricKeyType).toBe('ec');
    const url = await serve((_, response) => response.end('secure'), { key, cert, ca: cert });
    const client = { client_cert: cert, client_key: new Secret(key) };
    expect((await ask({ url, ca_path: cert, ...client, return_content: true })).values).toMatchObject({ status: 200, content: 'secure' });
    expect((await ask({ url, ...client })).msg).toMatch(/self-signed/);
    expect((await ask({ url, ca_path: cert })).failed).toBe(true);
    const wrongName = fakePort({ forward: (_, port) => dial('127.0.0.1', port) });
    expect((await ask({ url: url.replace('localhost', 'other.test'), ca_path: cert, ...client }, wrongName)).msg).toMatch(/altnames|Hostname/);
    expect((await ask({ url, validate_certs: false, ...client })).failed).toBeUndefined();
  });
});

test('GET reads, other methods change; addresses must be whole and without passwords', () => {
  const mutates = (args: unknown): unknown => {
    const plan = uri.prepare(args).plan(host);
    return plan.type === 'action' ? plan.action.mutates : plan.type;
  };
  expect(mutates({ url: 'http://x/' })).toBe(false);
  expect(mutates({ url: 'http://x/', method: 'head' })).toBe(false);
  expect(mutates({ url: 'http://x/', method: 'DELETE' })).toBe(true);
  expect(() => uri.prepare({ url: 'http://u:p@x/' })).toThrow(/url_password/);
  expect(() => uri.prepare({ url: 'ftp://x/' })).toThrow();
  expect(() => uri.prepare({ url: 'http://x/', body: { a: 1 } })).toThrow(/body_format/);
  expect(() => uri.prepare({ url: 'http://x/', client_cert: 'a' })).toThrow(/together/);
});
