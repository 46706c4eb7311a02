/** What has to be done for a bucket to be as wished. Pure. */
import { converge, type Plan, type ServiceChange } from '../../host/plan.ts';
import type { AnyQuery, Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { S3Login } from '../../services/s3/login.ts';
import { settle, type AspectOf, type Held } from '../common/s3/aspect.ts';
import { cors } from '../common/s3/aspects/cors.ts';
import { encryption, type Encryption } from '../common/s3/aspects/encryption.ts';
import { lifecycle } from '../common/s3/aspects/lifecycle.ts';
import { notification } from '../common/s3/aspects/notification.ts';
import { objectLock, type ObjectLock, type Retention } from '../common/s3/aspects/object-lock.ts';
import { bucketPolicy } from '../common/s3/aspects/policy.ts';
import { tagging } from '../common/s3/aspects/tagging.ts';
import { versioning, type Versioning } from '../common/s3/aspects/versioning.ts';
import { s3Change } from '../common/s3/change.ts';
import { loginOf } from '../common/s3/login.ts';
import { quota, settleQuota } from '../common/s3/quota.ts';
import { known, refuse } from '../common/s3/server.ts';
import { refusals, type BucketArgs } from './schema.ts';

export function bucketQueries(args: BucketArgs, login: S3Login): readonly AnyQuery[] {
  const key = { login, bucket: args.name };
  if (args.state === 'absent') return [versioning.query(key)];
  return [
    versioning.query(key),
    ...(args.object_lock_enabled === undefined ? [] : [objectLock.query(key)]),
    ...(args.tags === undefined ? [] : [tagging.query(key)]),
    ...(args.encryption === undefined ? [] : [encryption.query(key)]),
    ...(args.cors_rules === undefined ? [] : [cors.query(key)]),
    ...(args.notifications === undefined ? [] : [notification.query(key)]),
    ...(args.quota === undefined ? [] : [quota(key)]),
  ];
}

function retentionOf(args: BucketArgs): Retention | undefined {
  const given = args.object_lock_default_retention;
  if (given === undefined) return undefined;
  return given.years === undefined ? { mode: given.mode, unit: 'days', count: given.days ?? 1 } : { mode: given.mode, unit: 'years', count: given.years };
}

function encryptionOf(args: BucketArgs): Encryption | null {
  return args.encryption === undefined || args.encryption === 'none' ? null : { algorithm: args.encryption, key: args.encryption_key_id ?? null };
}

/** What a new bucket has of each kind of settings. */
function freshSettings(login: S3Login, args: BucketArgs): readonly Effect[] {
  const key = { login, bucket: args.name };
  const nothing = <Config>(of: AspectOf<Config>): Effect => of.query(key).is({ ok: true, value: { bucket: true, config: null } });
  const locked = args.object_lock_enabled === true;
  return [
    versioning.query(key).is({ ok: true, value: { bucket: true, config: locked ? 'Enabled' : null } }),
    objectLock.query(key).is({ ok: true, value: { bucket: true, config: locked ? { retention: null } : null } }),
    ...[nothing(tagging), nothing(encryption), nothing(lifecycle), nothing(bucketPolicy), nothing(notification), nothing(cors)],
  ];
}

/** Claims of settings that were made before, in the same go, hold no more. */
function gone(login: S3Login, bucket: string): readonly Effect[] {
  const key = { login, bucket };
  return [versioning, objectLock, tagging, encryption, lifecycle, bucketPolicy, notification, cors].map((of) => of.query(key).is({ ok: true, value: { bucket: false } }));
}

function create(login: S3Login, args: BucketArgs): ServiceChange {
  const locked = args.object_lock_enabled === true;
  // The region is said for every one but the first (S3 API reference, CreateBucket).
  const body = login.region === 'us-east-1' ? undefined : Buffer.from(`<CreateBucketConfiguration><LocationConstraint>${login.region.replaceAll(/[^\w-]/g, '')}</LocationConstraint></CreateBucketConfiguration>`);
  return s3Change({
    login,
    resource: `bucket ${args.name}`,
    what: locked ? 'create, with object lock' : 'create',
    before: undefined,
    after: { bucket: args.name, ...(locked ? { object_lock: true } : {}) },
    request: { method: 'PUT', path: `/${args.name}`, ...(locked ? { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } } : {}), ...(body === undefined ? {} : { body }) },
    effects: freshSettings(login, args),
  });
}

const NO_LOCK_REMEDY = 'object lock comes with a new bucket only: make one with another name and object_lock_enabled: true, copy the objects there with any S3 client, let the services use it, and remove the old one when nothing needs it';

export function planBucket(args: BucketArgs, host: HostView): Plan {
  const [refused] = refusals(args);
  if (refused !== undefined) refuse(refused, 'change the declaration');
  const login = loginOf(args, host);
  const key = { login, bucket: args.name };
  const held = known<Held<Versioning>>(host, versioning.query(key), { bucket: false });
  if (args.state === 'absent') {
    if (!held.bucket) return converge([]);
    return converge([
      s3Change({ login, resource: `bucket ${args.name}`, what: 'remove', before: { bucket: args.name }, after: undefined, request: { method: 'DELETE', path: `/${args.name}` }, effects: [...gone(login, args.name), quota(key).is({ ok: true, value: 0 })] }),
    ]);
  }
  const isNew = !held.bucket;
  const changes: ServiceChange[] = isNew ? [create(login, args)] : [];
  /** What is there when the bucket is; a new one has nothing. */
  const now = <Config>(made: Config | null): Held<Config> | undefined => (isNew ? { bucket: true, config: made } : undefined);
  const locked = args.object_lock_enabled === true;
  if (args.object_lock_enabled !== undefined) {
    const lock = now<ObjectLock>(locked ? { retention: null } : null) ?? known<Held<ObjectLock>>(host, objectLock.query(key), { bucket: false });
    const has = lock.bucket && lock.config !== null;
    if (locked && !has) refuse(`bucket ${args.name} is there without object lock`, NO_LOCK_REMEDY);
    if (!locked && has) refuse(`bucket ${args.name} has object lock, which is never taken away`, 'say object_lock_enabled: true, or use another bucket');
    const retention = retentionOf(args);
    if (retention !== undefined) changes.push(...settle(objectLock, host, login, args.name, { retention }, lock));
  }
  if (args.versioning !== undefined) {
    const status: Versioning | null = held.bucket ? held.config : locked ? 'Enabled' : null;
    // One that never had versions needs no suspending.
    const wished = args.versioning ? 'Enabled' : status === null ? null : 'Suspended';
    changes.push(...settle(versioning, host, login, args.name, wished, { bucket: true, config: status }));
  }
  if (args.tags !== undefined) changes.push(...settle(tagging, host, login, args.name, Object.keys(args.tags).length === 0 ? null : args.tags, now(null)));
  if (args.encryption !== undefined) changes.push(...settle(encryption, host, login, args.name, encryptionOf(args), now(null)));
  if (args.cors_rules !== undefined) changes.push(...settle(cors, host, login, args.name, args.cors_rules.length === 0 ? null : args.cors_rules, now(null)));
  if (args.notifications !== undefined) {
    const sorted = [...args.notifications].sort((a, b) => (a.id < b.id ? -1 : 1));
    changes.push(...settle(notification, host, login, args.name, sorted.length === 0 ? null : sorted, now(null)));
  }
  if (args.quota !== undefined) changes.push(...settleQuota(host, login, args.name, args.quota, isNew));
  return converge(changes);
}
