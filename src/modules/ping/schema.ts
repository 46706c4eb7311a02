import { z } from 'zod';

export const PingSchema = z.strictObject({ data: z.string().default('pong').describe('What to answer') });
