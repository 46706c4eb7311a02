/** What MinIO says of where a bucket is copied to. */
import { adminPath } from '../../services/s3/minio.ts';
import type { S3Request } from '../../services/s3/sign.ts';
import type { BucketKey } from '../common/s3/aspect.ts';
import { defineS3Query } from '../common/s3/kind.ts';
import { readTargets, RemoteTargets, type Target } from './target.ts';

/** null: there is no such bucket. */
export const replication = defineS3Query<BucketKey, readonly Target[] | null>({
  name: 'minio-replication',
  subject: (key) => key.bucket,
  describe: (key) => `replication of bucket ${key.bucket}`,
  ask: async (key, asker) => {
    const configuration = await asker.readUnless(['NoSuchBucket', 'ReplicationConfigurationNotFoundError'], { method: 'GET', path: `/${key.bucket}`, query: { replication: '' } });
    if (configuration === undefined && (await asker.readUnless(['NoSuchBucket', 'NotFound'], { method: 'HEAD', path: `/${key.bucket}` })) === undefined) return null;
    const remotes = await asker.readUnless(['NoSuchBucket', 'XMinioAdminRemoteTargetNotFoundError'], listTargets(key.bucket));
    return readTargets(configuration?.body.toString('utf8'), remotes === undefined ? [] : RemoteTargets.parse(JSON.parse(remotes.body.toString('utf8'))));
  },
});

/** madmin-go, remote-target-commands.go. */
export function listTargets(bucket: string): S3Request {
  return { method: 'GET', path: adminPath('list-remote-targets'), query: { bucket, type: 'replication' } };
}
