import { z } from 'zod';

export const AssertSchema = z.strictObject({
  that: z
    .union([z.string(), z.boolean(), z.array(z.union([z.string(), z.boolean()])).min(1)])
    .describe('One condition (CEL) or a list of them; all must be true'),
  fail_msg: z.string().optional().describe('What to say when one is false'),
  success_msg: z.string().optional().describe('What to say when all are true'),
  quiet: z.boolean().default(false).describe('Say nothing when all are true'),
});
