/** Arguments of `s3_lifecycle`: all rules of a bucket, in the words of the S3 API. */
import { z } from 'zod';
import type { LifecycleRule } from '../common/s3/aspects/lifecycle.ts';
import { BucketName, loginFields } from '../common/s3/login.ts';

const Days = z.int().positive('must be at least one day');
const StorageClass = z.string().min(1).describe('Name of the tier, as the store knows it');

const Expiration = z
  .strictObject({
    days: Days.optional().describe('Days after an object was written'),
    date: z.iso.date('must be a date such as 2030-01-31').optional().describe('From the beginning of this day on, in UTC'),
    expired_object_delete_marker: z.literal(true).optional().describe('Delete markers with nothing behind them are taken away'),
  })
  .refine((e) => Object.values(e).filter((v) => v !== undefined).length === 1, 'must say one of days, date, expired_object_delete_marker')
  .transform((e): NonNullable<LifecycleRule['expiration']> => (e.days !== undefined ? { days: e.days } : e.date !== undefined ? { date: e.date } : { expired_object_delete_marker: true }));

const ACTIONS = ['expiration', 'noncurrent_version_expiration', 'transition', 'noncurrent_version_transition', 'abort_incomplete_multipart_upload', 'del_marker_expiration'] as const;

/** Without what is undefined: a rule is compared as data. */
function said<T extends object>(of: T): T {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as T;
}

const Rule = z
  .strictObject({
    id: z.string().min(1).max(255).describe('Its name'),
    status: z.enum(['Enabled', 'Disabled']).default('Enabled').describe('Whether it counts'),
    prefix: z.string().default('').describe('For objects whose names begin so; empty: for all'),
    tags: z.record(z.string().min(1), z.string()).default({}).describe('For objects with these tags'),
    object_size_greater_than: z.int().nonnegative().optional().describe('For objects larger than this, in bytes'),
    object_size_less_than: z.int().positive().optional().describe('For objects smaller than this, in bytes'),
    expiration: Expiration.optional().describe('When an object is deleted; with versions a delete marker is put before it'),
    noncurrent_version_expiration: z
      .strictObject({ noncurrent_days: Days.optional().describe('Days after it was replaced'), newer_noncurrent_versions: z.int().positive().optional().describe('How many newer old versions are kept') })
      .refine((e) => e.noncurrent_days !== undefined || e.newer_noncurrent_versions !== undefined, 'must say noncurrent_days, newer_noncurrent_versions or both')
      .transform(said)
      .optional()
      .describe('When an old version is deleted: days after it was replaced, or how many newer ones are kept'),
    transition: z.strictObject({ days: z.int().nonnegative().describe('Days after it was written'), storage_class: StorageClass }).optional().describe('When an object moves to a tier'),
    noncurrent_version_transition: z.strictObject({ noncurrent_days: z.int().nonnegative().describe('Days after it was replaced'), storage_class: StorageClass }).optional().describe('When an old version moves to a tier'),
    abort_incomplete_multipart_upload: z.strictObject({ days_after_initiation: Days.describe('Days after it was begun') }).optional().describe('When an upload in parts that was never ended is dropped. MinIO does not know it: there it is `stale_uploads_expiry` of `minio_config`'),
    del_marker_expiration: z.strictObject({ days: Days.describe('Days after it was made') }).optional().describe('When a delete marker goes, with all versions behind it. MinIO only'),
  })
  .refine((rule) => ACTIONS.some((a) => rule[a] !== undefined), `must say one of ${ACTIONS.join(', ')}`)
  // Sound: only what is undefined was left out.
  .transform((rule) => said(rule) as LifecycleRule);

export const LifecycleArgs = z
  .strictObject({
    name: BucketName.describe('The bucket'),
    rules: z.array(Rule).default([]).describe('All its rules: one that is not named is taken away'),
    state: z.enum(['present', 'absent']).default('present').describe('`absent`: it has no rules'),
    ...loginFields,
  })
  .refine((args) => new Set(args.rules.map((r) => r.id)).size === args.rules.length, { path: ['rules'], message: 'must have each id once' })
  .refine((args) => (args.state === 'present') === args.rules.length > 0, { path: ['rules'], message: 'must hold a rule; with state: absent none' });
