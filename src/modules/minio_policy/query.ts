/** What MinIO says of a policy that accounts are given. */
import { z } from 'zod';
import { adminPath } from '../../services/s3/minio.ts';
import { readPolicy, type Policy } from '../common/s3/aspects/policy.ts';
import { defineS3Query, type S3Key } from '../common/s3/kind.ts';

export interface NamedKey extends S3Key {
  readonly name: string;
}

/** null: there is none. */
export const storedPolicy = defineS3Query<NamedKey, Policy | null>({
  name: 'minio-policy',
  subject: (key) => key.name,
  describe: (key) => `MinIO policy ${key.name}`,
  ask: async (key, asker) => {
    const answer = await asker.readUnless(['XMinioAdminNoSuchPolicy'], { method: 'GET', path: adminPath('info-canned-policy'), query: { name: key.name } });
    return answer === undefined ? null : readPolicy(answer.body.toString('utf8'));
  },
});

const Entities = z.object({ policyMappings: z.array(z.object({ users: z.array(z.string()).nullish(), groups: z.array(z.string()).nullish() })).nullish() });

/** The accounts and groups that have it. */
export const policyUsers = defineS3Query<NamedKey, readonly string[]>({
  name: 'minio-policy-users',
  after: ['minio-user'],
  subject: (key) => key.name,
  describe: (key) => `accounts with the MinIO policy ${key.name}`,
  ask: async (key, asker) => {
    const answer = await asker.readUnless(['XMinioAdminNoSuchPolicy'], { method: 'GET', path: adminPath('idp/builtin/policy-entities'), query: { policy: key.name } });
    if (answer === undefined) return [];
    const { policyMappings } = Entities.parse(JSON.parse(await asker.opened(answer)));
    return (policyMappings ?? []).flatMap((m) => [...(m.users ?? []), ...(m.groups ?? []).map((g) => `group ${g}`)]);
  },
});
