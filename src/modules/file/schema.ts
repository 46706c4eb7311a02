import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { attributeFields } from '../common/file-arguments.ts';

const When = z.enum(['preserve', 'now']);

export const FileArgs = z
  .strictObject({
    path: AbsolutePath.optional().describe('The path to manage (also written `dest` or `name`)'),
    dest: AbsolutePath.optional().describe('Same as `path`'),
    name: AbsolutePath.optional().describe('Same as `path`'),
    state: z
      .enum(['file', 'directory', 'link', 'hard', 'absent', 'touch'])
      .optional()
      .describe('What is to be there. `file` only sets attributes of an existing file; `directory` makes parents as well. Default: what is there now, `directory` with `recurse`, else `file`'),
    ...attributeFields,
    src: z.string().min(1).regex(/^[^\0\n]*$/, 'must not hold a NUL or a newline').optional().describe('For `link`: what the link holds, absolute or relative to it. For `hard`: the existing file'),
    recurse: z.boolean().default(false).describe('With `state: directory`: set mode, owner and group on everything below as well. Links are left alone'),
    force: z.boolean().default(false).describe('For links: make one whose target does not exist, and replace a file or an empty directory by one'),
    follow: z.boolean().default(true).describe('When the path is a link, manage what it leads to'),
    access_time: When.optional().describe('With `state: touch`: `preserve` leaves the access time alone'),
    modification_time: When.optional().describe('With `state: touch`: `preserve` leaves the modification time alone'),
  })
  .superRefine((args, context) => {
    const given = [args.path, args.dest, args.name].filter((p) => p !== undefined);
    if (given.length !== 1) context.addIssue({ code: 'custom', path: ['path'], message: 'is needed, once: give `path` (or its other names `dest`, `name`)' });
    if (args.recurse && args.state !== undefined && args.state !== 'directory') context.addIssue({ code: 'custom', path: ['recurse'], message: 'goes with state: directory only' });
    if (args.src !== undefined && args.state !== 'link' && args.state !== 'hard') context.addIssue({ code: 'custom', path: ['src'], message: 'goes with state: link and state: hard only' });
    if (args.state === 'hard' && args.src?.startsWith('/') !== true) context.addIssue({ code: 'custom', path: ['src'], message: 'must be an absolute path for state: hard' });
    for (const name of ['access_time', 'modification_time'] as const) {
      if (args[name] !== undefined && args.state !== 'touch') context.addIssue({ code: 'custom', path: [name], message: 'goes with state: touch only' });
    }
  });
export type FileArgs = z.output<typeof FileArgs>;

/** The path, under whichever of its names it was given. */
export function managedPath(args: FileArgs): string {
  const path = args.path ?? args.dest ?? args.name;
  if (path === undefined) throw new Error('the schema lets no task through that has no path');
  return path;
}
