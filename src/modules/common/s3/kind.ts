/** Kinds of questions that an S3 store answers: what the store says, a refusal included, is the fact. */
import { defineServiceQuery } from '../../../host/define-query.ts';
import type { ServiceQuery } from '../../../host/query.ts';
import type { ServicePort } from '../../../services/port.ts';
import { s3, type S3Answer, type S3Client } from '../../../services/s3/client.ts';
import { loginName, storePlace, type S3Login } from '../../../services/s3/login.ts';
import type { S3Request } from '../../../services/s3/sign.ts';
import { S3Trouble, type Trouble } from '../../../services/s3/trouble.ts';

export type Answer<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly trouble: Trouble };

export interface S3Key {
  readonly login: S3Login;
}

/** What a kind may ask. */
export interface Asker {
  /** @throws S3Trouble when the answer is no success */
  read(request: S3Request): Promise<S3Answer>;
  /** The same, but undefined for these codes of the store. */
  readUnless(codes: readonly string[], request: S3Request): Promise<S3Answer | undefined>;
  /** An answer of MinIO's admin API that is sealed. */
  opened(answer: S3Answer): Promise<string>;
  /** For questions under another account. */
  as(login: S3Login): Asker;
}

export interface S3Kind<Key extends S3Key, Value> {
  readonly name: string;
  /** What is asked about, without the store. */
  subject(key: Key): string;
  describe(key: Key): string;
  /** Whether the subject is the store's or that of who logs in. */
  readonly of?: 'login';
  readonly after?: readonly string[];
  ask(key: Key, asker: Asker): Promise<Value>;
  same?(expected: Value, observed: Value): boolean;
}

/** Makes the constructor of a kind's questions. */
export function defineS3Query<Key extends S3Key, Value>(kind: S3Kind<Key, Value>): (key: Key) => ServiceQuery<Answer<Value>> & { readonly key: Key } {
  const place = (key: Key): string => (kind.of === 'login' ? loginName(key.login) : storePlace(key.login));
  const same = kind.same?.bind(kind);
  const make = defineServiceQuery<Key, Answer<Value>>({
    name: kind.name,
    id: (key) => `${place(key)} ${kind.subject(key)}`.trim(),
    describe: (key) => kind.describe(key),
    ...(same === undefined ? {} : { same: (expected: Answer<Value>, observed: Answer<Value>) => expected.ok && observed.ok && same(expected.value, observed.value) }),
    show: (fact) => (fact.ok ? JSON.stringify(fact.value) : fact.trouble.msg),
    answer: (keys, port) => Promise.all(keys.map((key) => answer(kind, key, port))),
    // A store that is started, stopped or restarted may know other settings than before.
    after: ['unit', ...(kind.after ?? [])],
    passing: (fact) => !fact.ok,
  });
  return (key) => Object.assign(make(key), { key });
}

async function answer<Key extends S3Key, Value>(kind: S3Kind<Key, Value>, key: Key, port: ServicePort): Promise<Answer<Value>> {
  try {
    return { ok: true, value: await kind.ask(key, askerOf(port.clients.get(s3, key.login), port)) };
  } catch (error) {
    if (!(error instanceof S3Trouble)) throw error;
    return { ok: false, trouble: error.trouble };
  }
}

function askerOf(client: S3Client, port: ServicePort): Asker {
  return {
    read: (request) => client.read(request, port),
    async readUnless(codes, request) {
      try {
        return await client.read(request, port);
      } catch (error) {
        if (error instanceof S3Trouble && error.trouble.code !== undefined && codes.includes(error.trouble.code)) return undefined;
        throw error;
      }
    },
    opened: (sealed) => client.opened(sealed),
    as: (login) => askerOf(port.clients.get(s3, login), port),
  };
}
