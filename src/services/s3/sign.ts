/** Signed requests (AWS Signature Version 4), and addresses that carry their signature. */
import { createHash } from 'node:crypto';
import type { S3Login } from './login.ts';

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Not encoded: `/bucket/name of an object`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface Signed {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** RFC 3986, as the signature wants it: encodeURIComponent leaves some characters that must be encoded. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function urlOf(login: Pick<S3Login, 'endpoint'>, request: Pick<S3Request, 'path' | 'query'>): URL {
  const query = Object.entries(request.query ?? {}).map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');
  return new URL(`${request.path.split('/').map(encoded).join('/')}${query === '' ? '' : `?${query}`}`, login.endpoint);
}

/** The request with its signature; the digest of the body is part of it. */
export async function sign(login: S3Login, request: S3Request): Promise<Signed> {
  const { AwsV4Signer } = await import('aws4fetch');
  const url = urlOf(login, request);
  const body = request.body ?? Buffer.alloc(0);
  const signed = await new AwsV4Signer({
    method: request.method,
    url: url.href,
    service: 's3',
    region: login.region,
    accessKeyId: login.accessKey,
    secretAccessKey: login.secretKey.reveal(),
    headers: {
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
      // What changes a bucket's settings wants it (S3 API reference: PutBucketLifecycleConfiguration and others).
      ...(request.body === undefined ? {} : { 'content-md5': createHash('md5').update(body).digest('base64') }),
      ...request.headers,
    },
  }).sign();
  const headers: Record<string, string> = { host: url.host, 'content-length': String(body.length) };
  signed.headers.forEach((value, name) => { headers[name] = value; });
  return { url, headers };
}

/**
 * An address with which somebody without an account may do one thing for some time.
 *
 * @param seconds how long it holds, 604,800 at most
 */
export async function presign(login: S3Login, request: Pick<S3Request, 'method' | 'path' | 'query'>, seconds: number): Promise<URL> {
  const { AwsV4Signer } = await import('aws4fetch');
  const url = urlOf(login, { path: request.path, query: { ...request.query, 'X-Amz-Expires': String(seconds) } });
  const signed = await new AwsV4Signer({ method: request.method, url: url.href, service: 's3', region: login.region, accessKeyId: login.accessKey, secretAccessKey: login.secretKey.reveal(), signQuery: true }).sign();
  return signed.url;
}
