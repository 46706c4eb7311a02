import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';

/** A list, or one text with commas, as Ansible's lists of strings. */
const CommaList = z.union([z.string(), z.array(z.string())]).transform((v) => (typeof v === 'string' ? v.split(',').map((p) => p.trim()) : v));

export const FindArgs = z
  .strictObject({
    paths: z.union([AbsolutePath.transform((p) => [p]), z.array(AbsolutePath)]).optional().describe('Directories to look in (also written `path`)'),
    path: z.union([AbsolutePath.transform((p) => [p]), z.array(AbsolutePath)]).optional().describe('Same as `paths`'),
    patterns: CommaList.default(['*']).describe('Shell patterns for the name, any of which must match; regular expressions with `use_regex`'),
    excludes: CommaList.default([]).describe('Shell patterns for names to leave out; regular expressions with `use_regex`'),
    use_regex: z.boolean().default(false).describe('Patterns are Python regular expressions, matched from the beginning of the name'),
    recurse: z.boolean().default(false).describe('Look in directories below as well'),
    depth: z.int().positive().optional().describe('With `recurse`: how many levels; 1 is the directory itself'),
    file_type: z.enum(['file', 'directory', 'link', 'any']).default('file').describe('What to find'),
    hidden: z.boolean().default(false).describe('Find names that begin with a dot as well'),
    age: z.string().regex(/^-?\d+[smhdw]?$/, 'must be a number with s, m, h, d or w').optional().describe('At least this old, e.g. `2d`; with a minus at most this old'),
    age_stamp: z.enum(['atime', 'ctime', 'mtime']).default('mtime').describe('The time that `age` is about'),
    size: z.string().regex(/^-?\d+[bkmgt]?$/, 'must be a number with b, k, m, g or t').optional().describe('At least this large, e.g. `10m`; with a minus at most this large'),
    get_checksum: z.boolean().default(false).describe('Compute the sha256 of each file found'),
  })
  .superRefine((args, context) => {
    if ((args.paths === undefined) === (args.path === undefined)) context.addIssue({ code: 'custom', path: ['paths'], message: 'is needed, once: give `paths` (or its other name `path`)' });
  });
export type FindArgs = z.output<typeof FindArgs>;
