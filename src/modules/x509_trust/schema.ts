import { z } from 'zod';
import { authorityArgument, certificatesArgument } from '../common/x509.ts';

export const TrustSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/, 'must be lower-case letters, digits and -').describe('Name in the trust store; the files there are called NAME-FINGERPRINT.crt'),
  authority: authorityArgument.optional(),
  certificates: certificatesArgument,
  state: z.enum(['present', 'absent']).default('present').describe('absent: trust nothing under this name any more'),
});
