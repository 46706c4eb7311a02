/** Arguments of `s3_bucket`: those of Ansible's amazon.aws.s3_bucket, with what MinIO has besides. */
import { z } from 'zod';
import { BucketName, loginFields } from '../common/s3/login.ts';
import { Size } from '../common/s3/quota.ts';

const Retention = z
  .strictObject({
    mode: z.enum(['GOVERNANCE', 'COMPLIANCE']).describe('GOVERNANCE: an account with the right to bypass it may still delete; COMPLIANCE: nobody may, the root account neither'),
    days: z.int().positive().optional().describe('Days that a new object is kept'),
    years: z.int().positive().optional().describe('Years instead'),
  })
  .refine((r) => (r.days === undefined) !== (r.years === undefined), 'must say either days or years');

/** What every store takes (minio-go, pkg/tags: validTagKeyValue). */
const TAG_TEXT = /^[A-Za-z0-9 _.:/=+@-]*$/;

const Cors = z.strictObject({
  allowed_origins: z.array(z.string().min(1)).min(1).describe('Sites, such as `https://care.example`'),
  allowed_methods: z.array(z.enum(['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])).min(1).describe('What they may do'),
  allowed_headers: z.array(z.string()).default([]).describe('Headers that they may send'),
  expose_headers: z.array(z.string()).default([]).describe('Headers of the answer that they may read'),
  max_age_seconds: z.int().nonnegative().nullable().default(null).describe('How long a browser may keep the answer to its question'),
});

const Notification = z.strictObject({
  id: z.string().min(1).describe('Its name'),
  arn: z.string().regex(/^arn:/, 'must be an ARN such as arn:minio:sqs::care:webhook').describe('The target, as the store names it'),
  events: z.array(z.string().regex(/^s3:/, 'must be the name of an event such as s3:ObjectCreated:*')).min(1).transform((all) => [...new Set(all)].sort()).describe('Events'),
  prefix: z.string().default('').describe('For objects whose names begin so'),
  suffix: z.string().default('').describe('For objects whose names end so'),
});

export const BucketArgs = z
  .strictObject({
    name: BucketName.describe('The bucket'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there. A bucket that holds anything, old versions too, is never removed'),
    versioning: z.boolean().optional().describe('Whether it keeps the old versions of objects. Without a word it is left as it is. What has versions can be suspended only'),
    object_lock_enabled: z.boolean().optional().describe('Whether objects can be protected against deletion. Only a new bucket can be made so; it has versions then'),
    object_lock_default_retention: Retention.optional().describe('How long a new object is protected that says nothing itself'),
    tags: z
      .record(z.string(), z.string().max(256))
      .refine((tags) => Object.entries(tags).flat().every((text) => TAG_TEXT.test(text)) && Object.keys(tags).every((key) => key !== '' && key.length <= 128), 'must have keys and values of letters, digits, blanks and _ . : / = + - @, with at most 128 and 256 characters')
      .optional()
      .describe('Its tags, exactly; an empty map for none'),
    encryption: z.enum(['none', 'AES256', 'aws:kms']).optional().describe('How objects are encrypted by default: AES256 is SSE-S3, by the store’s own key'),
    encryption_key_id: z.string().min(1).optional().describe('With `aws:kms`: the name of the key'),
    quota: Size.optional().describe('How much it may hold: bytes, or with a unit as in `500GiB`; 0 for no limit. MinIO only'),
    cors_rules: z.array(Cors).optional().describe('Which sites’ pages may use it, exactly; an empty list for none. Not every store knows it'),
    notifications: z.array(Notification).optional().describe('Whom it tells of which events, exactly; an empty list for nobody'),
    flavor: z.enum(['minio-source', 'silo', 'rustfs', 'other']).default('other').describe('Whose program the store is, where that is known: what it is known not to have is refused before any host is touched. minio-source, the last state of MinIO’s source, has no CORS rules by bucket'),
    ...loginFields,
  })
  .refine((args) => args.object_lock_enabled !== true || args.versioning !== false, { path: ['versioning'], message: 'must not be false: object lock needs versions' })
  .refine((args) => args.object_lock_default_retention === undefined || args.object_lock_enabled === true, { path: ['object_lock_default_retention'], message: 'needs object_lock_enabled: true' })
  .refine((args) => (args.encryption === 'aws:kms') === (args.encryption_key_id !== undefined), { path: ['encryption_key_id'], message: 'belongs to encryption: aws:kms, which needs it' })
  .refine((args) => new Set(args.notifications?.map((n) => n.id)).size === (args.notifications?.length ?? 0), { path: ['notifications'], message: 'must have each id once' });
export type BucketArgs = z.output<typeof BucketArgs>;

/** What a store of that flavour does not have (cmd/dummy-handlers.go of MinIO: PutBucketCorsHandler says NotImplemented). */
export function refusals(args: BucketArgs): readonly string[] {
  if (args.flavor !== 'minio-source' || args.cors_rules === undefined) return [];
  return [`bucket ${args.name}: a store of flavour minio-source has no CORS rules by bucket. Say cors_allow_origin of its subsystem api for all buckets (minio_config; minio_settings of role minio), or take a flavour that has them (silo)`];
}
