import { z } from 'zod';
import { revealed } from '../../support/secret.ts';
import { AbsolutePath, SecretText } from '../arguments.ts';
import { attributeFields, backupField, validateField } from '../common/file-arguments.ts';

export const LineinfileArgs = z
  .strictObject({
    path: AbsolutePath.optional().describe('The file (also written `dest` or `name`)'),
    dest: AbsolutePath.optional().describe('Same as `path`'),
    name: AbsolutePath.optional().describe('Same as `path`'),
    regexp: z.string().min(1).optional().describe('Python regular expression for the line to replace or remove; with several matches the last (see `firstmatch`)'),
    search_string: z.string().min(1).optional().describe('Text that the line to replace or remove holds, taken literally'),
    line: SecretText.optional().describe('The line, without its newline'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether the line is to be there'),
    backrefs: z.boolean().default(false).describe('Put groups of `regexp` (`\\1`, `\\g<name>`) into `line`; without a match nothing is done'),
    insertafter: z.string().min(1).optional().describe('Where a new line goes: after the last line that matches this expression, or `EOF`, or `BOF`. Default `EOF`'),
    insertbefore: z.string().min(1).optional().describe('Where a new line goes: before the last line that matches this expression, or `BOF`'),
    firstmatch: z.boolean().default(false).describe('Take the first line that matches instead of the last'),
    create: z.boolean().default(false).describe('Make the file, and the directories above it, when it is not there'),
    ...attributeFields,
    backup: backupField,
    validate: validateField,
  })
  .superRefine((args, context) => {
    const problem = (field: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [field], message });
    };
    if ([args.path, args.dest, args.name].filter((p) => p !== undefined).length !== 1) problem('path', 'is needed, once: give `path` (or its other names `dest`, `name`)');
    if (args.regexp !== undefined && args.search_string !== undefined) problem('search_string', 'and `regexp` exclude each other');
    if (args.insertafter !== undefined && args.insertbefore !== undefined) problem('insertbefore', 'and `insertafter` exclude each other');
    if (args.line !== undefined && revealed(args.line).replace(/\n$/, '').includes('\n')) problem('line', 'must be one line; use blockinfile for several');
    if (args.backrefs && args.regexp === undefined) problem('backrefs', 'needs `regexp`');
    if (args.state === 'present' && args.line === undefined) problem('line', 'is needed with state: present');
    if (args.state === 'absent' && args.line === undefined && args.regexp === undefined && args.search_string === undefined) problem('line', 'is needed with state: absent, or `regexp`, or `search_string`');
  });
export type LineinfileArgs = z.output<typeof LineinfileArgs>;
