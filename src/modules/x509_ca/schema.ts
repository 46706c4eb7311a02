import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { subjectArguments } from '../common/x509.ts';
import { encodePermitted } from '../../support/x509/names.ts';

export const CaSchema = z.strictObject({
  path: AbsolutePath.describe('File on the controller that holds the CA: certificates and keys, mode 0600'),
  ...subjectArguments,
  common_name: z.string().min(1).max(64).describe('CN of the CA, such as "Care site Kochi CA"'),
  type: z.enum(['ec-p256', 'ec-p384', 'rsa-3072', 'rsa-4096', 'ed25519']).default('ec-p256').describe('Kind of key'),
  days: z.int().min(1).max(36_500).default(3650).describe('How long a CA certificate is valid'),
  path_length: z.int().min(0).max(8).default(0).describe('How many further CAs may stand below it'),
  permitted: z
    .array(z.string())
    .default([])
    .refine((list) => list.length === 0 || encodePermitted(list) !== undefined, 'must be domains (example.org) and address ranges (10.0.0.0/8)')
    .describe('Domains and address ranges that its certificates may be for (name constraints); default: any'),
  rotate_at_percent: z.number().min(1).max(95).default(70).describe('Make the next CA when so much of the life of the current one has passed'),
  overlap_days: z.number().min(0).max(3650).default(14).describe('How long every host only trusts the next CA before it signs'),
  rotate: z.boolean().default(false).describe('Make the next CA now (give it once, with --extra-vars)'),
});
