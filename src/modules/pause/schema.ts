import { z } from 'zod';

export const PauseSchema = z
  .strictObject({
    seconds: z.number().min(0).max(86_400).optional().describe('How long, in seconds'),
    minutes: z.number().min(0).max(1440).optional().describe('How long, in minutes'),
    prompt: z.string().min(1).optional().describe('Ask the person at the terminal, and wait for the answer'),
    echo: z.boolean().default(true).describe('Show what is typed'),
  })
  .refine((args) => [args.seconds, args.minutes, args.prompt].filter((a) => a !== undefined).length === 1, 'give one of seconds, minutes and prompt');
