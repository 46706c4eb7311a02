/** Reads manifests and blobs of a container registry (OCI Distribution Specification 1.1): each is what its digest says, or an error. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { LARGEST_BYTES } from './cache.ts';
import { Final, refusal, request } from './request.ts';

const DIGEST = z.string().regex(/^sha256:[0-9a-f]{64}$/);
export const Descriptor = z.object({ mediaType: z.string(), digest: DIGEST, size: z.int().nonnegative().max(LARGEST_BYTES), platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).optional() });
export type Descriptor = z.output<typeof Descriptor>;

const INDEXES = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'];
const MANIFESTS = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'];
export const Index = z.object({ mediaType: z.enum(INDEXES).optional(), manifests: z.array(Descriptor) });
export const Manifest = z.object({ mediaType: z.enum(MANIFESTS).optional(), config: Descriptor, layers: z.array(Descriptor) });

/** "Manifests … should be at most 4 MiB" (the specification, "Pushing Manifests"). */
const LARGEST_MANIFEST = 4 * 1024 * 1024;
const LARGEST_TOKEN = 1024 * 1024;
const SECONDS = 1800;

export interface ImageName {
  /** `registry.example:5000` */
  readonly host: string;
  /** `library/debian` */
  readonly repository: string;
}

/** `docker.io/library/debian`; Docker's registry has another host than its name. */
export function parseImageName(image: string): ImageName {
  const slash = image.indexOf('/');
  const host = image.slice(0, slash);
  return { host: host === 'docker.io' ? 'registry-1.docker.io' : host, repository: image.slice(slash + 1) };
}

/** A test has a registry of its own on this machine, which speaks plain http. */
function origin(host: string): string {
  return /^(localhost|127\.0\.0\.1)(:|$)/.test(host) ? `http://${host}` : `https://${host}`;
}

/**
 * Where a registry sends whoever asks, for a token. Like a redirect it may not lead from https to plain http, not even to this
 * machine, whose services are none of its business.
 *
 * @param challenge its `WWW-Authenticate`
 * @throws Final
 */
export function tokenAddress(challenge: string, registry: URL): URL {
  const said = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
  const realm = URL.parse(said.get('realm') ?? '');
  if (!/^Bearer /i.test(challenge) || realm === null) throw new Final(`${registry.host} wants to know who asks, in a way that is not known here`);
  const refused = refusal(realm, registry, false);
  if (refused !== undefined) throw new Final(refused);
  for (const name of ['service', 'scope']) if (said.has(name)) realm.searchParams.set(name, said.get(name) ?? '');
  return realm;
}

async function wholeOf(answer: Response, most: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(answer)) {
    size += chunk.length;
    if (size > most) throw new Final(`${what} is too large`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export class Registry {
  readonly #name: ImageName;
  readonly #signal: AbortSignal;
  #token: string | undefined;

  constructor(name: ImageName, signal?: AbortSignal) {
    this.#name = name;
    this.#signal = AbortSignal.any([AbortSignal.timeout(SECONDS * 1000), ...(signal === undefined ? [] : [signal])]);
  }

  /** The bytes of a manifest or index. @throws Error when they are not what the digest says */
  async manifest(digest: string): Promise<Buffer> {
    const answer = await this.#get(`manifests/${digest}`, [...INDEXES, ...MANIFESTS].join(', '));
    const bytes = await wholeOf(answer, LARGEST_MANIFEST, `the manifest ${digest}`);
    const got = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (got !== digest) throw new Final(`the registry gave the manifest ${got} for ${digest}`);
    return bytes;
  }

  /** Writes a blob to a file. @throws Error when it is not what the descriptor says */
  async blob(of: Descriptor, file: string): Promise<void> {
    const answer = await this.#get(`blobs/${of.digest}`, '*/*');
    const hash = createHash('sha256');
    let size = 0;
    await pipeline(
      bodyOf(answer),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          size += chunk.length;
          if (size > of.size) throw new Final(`the blob ${of.digest} is larger than its manifest says`);
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(file, { flags: 'wx' }),
      { signal: this.#signal },
    );
    if (size !== of.size || `sha256:${hash.digest('hex')}` !== of.digest) throw new Final(`the registry gave another blob for ${of.digest}`);
  }

  async #get(what: string, accept: string): Promise<Response> {
    const url = new URL(`/v2/${this.#name.repository}/${what}`, origin(this.#name.host));
    const ask = (): Promise<Response> => request(url, { headers: { accept, ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }) }, plainHttp: false, signal: this.#signal });
    let answer = await ask();
    if (answer.status === 401) {
      await answer.body?.cancel();
      this.#token = await this.#authenticate(answer.headers.get('www-authenticate') ?? '');
      answer = await ask();
    }
    if (answer.ok) return answer;
    await answer.body?.cancel();
    throw new Final(`${url.host} answered ${String(answer.status)} to ${what}`);
  }

  /** The token that everybody gets for reading (the Distribution project's "Token Authentication Specification"). */
  async #authenticate(challenge: string): Promise<string> {
    const url = tokenAddress(challenge, new URL(origin(this.#name.host)));
    const answer = await request(url, { headers: {}, plainHttp: false, signal: this.#signal });
    if (!answer.ok) {
      await answer.body?.cancel();
      throw new Final(`${url.host} answered ${String(answer.status)}: the image is not everybody's`);
    }
    const told = z.object({ token: z.string().optional(), access_token: z.string().optional() }).parse(JSON.parse((await wholeOf(answer, LARGEST_TOKEN, `the answer of ${url.host}`)).toString('utf8')));
    const token = told.token ?? told.access_token;
    if (token === undefined) throw new Final(`${url.host} gave no token`);
    return token;
  }
}

async function* bodyOf(answer: Response): AsyncIterable<Buffer> {
  if (answer.body === null) return;
  const body: AsyncIterable<unknown> = Readable.fromWeb(answer.body);
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw new Error('the answer is no bytes');
    yield Buffer.from(chunk);
  }
}
