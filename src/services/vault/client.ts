/**
 * A client of one OpenBao or Vault server: logs in on first use, and gives its token back at its end. A question is asked once more
 * on a new connection when a kept one has died; a change never is.
 */
import { z } from 'zod';
import type { Service, ServiceClient, Streams } from '../clients.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { HttpServer, type HttpAnswer, type HttpRequest } from './http.ts';
import { clientCertificate, loginId, type VaultLogin } from './login.ts';
import { refusal, troubleWith, VaultTrouble } from './trouble.ts';

export interface Limits {
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number;
  /** For one request, at most, where that is not the usual {@link REQUEST_SECONDS}. */
  readonly requestSeconds?: number;
}

/** A JSON object as the server gives it. */
export type Data = Readonly<Record<string, unknown>>;

const Errors = z.object({ errors: z.array(z.string()).nullish() });
const Answer = z.object({ data: z.record(z.string(), z.unknown()).nullish() });
const Deleted = z.object({ data: z.looseObject({ data: z.null(), metadata: z.record(z.string(), z.unknown()) }) });
const Leased = z.object({ lease_id: z.string() });
const LoggedIn = z.object({ auth: z.object({ client_token: z.string() }) });
/** Answers of sys/ come bare, those of engines in `data`; some in both ways at once (Vault's API, "response envelope"). */
const Bare = z.record(z.string(), z.unknown());

/** Seconds for a request of a task that allows more. */
const REQUEST_SECONDS = 60;
/** Giving a token back may not hold anybody up. */
const FAREWELL_SECONDS = 2;

/** Each part encoded; slashes stay, and so does a query of ours. */
function encoded(path: string): string {
  const query = path.endsWith('?list=true') ? '?list=true' : '';
  return path.slice(0, path.length - query.length).split('/').map(encodeURIComponent).join('/') + query;
}

export class VaultClient implements ServiceClient {
  readonly #login: VaultLogin;
  readonly #server: HttpServer;
  #token: Promise<Secret | undefined> | undefined;

  /** @param streams where connections to the server come from */
  constructor(login: VaultLogin, streams: () => Promise<Pick<Streams, 'forward'>>) {
    this.#login = login;
    const { auth, at } = login;
    const own = auth.type === 'certificate' ? clientCertificate(auth.authority, auth.commonName, Math.floor(Date.now() / 1000)) : undefined;
    this.#server = new HttpServer(at, async () => (await streams()).forward(at.host, at.port), own);
  }

