import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { adminPath } from '../../services/s3/minio.ts';
import { s3Change } from '../common/s3/change.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { PolicyArgument } from '../common/s3/policy-argument.ts';
import { asked, known, planned, refuse } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { sameValue } from '../../support/value.ts';
import { policyUsers, storedPolicy } from './query.ts';

/** Those that MinIO brings (minio/pkg, policy/default policies). */
const BUILT_IN = new Set(['readwrite', 'readonly', 'writeonly', 'diagnostics', 'consoleAdmin']);

const Args = z
  .strictObject({
    name: z.string().regex(/^[\w+=.@-]+$/, 'must be letters, digits and _ + = . @ -').describe('The policy'),
    policy: PolicyArgument.optional().describe('The whole policy: a map, or JSON. Its statements name no Principal: it is about whoever has it'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there. One that accounts have is not removed'),
    ...loginFields,
  })
  .refine((args) => (args.state === 'present') === (args.policy !== undefined), { path: ['policy'], message: 'is needed; with state: absent it must not be there' })
  .refine((args) => args.policy?.Statement.every((s) => s.Principal === undefined) ?? true, { path: ['policy'], message: 'must not say a Principal: that belongs into the policy of a bucket (s3_policy)' })
  .refine((args) => !BUILT_IN.has(args.name), { path: ['name'], message: 'is one that MinIO brings: give yours another name' });
type Args = z.output<typeof Args>;

function plan(args: Args, host: HostView): Plan {
  const login = loginOf(args, host);
  const query = storedPolicy({ login, name: args.name });
  const before = known(host, query, null);
  const resource = `MinIO policy ${args.name}`;
  const after = args.policy ?? null;
  if (sameValue(before, after)) return converge([]);
  const effects = [query.is({ ok: true, value: after })];
  if (after === null) {
    const users = known(host, policyUsers({ login, name: args.name }), []);
    if (users.length > 0) refuse(`${resource} is not removed: ${users.join(', ')} ${users.length === 1 ? 'has' : 'have'} it`, 'take it from them first (minio_user)');
    return converge([s3Change({ login, resource, what: 'remove', before, after: undefined, request: { method: 'DELETE', path: adminPath('remove-canned-policy'), query: { name: args.name } }, effects })]);
  }
  return converge([
    s3Change({
      login,
      resource,
      what: before === null ? 'create' : 'change',
      before: before ?? undefined,
      after,
      request: { method: 'PUT', path: adminPath('add-canned-policy'), query: { name: args.name }, body: Buffer.from(JSON.stringify(after)) },
      effects,
    }),
  ]);
}

export const minioPolicy = defineModule({
  name: 'minio_policy',
  summary: 'Keep an access policy of MinIO, which accounts are given, exactly as declared',
  description: `What whoever has it may do; accounts get it by \`minio_user\`. Compared by what it means, as in \`s3_policy\`. Give each service a policy for
its own bucket, and no more: \`arn:aws:s3:::bucket\` for what is about the bucket (s3:ListBucket), \`arn:aws:s3:::bucket/*\` for its objects.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [
    { title: 'Backups may be written and read, in one bucket', yaml: 'minio_policy:\n  name: pgbackrest\n  policy:\n    Version: "2012-10-17"\n    Statement:\n      - {Effect: Allow, Action: ["s3:ListBucket", "s3:GetBucketLocation"], Resource: "arn:aws:s3:::pgbackrest"}\n      - {Effect: Allow, Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource: "arn:aws:s3:::pgbackrest/*"}\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  queries(args, host) {
    const login = loginOf(args, host);
    return asked(host, login, [storedPolicy({ login, name: args.name }), ...(args.state === 'absent' ? [policyUsers({ login, name: args.name })] : [])]);
  },
  plan: (args, host) => planned(() => plan(args, host)),
});
