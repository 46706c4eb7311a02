/** What is made in the store for a drill, and taken away: a bucket, a policy for it, a user, keys. As root, through the SSH connection to a node. */
import { randomBytes } from 'node:crypto';
import type { ClusterHost } from '../../operations/inventory.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import type { Store } from '../../operations/minio/store.ts';
import { readInfo, type StoreInfo } from '../../operations/minio/view.ts';
import { S3Client, type S3Answer } from '../../services/s3/client.ts';
import { adminPath } from '../../services/s3/minio.ts';
import type { S3Request } from '../../services/s3/sign.ts';
import { S3Trouble } from '../../services/s3/trouble.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';

/** Of the drill's alone: bucket, policy and user have this name. */
export const DRILL_NAME = 'care-drill';

export interface Account {
  readonly name: string;
  readonly key: Secret;
}

export function newAccount(name: string): Account {
  return { name, key: new Secret(randomBytes(20).toString('hex')) };
}

export interface Admin {
  /** As root, of the first node that answers. @throws Diagnostic */
  send(request: S3Request): Promise<S3Answer>;
  /** An object, as root; undefined: it is not there. @throws Diagnostic */
  object(path: string): Promise<Buffer | undefined>;
  info(): Promise<StoreInfo>;
  /** Bucket, policy and user, anew. */
  make(user: Account): Promise<void>;
  /** A user of the drill's that another store copies with: it may write copies into the drill's bucket, and nothing else. */
  makeCopier(user: Account): Promise<void>;
  /** With a client that is root's, of the first node that answers. @throws Diagnostic */
  as<T>(work: (client: S3Client) => Promise<T>): Promise<T>;
  /** A further key of the drill's user. */
  addKey(key: Account): Promise<void>;
  removeKey(name: string): Promise<void>;
  /** All of it. What is not there is none of its troubles. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const SECONDS = 20;
const never = uninterrupted();
/** Each action by its name: a wildcard allows more than one thinks in the flavour minio-source (SN-2026-004). */
const POLICY = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], Resource: [`arn:aws:s3:::${DRILL_NAME}/*`] },
    { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: [`arn:aws:s3:::${DRILL_NAME}`] },
  ],
};

/** The least that MinIO wants of an account that writes copies (docs/bucket/replication of its source). */
const COPIER_POLICY = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['s3:GetReplicationConfiguration', 's3:ListBucket', 's3:ListBucketMultipartUploads', 's3:GetBucketLocation', 's3:GetBucketVersioning', 's3:GetBucketObjectLockConfiguration'], Resource: [`arn:aws:s3:::${DRILL_NAME}`] },
    { Effect: 'Allow', Action: ['s3:GetReplicationConfiguration', 's3:ReplicateTags', 's3:AbortMultipartUpload', 's3:GetObject', 's3:GetObjectVersion', 's3:GetObjectVersionTagging', 's3:PutObject', 's3:DeleteObject', 's3:ReplicateObject', 's3:ReplicateDelete'], Resource: [`arn:aws:s3:::${DRILL_NAME}/*`] },
  ],
};
export const COPIER_NAME = `${DRILL_NAME}-copies`;
/** Versions, since what is copied must have them (and what a client overwrites is not lost). */
const VERSIONS = Buffer.from('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');

