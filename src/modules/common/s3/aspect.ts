/**
 * One kind of settings of a bucket: its subresource (`?lifecycle`), how they are read into one way of writing, and how they are
 * written. Reading and writing are pure, so that a difference is one of meaning.
 */
import type { ServiceChange } from '../../../host/plan.ts';
import type { ServiceQuery } from '../../../host/query.ts';
import type { HostView } from '../../../host/view.ts';
import type { S3Login } from '../../../services/s3/login.ts';
import { parseXml, type Element } from '../../../services/s3/xml.ts';
import { s3Change } from './change.ts';
import { defineS3Query, type Answer, type S3Key } from './kind.ts';
import { known } from './server.ts';
import { sameValue } from '../../../support/value.ts';

export interface BucketKey extends S3Key {
  readonly bucket: string;
}

/** Whether there is a bucket, and what is set there; null when nothing is. */
export type Held<Config> = { readonly bucket: false } | { readonly bucket: true; readonly config: Config | null };

export interface Aspect<Config> {
  readonly name: string;
  /** For people: `lifecycle rules`. */
  readonly label: string;
  /** `lifecycle` for `?lifecycle`. */
  readonly subresource: string;
  /** Codes with which a store says that nothing is set. */
  readonly none: readonly string[];
  /** @returns undefined when it says that nothing is set. @throws Error when it makes no sense */
  read(body: string): Config | undefined;
  /** The body that sets it. */
  write(config: Config): string;
  /** How it is taken away; default: DELETE of the subresource. A body for what can only be set to nothing. */
  readonly clear?: string;
}

export interface AspectOf<Config> {
  readonly aspect: Aspect<Config>;
  readonly query: (key: BucketKey) => ServiceQuery<Answer<Held<Config>>> & { readonly key: BucketKey };
}

export function defineAspect<Config>(aspect: Aspect<Config>): AspectOf<Config> {
  const query = defineS3Query<BucketKey, Held<Config>>({
    name: `s3-${aspect.name}`,
    subject: (key) => key.bucket,
    describe: (key) => `${aspect.label} of bucket ${key.bucket}`,
    ask: async (key, asker) => {
      const answer = await asker.readUnless(['NoSuchBucket', ...aspect.none], { method: 'GET', path: `/${key.bucket}`, query: { [aspect.subresource]: '' } });
      if (answer !== undefined) return { bucket: true, config: aspect.read(answer.body.toString('utf8')) ?? null };
      // One answer says that the bucket is not there, the other that it has no such settings.
      const bucket = await asker.readUnless(['NoSuchBucket', 'NotFound'], { method: 'HEAD', path: `/${key.bucket}` });
      return bucket === undefined ? { bucket: false } : { bucket: true, config: null };
    },
  });
  return { aspect, query };
}

/** A root element of a body. @throws Error when it is another one */
export function rootOf(body: string, name: string): Element {
  const root = parseXml(body);
  if (root.name !== name) throw new Error(`expected ${name}, got ${root.name}`);
  return root;
}

/**
 * What must be done for these settings to be exactly so.
 *
 * @param wished null: nothing is to be set
 * @param now what is set; default: what the store says
 */
export function settle<Config>(of: AspectOf<Config>, host: HostView, login: S3Login, bucket: string, wished: Config | null, now?: Held<Config>): readonly ServiceChange[] {
  const query = of.query({ login, bucket });
  const held = now ?? known<Held<Config>>(host, query, { bucket: false });
  const before = held.bucket ? held.config : null;
  if (sameValue(before, wished)) return [];
  const { aspect } = of;
  const address = { path: `/${bucket}`, query: { [aspect.subresource]: '' } };
  const body = wished === null ? aspect.clear : aspect.write(wished);
  return [
    s3Change({
      login,
      resource: `bucket ${bucket}`,
      what: `${wished === null ? 'remove' : before === null ? 'set' : 'change'} ${aspect.label}`,
      before: before ?? undefined,
      after: wished ?? undefined,
      request: body === undefined ? { method: 'DELETE', ...address } : { method: 'PUT', ...address, body: Buffer.from(body), headers: { 'content-type': body.startsWith('{') ? 'application/json' : 'application/xml' } },
      effects: [query.is({ ok: true, value: { bucket: true, config: wished } })],
    }),
  ];
}
