/**
 * A client of one Kubernetes API: connections through the host's SSH connection, TLS and credentials by the kubeconfig of the host. Objects are sent
 * and read as they are: the library's own serialisers would leave out fields that they do not know, and nobody would be told.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { Agent } from 'undici';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { Service, ServiceClient, Streams } from '../clients.ts';
import { kubernetesLoginId, type KubernetesLogin } from './login.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** As whom it is asked (impersonation); who logs in needs the right to. */
  readonly as?: ApiIdentity | undefined;
}

/** kubernetes.io, "User impersonation". One group: several would be headers of one name, which fetch makes one. */
export interface ApiIdentity {
  readonly user: string;
  readonly group?: string | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** No answer at all: the server is not there, does not speak TLS, or its certificate is not the cluster's. */
export class KubernetesSilent extends Error {
  override readonly name = 'KubernetesSilent';
}

const CONNECT_MS = 10_000;
/** As often as client-go asks again. */
const BUSY_TRIES = 10;
const BUSY_MOST_SECONDS = 10;

interface Ready {
  readonly agent: Agent;
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof import('undici').fetch;
}

/** Credentials that would run a program on the controller, or read its files, are none of a host's. */
function refuseForeign(config: KubeConfig, path: string): void {
  const user = config.getCurrentUser();
  if (user?.exec !== undefined || user?.authProvider !== undefined) throw new KubernetesSilent(`${path} would run a program to log in: only certificates and tokens that stand in it are taken`);
  const files = [config.getCurrentCluster()?.caFile, user?.certFile, user?.keyFile].filter((file) => file !== undefined);
  if (files.length > 0) throw new KubernetesSilent(`${path} names files (${files.join(', ')}), which would be read on the controller: only certificates and tokens that stand in it are taken`);
}

async function connectThrough(streams: Pick<Streams, 'forward'>, server: URL, tls: Readonly<Record<string, unknown>>): Promise<TLSSocket> {
  const { connect } = await import('node:tls');
  const stream = await streams.forward(server.hostname, Number(server.port === '' ? '443' : server.port));
  return new Promise((resolve, reject) => {
    const socket = connect({ ...tls, socket: stream, servername: server.hostname, ALPNProtocols: ['http/1.1'] });
    const timer = setTimeout(() => { socket.destroy(new Error(`no TLS handshake within ${String(CONNECT_MS / 1000)} s`)); }, CONNECT_MS);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once('error', (error: Error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

export class KubernetesClient implements ServiceClient {
  readonly #login: KubernetesLogin;
  readonly #streams: () => Promise<Pick<Streams, 'forward'>>;
  #ready: Promise<Ready> | undefined;

  constructor(login: KubernetesLogin, streams: () => Promise<Pick<Streams, 'forward'>>) {
    this.#login = login;
    this.#streams = streams;
  }

  /**
   * One request. It is made again only where the API server says that it has done nothing and when to come again: 429 with Retry-After, as for a second
   * or two after a definition was made, or when it has too many requests. At most ten times; then that is the answer.
   *
   * @throws KubernetesSilent when there is no answer, Diagnostic when the host is lost
   */
  async request(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    for (let tries = 1; ; tries += 1) {
      const { answer, again } = await this.#once(request, signal);
      if (again === undefined || tries >= BUSY_TRIES) return answer;
      await sleep(again * 1000, undefined, { signal });
    }
  }

  async #once(request: ApiRequest, signal: AbortSignal): Promise<{ readonly answer: ApiAnswer; readonly again: number | undefined }> {
    const ready = await (this.#ready ??= this.#makeReady());
    try {
      const answer = await ready.fetch(new URL(request.path, ready.server), {
        method: request.method,
        headers: { accept: 'application/json', ...ready.headers, ...impersonation(request.as), ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }) },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        dispatcher: ready.agent,
        redirect: 'error',
        signal,
      });
      const text = await answer.text();
      return { answer: { status: answer.status, body: readJson(text) }, again: retryAfter(request, answer.status, answer.headers.get('retry-after')) };
    } catch (error) {
      if (error instanceof Diagnostic) throw error;
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      if (cause instanceof Diagnostic) throw cause;
      throw new KubernetesSilent(`${ready.server} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    const ready = await this.#ready?.catch(() => undefined);
    this.#ready = undefined;
    await ready?.agent.destroy().catch(() => undefined);
  }

  async #makeReady(): Promise<Ready> {
    const [{ KubeConfig }, undici] = await Promise.all([import('@kubernetes/client-node'), import('undici')]);
    const config = new KubeConfig();
    try {
      config.loadFromString(this.#login.config.reveal());
    } catch (error) {
      throw new KubernetesSilent(`${this.#login.path} is no kubeconfig: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    refuseForeign(config, this.#login.path);
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new KubernetesSilent(`${this.#login.path} names no cluster`);
    if (cluster.skipTLSVerify) throw new KubernetesSilent(`${this.#login.path} does not verify the API server: insecure-skip-tls-verify`);
    const options: { ca?: unknown; cert?: unknown; key?: unknown; headers?: Readonly<Record<string, unknown>> } = {};
    await config.applyToHTTPSOptions(options);
    const server = new URL(cluster.server);
    const { ca, cert, key, headers = {} } = options;
    const agent = new undici.Agent({
      connections: 4,
      connect: (_options, callback) => {
        this.#streams().then((streams) => connectThrough(streams, server, { ca, cert, key })).then((socket) => { callback(null, socket); }, (error: unknown) => { callback(error instanceof Error ? error : new Error(String(error)), null); });
      },
    });
    return { agent, server: cluster.server, headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])), fetch: undici.fetch };
  }
}

/** Seconds until a request that was turned away unseen may be made again. A budget that forbids an eviction is no such thing: whoever asked for it waits in their own way. */
function retryAfter(request: ApiRequest, status: number, header: string | null): number | undefined {
  if (status !== 429 || header === null || !/^\d{1,4}$/.test(header) || request.path.split('?')[0]?.endsWith('/eviction') === true) return undefined;
  return Math.min(Number(header), BUSY_MOST_SECONDS);
}

function impersonation(as: ApiIdentity | undefined): Readonly<Record<string, string>> {
  if (as === undefined) return {};
  return { 'impersonate-user': as.user, ...(as.group === undefined ? {} : { 'impersonate-group': as.group }) };
}

/** What is no JSON (a proxy's page) is shown as it is. */
function readJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

export const kubernetesService: Service<KubernetesLogin, KubernetesClient> = {
  name: 'kubernetes',
  id: kubernetesLoginId,
  make: (login, streams) => new KubernetesClient(login, streams),
};