export function adminOf(store: Store, hosts: HostAccess, ca: string): Admin {
  const clients = new Map<string, S3Client>();
  const clientOf = (node: ClusterHost): S3Client => {
    const known = clients.get(node.name);
    if (known !== undefined) return known;
    const made = new S3Client({ endpoint: `https://127.0.0.1:${String(store.port)}`, region: store.region, accessKey: store.rootUser, secretKey: store.rootPassword, ca }, () => Promise.resolve({ forward: (host, port) => hosts.forward(node, host, port) }));
    clients.set(node.name, made);
    return made;
  };
  let preferred = 0;
  /** On the node that answered last; then on the others, in turn. */
  const answered = async <T>(work: (client: S3Client) => Promise<T>): Promise<T> => {
    let trouble: unknown;
    for (let i = 0; i < store.nodes.length; i += 1) {
      const at = (preferred + i) % store.nodes.length;
      const node = store.nodes[at];
      if (node === undefined) break;
      try {
        const result = await work(clientOf(node));
        preferred = at;
        return result;
      } catch (error) {
        trouble = error;
        const unanswered = error instanceof Diagnostic ? error.kind === 'unreachable' : error instanceof S3Trouble && error.trouble.kind !== 'refused';
        if (!unanswered) break;
      }
    }
    if (trouble instanceof S3Trouble) throw failure('store-refused', trouble.trouble.msg, { detail: trouble.message, remedy: trouble.trouble.remedy, cause: trouble });
    throw trouble;
  };
  const send = (request: S3Request | ((client: S3Client) => Promise<S3Request>), unless: readonly number[] = []): Promise<S3Answer> =>
    answered(async (client) => {
      const made = typeof request === 'function' ? await request(client) : request;
      const answer = await client.send(made, { timeoutSeconds: SECONDS, signal: never });
      if (answer.status < 300 || unless.includes(answer.status)) return answer;
      throw failure('store-refused', `the store says ${String(answer.status)} to ${made.method} ${made.path}`, { detail: answer.body.toString('utf8').slice(0, 500) });
    });
  const makeUser = async (user: Account, policy: object): Promise<void> => {
    await send({ method: 'PUT', path: adminPath('add-canned-policy'), query: { name: user.name }, body: Buffer.from(JSON.stringify(policy)) });
    await send(async (client) => ({ method: 'PUT', path: adminPath('add-user'), query: { accessKey: user.name }, body: await client.sealed({ secretKey: user.key.reveal(), status: 'enabled' }) }));
    await send({ method: 'PUT', path: adminPath('set-user-or-group-policy'), query: { policyName: user.name, userOrGroup: user.name, isGroup: 'false' } });
  };
  const clear = async (): Promise<void> => {
    // A bucket that is copied elsewhere is not removed.
    await send({ method: 'DELETE', path: `/${DRILL_NAME}`, query: { replication: '' } }, [404]);
    // MinIO's own word for a bucket with all that is in it (cmd/bucket-handlers.go: DeleteBucketHandler).
    await send({ method: 'DELETE', path: `/${DRILL_NAME}`, headers: { 'x-minio-force-delete': 'true' } }, [404]);
    for (const name of [DRILL_NAME, COPIER_NAME]) {
      await send({ method: 'DELETE', path: adminPath('remove-user'), query: { accessKey: name } }, [404]);
      await send({ method: 'DELETE', path: adminPath('remove-canned-policy'), query: { name } }, [404]);
    }
  };
  return {
    send: (request) => send(request),
    async object(path) {
      const answer = await send({ method: 'GET', path }, [404]);
      return answer.status === 404 ? undefined : answer.body;
    },
    info: async () => readInfo((await send({ method: 'GET', path: adminPath('info') })).body.toString('utf8')),
    async make(user) {
      // What an earlier drill that was cut off has left goes first.
      await clear();
      await send({ method: 'PUT', path: `/${DRILL_NAME}` });
      await send({ method: 'PUT', path: `/${DRILL_NAME}`, query: { versioning: '' }, body: VERSIONS });
      await makeUser(user, POLICY);
    },
    makeCopier: (user) => makeUser(user, COPIER_POLICY),
    as: answered,
    async addKey(key) {
      await send(async (client) => ({ method: 'PUT', path: adminPath('add-service-account'), body: await client.sealed({ targetUser: DRILL_NAME, accessKey: key.name, secretKey: key.key.reveal(), description: 'a drill of care-provision' }) }));
    },
    async removeKey(name) {
      await send({ method: 'DELETE', path: adminPath('delete-service-account'), query: { accessKey: name } }, [404]);
    },
    clear,
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
      clients.clear();
    },
  };
}
