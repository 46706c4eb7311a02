import { z } from 'zod';

export const FailSchema = z.strictObject({
  msg: z.string().default('failed as requested from task').describe('Why'),
});
