import { z } from 'zod';
import { Mode, SecretText } from '../arguments.ts';
import { attributeFields, backupField, DestinationPath, validateField } from '../common/file-arguments.ts';

export const CopyArgs = z
  .strictObject({
    src: z.string().min(1).optional().describe('File or directory on the controller (in `files/` of the role, or beside the playbook), or on the host with `remote_src`. A directory with a final slash: what is in it'),
    content: z
      .union([SecretText, z.number().transform(String)], { error: 'must be text; write structured data with the to_json or to_yaml helper' })
      .optional()
      .describe('The text itself, in place of `src`. A secret stays one'),
    dest: DestinationPath.describe('Where to, on the host. With a final slash, or when it is a directory: into it'),
    ...attributeFields,
    mode: z.union([z.literal('preserve'), Mode]).optional().describe('Permissions as a quoted octal string, or `preserve` for those of the source. A new file gets `"0644"`, or `"0600"` when its content is a secret'),
    directory_mode: Mode.optional().describe('Permissions of directories that are made; default `"0755"`'),
    remote_src: z.boolean().default(false).describe('`src` is on the host'),
    force: z.boolean().default(true).describe('False: leave a file alone that is there already'),
    backup: backupField,
    validate: validateField,
    follow: z.boolean().default(false).describe('Write through a link at `dest` instead of replacing it'),
    local_follow: z.boolean().default(true).describe('Links inside a directory `src` are copied as what they lead to; false: as links'),
  })
  .superRefine((args, context) => {
    if ((args.src === undefined) === (args.content === undefined)) context.addIssue({ code: 'custom', path: ['src'], message: 'give either `src` or `content`' });
    if (args.content !== undefined && args.dest.inside) context.addIssue({ code: 'custom', path: ['dest'], message: 'must be a file for `content`, not a directory' });
    if (args.content !== undefined && args.mode === 'preserve') context.addIssue({ code: 'custom', path: ['mode'], message: 'cannot be preserve for `content`: there is no source to take it from' });
    if (args.remote_src && args.src?.startsWith('/') === false) context.addIssue({ code: 'custom', path: ['src'], message: 'must be an absolute path with `remote_src`' });
  });
export type CopyArgs = z.output<typeof CopyArgs>;
