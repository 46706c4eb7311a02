import { z } from 'zod';

export const DebugSchema = z
  .strictObject({
    msg: z.unknown().optional().describe('What to show; default: Hello world!'),
    var: z.string().min(1).optional().describe('Name of a variable (or an expression) to show, in place of msg'),
    verbosity: z.int().min(0).max(5).default(0).describe('Show only with at least this many -v'),
  })
  .refine((args) => args.msg === undefined || args.var === undefined, 'give msg or var, not both');
