import { loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { asked, planned } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { planReplication } from './plan.ts';
import { replication } from './query.ts';
import { ReplicationArgs } from './schema.ts';

export const minioReplication = defineModule({
  name: 'minio_replication',
  summary: 'Keep a bucket of MinIO copied to other stores, exactly as declared',
  description: `What is written to the bucket is copied to a bucket of another store, versions and all, soon after a client was answered. Both buckets
must keep versions and be there. Targets and rules are compared by what they mean: one that somebody added is taken away, one that somebody changed is
set again. Which secret key a target has is told by the id of its rule, which holds a slow hash of it; a store never tells the key. Reads of what is not there are never passed on to the other store, as MinIO does by itself: they would hang while that site is lost. The other store must
answer when this is set: it is asked at once whether the account may.`,
  args: ReplicationArgs,
  secretArgs: [...SECRET_LOGIN_ARGS],
  examples: [
    { title: 'A copy of the patients’ files at another site', yaml: 'minio_replication:\n  name: care-patient\n  targets:\n    - endpoint_url: https://s3.delhi.example:9443\n      access_key: from-kochi\n      secret_key: "{{ delhi_replication_secret }}"\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\n  ca_cert: "{{ minio_authority }}"\nrun_once: true' },
    { title: 'No copies any more', yaml: 'minio_replication:\n  name: care-patient\n  state: absent\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  queries(args, host) {
    const login = loginOf(args, host);
    return asked(host, login, [replication({ login, bucket: args.name })]);
  },
  plan: (args, host) => planned(() => planReplication(args, host)),
});
