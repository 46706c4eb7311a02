import { z } from 'zod';
import { converge } from '../../host/plan.ts';
import { bucketPolicy } from '../common/s3/aspects/policy.ts';
import { settleExisting } from '../common/s3/existing.ts';
import { BucketName, loginFields, loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { PolicyArgument } from '../common/s3/policy-argument.ts';
import { asked, planned } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';

const PolicyArgs = z
  .strictObject({
    name: BucketName.describe('The bucket'),
    policy: PolicyArgument.optional().describe('The whole policy: a map, or JSON. Each statement says whom it is about (Principal)'),
    state: z.enum(['present', 'absent']).default('present').describe('`absent`: the bucket has no policy, so that only accounts with policies of their own get in'),
    ...loginFields,
  })
  .refine((args) => (args.state === 'present') === (args.policy !== undefined), { path: ['policy'], message: 'is needed; with state: absent it must not be there' })
  .refine((args) => args.policy?.Statement.every((s) => s.Principal !== undefined) ?? true, { path: ['policy'], message: 'must say a Principal in each statement: whom it is about' });

export const s3Policy = defineModule({
  name: 's3_policy',
  summary: 'Keep the access policy of a bucket exactly as declared',
  description: `What is allowed to whom, accounts or not ("Principal": "*" is everybody, without an account too). Policies are compared by what they mean: the
order of statements and words, and a list of one word or the word, are no difference. Note that \`arn:aws:s3:::bucket/*\` is about objects, and
\`arn:aws:s3:::bucket\` about the bucket itself. What accounts may do by themselves is \`minio_policy\`.`,
  args: PolicyArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'Everybody may read objects, and list nothing', yaml: 's3_policy:\n  name: care-facility\n  policy:\n    Version: "2012-10-17"\n    Statement:\n      - {Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::care-facility/*"}\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  queries(args, host) {
    const login = loginOf(args, host);
    return asked(host, login, [bucketPolicy.query({ login, bucket: args.name })]);
  },
  plan: (args, host) => planned(() => converge(settleExisting(bucketPolicy, host, loginOf(args, host), args.name, args.policy ?? null))),
});
