/** The client against an HTTPS server of the test's own: verification, one connection for many requests, what is no answer. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Streams } from '../../../../src/services/clients.ts';
import { KubernetesClient, KubernetesSilent } from '../../../../src/services/kubernetes/client.ts';
import { kubernetesLoginId } from '../../../../src/services/kubernetes/login.ts';
import { applyObject, deleteObject, readObject, type Manifest } from '../../../../src/services/kubernetes/objects.ts';
import { Secret } from '../../../../src/support/secret.ts';

let directory = '';
let server: Server;
let port = 0;
let ca = '';
const seen: { method: string; url: string; type: string | undefined; authorization: string | undefined; body: string }[] = [];
let handshakes = 0;
const signal = AbortSignal.timeout(60_000);

const RESOURCES = { resources: [{ name: 'namespaces', kind: 'Namespace', namespaced: false }, { name: 'configmaps', kind: 'ConfigMap', namespaced: true }, { name: 'pods/exec', kind: 'PodExecOptions', namespaced: true }] };

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString();
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-kubernetes-'));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${directory}/key`, '-out', `${directory}/crt`, '-subj', '/CN=api.test', '-addext', 'subjectAltName=DNS:api.test', '-days', '2'], { stdio: 'ignore' });
  ca = readFileSync(`${directory}/crt`, 'utf8');
  server = createServer({ key: readFileSync(`${directory}/key`), cert: ca }, (request, response) => {
    void bodyOf(request).then((body) => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, type: headers['content-type'], authorization: headers.authorization, body });
      const answer = (status: number, value: unknown): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value)); };
      if (url === '/api/v1') answer(200, RESOURCES);
      else if (method === 'PATCH') answer(200, { ...(JSON.parse(body) as object), status: {} });
      else if (url.endsWith('/settings') && method === 'GET') answer(200, { kind: 'ConfigMap', metadata: { name: 'settings' } });
      else if (url.startsWith('/hangs')) request.socket.destroy();
      else if (url.startsWith('/busy') && (url.includes('always') || seen.filter((each) => each.url === url).length < 3)) response.writeHead(429, url.includes('silent') ? {} : { 'retry-after': '0' }).end('{}');
      else if (url.startsWith('/busy')) answer(200, { kind: 'Status' });
      else answer(404, { kind: 'Status', status: 'Failure', reason: 'NotFound', message: `${url} not found`, code: 404 });
    });
  });
  server.on('secureConnection', () => { handshakes += 1; });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const streams: Pick<Streams, 'forward'> = { forward: (_host, number) => Promise.resolve(connect(number, '127.0.0.1')) };
const kubeconfig = (more: { name?: string; ca?: string; user?: object; cluster?: object } = {}): string => JSON.stringify({
  apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
  clusters: [{ name: 'k', cluster: { server: `https://${more.name ?? 'api.test'}:${String(port)}`, 'certificate-authority-data': Buffer.from(more.ca ?? ca).toString('base64'), ...more.cluster } }],
  users: [{ name: 'u', user: more.user ?? { token: 'a-token-of-the-test' } }],
});
const client = (config = kubeconfig()): KubernetesClient => new KubernetesClient({ path: '/admin.conf', config: new Secret(config, { register: false }) }, () => Promise.resolve(streams));
const settings: Manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'care' }, data: { mode: 'a' }, fieldOfTomorrow: { kept: true } };

describe('KubernetesClient', () => {
  it('asks again when it is told when to come again; a budget that forbids an eviction is an answer', async () => {
    const api = client();
    const asked = async (url: string): Promise<readonly [number, number]> => {
      seen.length = 0;
      const { status } = await api.request({ method: 'POST', path: url, body: {} }, signal);
      return [status, seen.length];
    };
    expect(await asked('/busy')).toEqual([200, 3]);
    expect(await asked('/busy/always')).toEqual([429, 10]);
    expect(await asked('/busy/always/silent')).toEqual([429, 1]);
    expect(await asked('/busy/always/eviction?dryRun=All')).toEqual([429, 1]);
    await api.close();
  });

  it('applies an object as it is, unknown fields included, over few connections', async () => {
    const api = client();
    seen.length = 0;
    handshakes = 0;
    const said = await applyObject(api, settings, { fieldManager: 'care-provision', force: true, dryRun: true }, signal);
    expect(said).toMatchObject({ ok: true, value: { fieldOfTomorrow: { kept: true } } });
    expect(await readObject(api, settings, signal)).toMatchObject({ ok: true });
    expect(seen.map((each) => `${each.method} ${each.url}`)).toEqual(['GET /api/v1', 'PATCH /api/v1/namespaces/care/configmaps/settings?fieldManager=care-provision&force=true&fieldValidation=Strict&dryRun=All', 'GET /api/v1/namespaces/care/configmaps/settings']);
    expect([seen[1]?.type, seen[1]?.authorization]).toEqual(['application/apply-patch+yaml', 'Bearer a-token-of-the-test']);
    for (let n = 0; n < 20; n += 1) await readObject(api, settings, signal);
    expect(handshakes).toBeLessThanOrEqual(4);
    await api.close();
  });

  it('gives what the API refuses as what it is', async () => {
    const api = client();
    expect(await readObject(api, { ...settings, metadata: { name: 'other', namespace: 'care' } }, signal)).toMatchObject({ ok: false, status: 404, reason: 'NotFound' });
    expect(await readObject(api, { apiVersion: 'v1', kind: 'Ward', metadata: { name: 'w' } }, signal)).toEqual({ ok: false, status: 404, reason: 'NoKind', msg: 'the API serves no Ward of v1' });
    expect(await readObject(api, { apiVersion: 'v1', kind: 'PodExecOptions', metadata: { name: 'w' } }, signal)).toMatchObject({ reason: 'NoKind' });
    expect(await deleteObject(api, { ...settings, metadata: { name: 'other', namespace: 'care' } }, signal)).toEqual({ ok: true, value: undefined });
    await api.close();
  });

  it.each([
    ['another CA', (): string => kubeconfig({ ca: execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=other', '-days', '2'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString() }), /does not answer: .*(certificate|issuer)/],
    ['another name', (): string => kubeconfig({ name: 'other.test' }), /does not answer: .*altnames/i],
    ['no verification', (): string => kubeconfig({ cluster: { 'insecure-skip-tls-verify': true } }), /does not verify/],
    ['a program to log in with', (): string => kubeconfig({ user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/true', interactiveMode: 'Never' } } }), /would run a program/],
    ['files of the controller', (): string => kubeconfig({ user: { 'client-certificate': '/etc/passwd', 'client-key': '/etc/passwd' } }), /names files \(\/etc\/passwd, \/etc\/passwd\)/],
    ['no kubeconfig', (): string => ': [', /is no kubeconfig/],
  ])('trusts nobody with %s', async (_what, config, why) => {
    const api = client(config());
    const failure = await api.request({ method: 'GET', path: '/readyz' }, signal).then(() => undefined, (error: unknown) => error);
    expect(failure).toBeInstanceOf(KubernetesSilent);
    expect(String(failure)).toMatch(why);
    await api.close();
  });

  it('says when there is no answer, and asks again on a new connection', async () => {
    const api = client();
    await expect(api.request({ method: 'GET', path: '/hangs' }, signal)).rejects.toThrow(KubernetesSilent);
    expect((await api.request({ method: 'GET', path: '/api/v1' }, signal)).status).toBe(200);
    await api.close();
  });

  it('tells logins apart without telling what is in them', () => {
    const one = kubernetesLoginId({ path: '/admin.conf', config: new Secret('one-kubeconfig', { register: false }) });
    expect(one).not.toContain('one-kubeconfig');
    expect(one).not.toBe(kubernetesLoginId({ path: '/admin.conf', config: new Secret('another-one', { register: false }) }));
  });
});
