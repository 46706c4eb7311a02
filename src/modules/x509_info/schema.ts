import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { authorityArgument } from '../common/x509.ts';

export const InfoSchema = z.strictObject({
  path: z
    .union([AbsolutePath, z.array(AbsolutePath)])
    .transform((v) => (typeof v === 'string' ? [v] : v))
    .describe('Certificate file on the host, or a list of them; of a chain the first certificate counts'),
  authority: authorityArgument.optional(),
  fail_below_days: z.number().optional().describe('Fail when one of them has fewer days left, or cannot be read'),
});
