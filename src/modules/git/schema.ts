import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';

const Ref = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_./@+-]*$/, 'must be a branch, a tag or a commit id');

export const GitSchema = z.strictObject({
  repo: z
    .string({ error: 'must be text without a secret: give the host a deploy key or a credential helper' })
    .min(1)
    .refine((r) => !r.startsWith('-'), 'must not begin with -')
    .refine((r) => !/^https?:\/\/[^/@]*:[^/@]*@/.test(r), 'must not hold a password: it would be kept in .git/config')
    .describe('Address of the repository, as the host sees it (https, ssh, or a path)'),
  dest: AbsolutePath.describe('Directory of the work tree'),
  version: Ref.default('HEAD').describe('Branch, tag or full commit id; HEAD is the remote\'s default branch'),
  remote: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/).default('origin').describe('Name of the remote'),
  force: z.boolean().default(false).describe('Throw local modifications away'),
  update: z.boolean().default(true).describe('Follow the remote; false: only clone when nothing is there'),
  depth: z.int().positive().optional().describe('Fetch only so many commits'),
  single_branch: z.boolean().default(false).describe('Clone only the history that leads to version'),
});
