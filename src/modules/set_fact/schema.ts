import { z } from 'zod';

const Name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a variable name: letters, digits and _, not beginning with a digit');

export const SetFactSchema = z
  .record(Name, z.unknown())
  .refine((facts) => Object.keys(facts).length > 0, 'names no variable')
  .refine((facts) => !('cacheable' in facts), { path: ['cacheable'], message: 'facts are not cached between runs: leave cacheable out' })
  .describe('Variables and their values, for later tasks of the same host');
