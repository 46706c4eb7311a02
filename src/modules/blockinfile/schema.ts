import { z } from 'zod';
import { AbsolutePath, SecretText } from '../arguments.ts';
import { attributeFields, backupField, validateField } from '../common/file-arguments.ts';

export const BlockinfileArgs = z
  .strictObject({
    path: AbsolutePath.optional().describe('The file (also written `dest` or `name`)'),
    dest: AbsolutePath.optional().describe('Same as `path`'),
    name: AbsolutePath.optional().describe('Same as `path`'),
    block: SecretText.default('').describe('The lines between the markers (also written `content`). Empty: the block is removed'),
    content: SecretText.optional().describe('Same as `block`'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether the block is to be there'),
    marker: z
      .string()
      .refine((m) => m.includes('{mark}'), 'must hold {mark}, which becomes BEGIN and END')
      .refine((m) => !m.includes('\n'), 'must be one line')
      .default('# {mark} ANSIBLE MANAGED BLOCK')
      .describe('The line above and below the block; `{mark}` becomes `marker_begin` and `marker_end`. Several blocks in one file need different markers'),
    marker_begin: z.string().min(1).default('BEGIN').describe('What `{mark}` is above the block'),
    marker_end: z.string().min(1).default('END').describe('What `{mark}` is below the block'),
    insertafter: z.string().min(1).optional().describe('Where a new block goes: after the last line that matches this Python expression, or `EOF`. Default `EOF`'),
    insertbefore: z.string().min(1).optional().describe('Where a new block goes: before the last line that matches this Python expression, or `BOF`'),
    create: z.boolean().default(false).describe('Make the file, and the directories above it, when it is not there'),
    append_newline: z.boolean().default(false).describe('An empty line after the block'),
    prepend_newline: z.boolean().default(false).describe('An empty line before the block'),
    ...attributeFields,
    backup: backupField,
    validate: validateField,
  })
  .superRefine((args, context) => {
    const problem = (field: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [field], message });
    };
    if ([args.path, args.dest, args.name].filter((p) => p !== undefined).length !== 1) problem('path', 'is needed, once: give `path` (or its other names `dest`, `name`)');
    if (args.content !== undefined && args.block !== '') problem('content', 'is another name of `block`: give one of them');
    if (args.insertafter !== undefined && args.insertbefore !== undefined) problem('insertbefore', 'and `insertafter` exclude each other');
    if (args.marker_begin === args.marker_end) problem('marker_end', 'must differ from `marker_begin`');
  });
export type BlockinfileArgs = z.output<typeof BlockinfileArgs>;
