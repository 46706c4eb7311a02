/** The manifest of an offline bundle: what it holds, as its first file says. */
import { z } from 'zod';
import { buildRecordSchema } from './builds.ts';
import { LARGEST_BYTES } from './cache.ts';
import { PLATFORMS } from './catalogue.ts';

export const FORMAT = 'care-provision artifacts bundle';
export const MANIFEST = 'manifest.json';
export const LARGEST_MANIFEST = 16 * 1024 * 1024;
const DIGEST = z.string().regex(/^[0-9a-f]{64}$/);

export const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  artifacts: z.array(
    z.strictObject({
      name: z.string(), version: z.string(), platform: z.enum(PLATFORMS).optional(), sha256: DIGEST, size: z.int().nonnegative().max(LARGEST_BYTES), license: z.string(), end_of_life: z.string().optional(),
    }),
  ),
  builds: z.array(buildRecordSchema),
});
export type Manifest = z.output<typeof manifestSchema>;

