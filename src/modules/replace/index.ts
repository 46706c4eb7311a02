import { z } from 'zod';
import { Secret, revealed } from '../../support/secret.ts';
import { AbsolutePath, SecretText } from '../arguments.ts';
import { type Edit, editedPath, editFile, editQueries } from '../common/edit-file.ts';
import { attributeFields, backupField, validateField } from '../common/file-arguments.ts';
import { planning } from '../common/look.ts';
import { expandTemplate, pythonRegExp } from '../common/python-regexp.ts';
import { defineModule } from '../define.ts';

export const ReplaceArgs = z
  .strictObject({
    path: AbsolutePath.optional().describe('The file (also written `dest` or `name`)'),
    dest: AbsolutePath.optional().describe('Same as `path`'),
    name: AbsolutePath.optional().describe('Same as `path`'),
    regexp: z.string().min(1).describe('Python regular expression, over the whole text; `^` and `$` match at each line'),
    replace: SecretText.default('').describe('What takes the place of every match; may hold groups (`\\1`, `\\g<name>`)'),
    after: z.string().min(1).optional().describe('Only after the first match of this expression'),
    before: z.string().min(1).optional().describe('Only before the first match of this expression'),
    ...attributeFields,
    backup: backupField,
    validate: validateField,
  })
  .superRefine((args, context) => {
    if ([args.path, args.dest, args.name].filter((p) => p !== undefined).length !== 1) context.addIssue({ code: 'custom', path: ['path'], message: 'is needed, once: give `path` (or its other names `dest`, `name`)' });
  });
export type ReplaceArgs = z.output<typeof ReplaceArgs>;

interface Section {
  readonly start: number;
  readonly end: number;
}

/** The part of the text that `after` and `before` leave, as replace.py finds it; undefined: they match nothing. */
function section(args: ReplaceArgs, text: string, own: (text: string) => string): Section | undefined {
  if (args.after === undefined && args.before === undefined) return { start: 0, end: text.length };
  const name = '(?P<subsection>';
  const source =
    args.after !== undefined && args.before !== undefined ? `${args.after}${name}.*?)${args.before}` : args.after === undefined ? `${name}.*)${args.before ?? ''}` : `${args.after}${name}.*)`;
  const match = pythonRegExp(own(source), { dotAll: true }, 'd').exec(text);
  const found = match?.indices?.groups?.['subsection'];
  return found === undefined ? undefined : { start: found[0], end: found[1] };
}

/** The text with every match replaced. @throws Diagnostic bad-input for a bad expression */
export function replaceAll(args: ReplaceArgs, text: string, own: (text: string) => string): Edit {
  const where = section(args, text, own);
  if (where === undefined) return { text, msg: 'Pattern for before/after params did not match the given file' };
  const replacement = own(revealed(args.replace));
  const pattern = pythonRegExp(own(args.regexp), { multiline: true }, 'g');
  let count = 0;
  const part = text.slice(where.start, where.end);
  let out = '';
  let last = 0;
  for (const match of part.matchAll(pattern)) {
    out += part.slice(last, match.index) + expandTemplate(replacement, match);
    last = match.index + match[0].length;
    count += 1;
  }
  const after = text.slice(0, where.start) + out + part.slice(last) + text.slice(where.end);
  return { text: after, msg: after === text ? '' : `${String(count)} replacements made` };
}

export const replace = defineModule({
  name: 'replace',
  summary: 'Replace every match of an expression in a text file',
  description: `Expressions are Python's, as in Ansible. The task is idempotent only when the replaced text no longer matches, or
is replaced by itself. Links are written through.`,
  args: ReplaceArgs,
  examples: [{ title: 'A renamed host', yaml: "replace:\n  path: /etc/hosts\n  regexp: '(\\s)old\\.example(\\s|$)'\n  replace: '\\1new.example\\2'\n  backup: true" }],
  returns: { msg: '`N replacements made`' },
  queries: (args) => editQueries(editedPath(args)),
  plan: (args, host) =>
    planning(() =>
      editFile(
        host,
        {
          path: editedPath(args),
          attributes: { mode: args.mode, owner: args.owner, group: args.group },
          create: false,
          absentIsFine: false,
          backup: args.backup,
          validate: args.validate,
          secret: args.replace instanceof Secret,
        },
        (text, own) => replaceAll(args, text, own),
      ),
    ),
});
