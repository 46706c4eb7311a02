/**
 * What an S3 store must do for CARE, whatever it is made by: seen as its clients see it, over TLS. Told from outside are the
 * accounts, three buckets, and how to look at a raw drive. A store that passes may take the place of another.
 */
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { S3Client, type S3Answer } from '../../../src/services/s3/client.ts';
import { presign, type S3Request } from '../../../src/services/s3/sign.ts';
import { childText, children, parseXml, xml } from '../../../src/services/s3/xml.ts';
import { Secret } from '../../../src/support/secret.ts';

export interface Account {
  readonly name: string;
  readonly key: string;
}

export type Verb = 'get' | 'put' | 'delete' | 'list' | 'put-policy';
export const VERBS: readonly Verb[] = ['get', 'put', 'delete', 'list', 'put-policy'];

export interface Store {
  /** `https://name:port`, as clients write it. */
  readonly endpoint: string;
  /** Where that name leads to: another address each time, where there are several. */
  readonly address: () => string;
  readonly region: string;
  readonly ca: string;
  /** May do everything but what nobody may. */
  readonly root: Account;
}

/** A client of the store, straight over TCP. */
export function clientOf(store: Store, account: Account): S3Client {
  const streams = { forward: (_host: string, port: number): Promise<Socket> => tcp(store.address(), port) };
  return new S3Client({ endpoint: store.endpoint, region: store.region, accessKey: account.name, secretKey: new Secret(account.key), ca: store.ca }, () => Promise.resolve(streams));
}

function tcp(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, noDelay: true });
    // A host that is off says nothing: the next address is tried soon.
    socket.setTimeout(2000, () => { socket.destroy(new Error(`no connection to ${host} within 2 s`)); });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(20_000, () => { socket.destroy(new Error('nothing was said for 20 s')); });
      resolve(socket);
    });
  });
}

const LIMITS = { timeoutSeconds: 30, signal: new AbortController().signal };

/** Requests of one account: the answer whatever its status is. */
export class Caller {
  readonly #client: S3Client;
  constructor(store: Store, account: Account) {
    this.#client = clientOf(store, account);
  }

  send(method: S3Request['method'], path: string, more: Omit<S3Request, 'method' | 'path'> = {}): Promise<S3Answer> {
    return this.#client.send({ method, path, ...more }, LIMITS);
  }

  async status(method: S3Request['method'], path: string, more: Omit<S3Request, 'method' | 'path'> = {}): Promise<number> {
    return (await this.send(method, path, more)).status;
  }

  put(path: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Promise<S3Answer> {
    return this.send('PUT', path, { body: Buffer.from(body), headers });
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

export function header(answer: S3Answer, name: string): string {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : '';
}

/** What a client without an account is told: by its status alone. */
export function anonymous(store: Store, url: URL | string, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const at = new URL(url);
    const sent = secureRequest({ host: store.address(), port: at.port, servername: at.hostname, headers: { host: at.host }, path: `${at.pathname}${at.search}`, method, ca: store.ca, agent: false }, (response) => {
      response.resume();
      response.on('end', () => { resolve(response.statusCode ?? 0); });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** What plain http is answered on the port: its bytes, whatever they are; empty when it is shut. */
export function plainHttp(store: Store, path: string): Promise<string> {
  const { port } = new URL(store.endpoint);
  return new Promise((resolve) => {
    const sent = request({ host: store.address(), port, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => { text += chunk; });
      response.on('end', () => { resolve(text); });
    });
    sent.on('error', () => { resolve(''); });
    sent.end();
  });
}

/** Whether a handshake of that version of TLS is taken. */
export function takesTls(store: Store, version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<boolean> {
  const { hostname, port } = new URL(store.endpoint);
  return new Promise((resolve) => {
    const socket = connectTls({ host: store.address(), servername: hostname, port: Number(port), ca: store.ca, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' });
    socket.once('secureConnect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => { resolve(false); });
  });
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Versions: what was overwritten and deleted can still be read by its version. */
export async function versions(caller: Caller, bucket: string): Promise<Readonly<Record<string, unknown>>> {
  const path = `/${bucket}/contract/versions`;
  const first = await caller.put(path, 'v1');
  await caller.put(path, 'v2');
  const removed = await caller.send('DELETE', path);
  const old = await caller.send('GET', path, { query: { versionId: header(first, 'x-amz-version-id') } });
  return { removed: removed.status, now: await caller.status('GET', path), old: old.body.toString() };
}

/** Whether an account may do it: an object is made for it by root, so that what is not there is no answer. */
export async function may(root: Caller, caller: Caller, bucket: string, verb: Verb): Promise<boolean> {
  const path = `/${bucket}/contract/matrix-${randomBytes(4).toString('hex')}`;
  const ask = async (): Promise<number> => {
    switch (verb) {
      case 'get':
        return caller.status('GET', path);
      case 'put':
        return (await caller.put(path, 'x')).status;
      case 'delete':
        return caller.status('DELETE', path);
      case 'list':
        return caller.status('GET', `/${bucket}`, { query: { 'list-type': '2', 'max-keys': '1' } });
      case 'put-policy':
        return caller.status('PUT', `/${bucket}`, { query: { policy: '' }, body: Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/*` }] })) });
    }
  };
  await root.put(path, 'x');
  const status = await ask();
  if (status !== 403 && status >= 300) throw new Error(`${verb} in ${bucket}: ${String(status)}`);
  return status !== 403;
}

/** An upload in parts, read back: its ETag says of how many. */
export async function multipart(caller: Caller, bucket: string, parts: readonly Buffer[]): Promise<{ readonly etag: string; readonly same: boolean }> {
  const path = `/${bucket}/contract/multipart`;
  const begun = await caller.send('POST', path, { query: { uploads: '' } });
  const uploadId = childText(parseXml(begun.body.toString()), 'UploadId') ?? '';
  const etags: string[] = [];
  for (const [i, body] of parts.entries()) etags.push(header(await caller.send('PUT', path, { query: { partNumber: String(i + 1), uploadId }, body }), 'etag'));
  const body = Buffer.from(xml('CompleteMultipartUpload', etags.map((etag, i) => xml('Part', [xml('PartNumber', i + 1), xml('ETag', etag)]))));
  const done = await caller.send('POST', path, { query: { uploadId }, body });
  const back = await caller.send('GET', path);
  return { etag: childText(parseXml(done.body.toString()), 'ETag') ?? '', same: sha256(back.body) === sha256(Buffer.concat(parts)) };
}

/** How many uploads in parts are not ended. */
export async function openUploads(caller: Caller, bucket: string, prefix: string): Promise<number> {
  return children(parseXml((await caller.send('GET', `/${bucket}`, { query: { uploads: '', prefix } })).body.toString()), 'Upload').length;
}

/** An address for a client without an account, that another one has signed. */
export function presigned(store: Store, account: Account, method: 'GET' | 'PUT', path: string, seconds: number): Promise<URL> {
  return presign({ endpoint: store.endpoint, region: store.region, accessKey: account.name, secretKey: new Secret(account.key), ca: store.ca }, { method, path }, seconds);
}
