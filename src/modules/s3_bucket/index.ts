import { loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { asked, planned } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { bucketQueries, planBucket } from './plan.ts';
import { BucketArgs, refusals } from './schema.ts';

export const s3Bucket = defineModule({
  name: 's3_bucket',
  summary: 'Manage a bucket of an S3 store',
  description: `Makes a bucket and keeps what is said of it: versions, object lock, tags, encryption, quota, CORS and notifications, each exactly as said, or
left as it is when nothing is said. The request goes from the controller through the SSH connection to the host, over TLS (docs/s3-modules.md). A
bucket that holds anything is never removed, and object lock is refused for one that is there without it.`,
  args: BucketArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'A bucket that keeps versions, encrypted by the store', yaml: 's3_bucket:\n  name: care-patient\n  versioning: true\n  encryption: AES256\n  quota: 500GiB\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\n  ca_cert: "{{ minio_authority }}"\nrun_once: true' },
    { title: 'One for backups, in which nothing can be deleted for a month', yaml: 's3_bucket:\n  name: backups\n  object_lock_enabled: true\n  object_lock_default_retention: {mode: GOVERNANCE, days: 30}\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  refuses: refusals,
  queries(args, host) {
    const login = loginOf(args, host);
    return asked(host, login, bucketQueries(args, login));
  },
  plan: (args, host) => planned(() => planBucket(args, host)),
});
