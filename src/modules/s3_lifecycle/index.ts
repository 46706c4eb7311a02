import { converge } from '../../host/plan.ts';
import { lifecycle, sortedRules } from '../common/s3/aspects/lifecycle.ts';
import { settleExisting } from '../common/s3/existing.ts';
import { loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { asked, planned } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { LifecycleArgs } from './schema.ts';

export const s3Lifecycle = defineModule({
  name: 's3_lifecycle',
  summary: 'Keep the lifecycle rules of a bucket exactly as declared',
  description: `A store takes all rules of a bucket as one document, so this module says them all: a rule that is not named is taken away. They are compared by
what they mean, in the order of their ids; a second run changes nothing. Days are counted by the store's scanner, which comes round in hours.`,
  args: LifecycleArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'Old versions go after a quarter of a year', yaml: 's3_lifecycle:\n  name: care-patient\n  rules:\n    - id: old-versions\n      noncurrent_version_expiration: {noncurrent_days: 90}\n    - id: delete-markers\n      expiration: {expired_object_delete_marker: true}\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  queries(args, host) {
    const login = loginOf(args, host);
    return asked(host, login, [lifecycle.query({ login, bucket: args.name })]);
  },
  plan: (args, host) => planned(() => converge(settleExisting(lifecycle, host, loginOf(args, host), args.name, args.rules.length === 0 ? null : sortedRules(args.rules)))),
});
