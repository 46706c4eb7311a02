/** Arguments of `minio_replication`: where all that is written to a bucket is copied to. */
import { z } from 'zod';
import { BucketName, loginFields, SecretKey } from '../common/s3/login.ts';
import { Size } from '../common/s3/quota.ts';

/** The least that MinIO takes (cmd/admin-bucket-handlers.go: SetRemoteTargetHandler). */
const LEAST_BANDWIDTH = 100_000_000;

const Target = z
  .strictObject({
    // As the store says it itself: without the port that https has anyway, in small letters. Any other way of writing would never be found again.
    endpoint_url: loginFields.endpoint_url.transform((text) => new URL(text).origin).describe('The other store, as the nodes of this one see it: `https://s3.other.example:9443`. Its certificate is verified with the CAs of the nodes'),
    bucket: BucketName.optional().describe('The bucket there; default: of the same name. It must keep versions, too'),
    access_key: z.string().min(3).describe('An account of the other store that may do no more than write copies into that bucket'),
    secret_key: SecretKey.describe('Its secret key'),
    prefix: z.string().default('').describe('For objects whose names begin so; empty: for all'),
    enabled: z.boolean().default(true).describe('Whether it copies'),
    delete_markers: z.boolean().default(true).describe('Whether what is deleted is deleted there, too, as far as versions go: the old ones stay'),
    deletes: z.boolean().default(false).describe('Whether a version that is deleted for good is deleted there for good as well. Without it a mistake of a client, or a client that means harm, does not reach the copies'),
    existing_objects: z.boolean().default(true).describe('Whether what was there before is copied, too; the scanner comes round to it'),
    replica_modifications: z.boolean().default(false).describe('For stores that copy to each other: whether tags and other data about a copy come back'),
    synchronous: z.boolean().default(false).describe('Whether a client waits for the copy as well. A failed copy fails no request'),
    bandwidth: Size.default(0).describe('How much it may send, per second and node: bytes, or with a unit; 0 for no limit'),
  })
  .refine((target) => target.bandwidth === 0 || target.bandwidth >= LEAST_BANDWIDTH, { path: ['bandwidth'], message: 'must be 0, or 100,000,000 bytes a second at least: MinIO takes no less' });

export const ReplicationArgs = z
  .strictObject({
    name: BucketName.describe('The bucket. It must keep versions'),
    targets: z.array(Target).default([]).describe('All stores that it is copied to, exactly'),
    state: z.enum(['present', 'absent']).default('present').describe('`absent`: it is copied nowhere'),
    ...loginFields,
  })
  .refine((args) => new Set(args.targets.map((t) => t.endpoint_url)).size === args.targets.length, { path: ['targets'], message: 'must have each endpoint_url once: MinIO copies a bucket to one bucket of another store' })
  .refine((args) => (args.state === 'present') === args.targets.length > 0, { path: ['targets'], message: 'must hold one; with state: absent none' });
export type ReplicationArgs = z.output<typeof ReplicationArgs>;
export type TargetArgs = ReplicationArgs['targets'][number];
