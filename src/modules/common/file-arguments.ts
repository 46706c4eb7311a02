/** Arguments that every module which writes files takes, with one wording. */
import { z } from 'zod';
import { AbsolutePath, AccountName, Mode } from '../arguments.ts';

export const attributeFields = {
  mode: Mode.optional().describe('Permissions as a quoted octal string, e.g. `"0644"`. Left as it is when not given'),
  owner: AccountName.optional().describe('User that owns it: name or numeric id. Left as it is when not given'),
  group: AccountName.optional().describe('Group that owns it: name or numeric id. Left as it is when not given'),
};

export const backupField = z.boolean().default(false).describe('Keep a copy of the old file beside it, named PATH.PID.DATE@TIME~');

export const validateField = z
  .string()
  .refine((command) => command.includes('%s'), 'must hold %s, which stands for the file to check')
  .optional()
  .describe('Command that must succeed on the new content before it is put in place; `%s` is the file. Split into words as a shell would, but not run by one');

/** A path that may end with a slash, which means "inside this directory". */
export const DestinationPath = z
  .string()
  .transform((text, context) => {
    const parsed = AbsolutePath.safeParse(text);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) context.addIssue({ code: 'custom', message: issue.message });
      return z.NEVER;
    }
    return { path: parsed.data, inside: text.endsWith('/') && text !== '/' };
  });

export interface Destination {
  readonly path: string;
  /** It was written with a final slash: a directory. */
  readonly inside: boolean;
}