  /** What is at a path: its `data`, or the bare object that some of sys/ give; undefined when there is nothing (404); of a deleted entry of KV version 2 its metadata. @throws VaultTrouble */
  async read(path: string, limits: Limits): Promise<Data | undefined> {
    const answer = await this.#send('GET', path, undefined, limits);
    if (answer.status === 404) return deletedOf(answer);
    return dataOf(this.#judged(answer, `GET ${path}`));
  }

  /** Names below a path; none when there is nothing. @throws VaultTrouble */
  async list(path: string, limits: Limits): Promise<readonly string[]> {
    // The same as the method LIST, which HTTP does not have.
    const answer = await this.#send('GET', `${path}?list=true`, undefined, limits);
    if (answer.status === 404) return [];
    return z.object({ keys: z.array(z.string()).nullish() }).parse(dataOf(this.#judged(answer, `LIST ${path}`))).keys ?? [];
  }

  /** Writes. @returns the answer's data, empty for none. @throws VaultTrouble */
  async write(path: string, body: Data, limits: Limits): Promise<Data> {
    const answer = await this.#send('POST', path, JSON.stringify(body), limits);
    return dataOf(this.#judged(answer, `POST ${path}`));
  }

  /** Deletes; what is not there is deleted. @throws VaultTrouble */
  async remove(path: string, limits: Limits): Promise<void> {
    const answer = await this.#send('DELETE', path, undefined, limits);
    if (answer.status !== 404) this.#judged(answer, `DELETE ${path}`);
  }

  /** Reads what gives credentials. @returns its lease, by which they are given back; the credentials are forgotten. @throws VaultTrouble */
  async lease(path: string, limits: Limits): Promise<string | undefined> {
    const answer = this.#judged(await this.#send('GET', path, undefined, limits), `GET ${path}`);
    const parsed = Leased.safeParse(jsonOf(answer));
    return parsed.success && parsed.data.lease_id !== '' ? parsed.data.lease_id : undefined;
  }

  /** Bytes as they are, such as a snapshot. @throws VaultTrouble */
  async bytes(path: string, limits: Limits, mostBytes: number): Promise<Buffer> {
    const answer = await this.#send('GET', path, undefined, limits, mostBytes);
    return this.#judged(answer, `GET ${path}`).body;
  }

  /** Sends bytes as they are. @throws VaultTrouble */
  async upload(path: string, content: Uint8Array, limits: Limits): Promise<void> {
    this.#judged(await this.#send('POST', path, content, limits), `POST ${path}`);
  }

  /** The HTTP status of a path that tells by it (sys/health). @throws VaultTrouble */
  async status(path: string, limits: Limits): Promise<number> {
    return (await this.#send('GET', path, undefined, limits)).status;
  }

  async close(): Promise<void> {
    const made = this.#token;
    this.#token = undefined;
    const token = this.#login.auth.type === 'token' ? undefined : await made?.catch(() => undefined);
    if (token !== undefined) {
      // Should it not be heard, the token ends by itself soon.
      await this.#exchange({ method: 'POST', path: 'auth/token/revoke-self', headers: this.#headers(token) }, { signal: uninterrupted(), timeoutSeconds: FAREWELL_SECONDS }).catch(() => undefined);
    }
    this.#server.close();
  }

  #headers(token: Secret | undefined): Readonly<Record<string, string>> {
    return {
      'x-vault-request': 'true', accept: 'application/json',
      ...(token === undefined ? {} : { 'x-vault-token': token.reveal() }),
      ...(this.#login.namespace === '' ? {} : { 'x-vault-namespace': this.#login.namespace }),
    };
  }

  async #send(method: HttpRequest['method'], path: string, body: string | Uint8Array | undefined, limits: Limits, mostBytes?: number): Promise<HttpAnswer> {
    const token = await this.#loggedIn(limits);
    const binary = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
    return this.#exchange({ method, path: encoded(path), headers: { ...this.#headers(token), ...binary }, body }, { ...limits, timeoutSeconds: Math.min(limits.timeoutSeconds, mostBytes === undefined && !(body instanceof Uint8Array) ? (limits.requestSeconds ?? REQUEST_SECONDS) : limits.timeoutSeconds), ...(mostBytes === undefined ? {} : { mostBytes }) });
  }

  async #exchange(request: HttpRequest, limits: Limits & { readonly mostBytes?: number }): Promise<HttpAnswer> {
    try {
      return await this.#server.exchange(request, limits);
    } catch (error) {
      const again = error instanceof VaultTrouble && error.trouble.kind === 'silent' && !limits.signal.aborted && /socket hang up|ECONNRESET|EPIPE/.test(error.message);
      if (!again) throw error;
      return this.#server.exchange(request, limits);
    }
  }

  #judged(answer: HttpAnswer, what: string): HttpAnswer {
    if (answer.status >= 200 && answer.status < 300) return answer;
    const parsed = Errors.safeParse(jsonOf(answer));
    throw refusal(answer.status, parsed.success ? (parsed.data.errors ?? []) : [], what);
  }

  async #loggedIn(limits: Limits): Promise<Secret | undefined> {
    if (this.#token === undefined) {
      const asking = this.#logIn(limits);
      this.#token = asking;
      asking.catch(() => { if (this.#token === asking) this.#token = undefined; });
    }
    return this.#token;
  }

  async #logIn(limits: Limits): Promise<Secret | undefined> {
    const { auth } = this.#login;
    if (auth.type === 'none') return undefined;
    if (auth.type === 'token') return auth.token;
    const [path, body] = auth.type === 'certificate' ? [`auth/${auth.mount}/login`, { name: auth.role }] : [`auth/${auth.mount}/login`, { role_id: auth.roleId, secret_id: auth.secretId.reveal() }];
    const answer = await this.#exchange({ method: 'POST', path: encoded(path), headers: { ...this.#headers(undefined), 'content-type': 'application/json' }, body: JSON.stringify(body) }, { ...limits, timeoutSeconds: Math.min(limits.timeoutSeconds, REQUEST_SECONDS) });
    const parsed = LoggedIn.safeParse(jsonOf(this.#judged(answer, `log in at auth/${auth.mount}`)));
    if (!parsed.success) throw troubleWith('lost', `auth/${auth.mount}/login gave no token`);
    return new Secret(parsed.data.auth.client_token);
  }
}

function jsonOf(answer: HttpAnswer): unknown {
  try {
    return JSON.parse(answer.body.toString('utf8'));
  } catch {
    // A balancer's page or nothing at all: the status says enough.
    return undefined;
  }
}

/** An entry of KV version 2 whose newest version was deleted is "not found", and says so with its metadata: a writer must know the version. */
function deletedOf(answer: HttpAnswer): Data | undefined {
  const parsed = Deleted.safeParse(jsonOf(answer));
  return parsed.success ? parsed.data.data : undefined;
}

function dataOf(answer: HttpAnswer): Data {
  const json = jsonOf(answer);
  const enveloped = Answer.safeParse(json);
  if (enveloped.success && enveloped.data.data !== null && enveloped.data.data !== undefined) return enveloped.data.data;
  const bare = Bare.safeParse(json);
  return bare.success ? bare.data : {};
}

export const vault: Service<VaultLogin, VaultClient> = {
  name: 'vault',
  id: loginId,
  make: (login, streams) => new VaultClient(login, streams),
};
