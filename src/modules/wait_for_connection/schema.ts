import { z } from 'zod';

export const WaitForConnectionSchema = z.strictObject({
  timeout: z.number().positive().max(86_400).default(600).describe('Seconds to wait at most'),
  delay: z.number().min(0).max(3600).default(0).describe('Seconds before the first try'),
  sleep: z.number().positive().max(600).default(1).describe('Seconds between tries'),
});
