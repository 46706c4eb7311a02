import { z } from 'zod';
import { forgetAbove } from '../../host/kinds/tree.ts';
import { action, type ActionResult } from '../../host/plan.ts';
import { sh, type Script } from '../../support/shell.ts';
import type { Outcome } from '../../transport/types.ts';
import { AbsolutePath } from '../arguments.ts';
import { defineModule } from '../define.ts';

const NamePart = z.string().regex(/^[^/\0\n]*$/, 'must be part of a file name: no slash, NUL or newline');

export const TempfileArgs = z.strictObject({
  state: z.enum(['file', 'directory']).default('file').describe('What to make'),
  path: AbsolutePath.default('/tmp').describe('Where to make it'),
  prefix: NamePart.default('ansible.').describe('How its name begins'),
  suffix: NamePart.default('').describe('How its name ends'),
});
type TempfileArgs = z.output<typeof TempfileArgs>;

function makeScript(args: TempfileArgs): Script {
  const template = `${args.path === '/' ? '' : args.path}/${args.prefix}XXXXXXXX`;
  const make = args.state === 'directory' ? sh`t=$(mktemp -d -- ${template})` : sh`t=$(mktemp -- ${template})`;
  // mktemp of busybox wants the X at the end, so a suffix comes after, without going over what is there.
  const rename = args.suffix === '' ? sh`` : sh`n=$t${args.suffix}; [ ! -e "$n" ] && mv -nT -- "$t" "$n"; t=$n`;
  return sh`set -eu; ${make}; ${rename}
printf '%s\\n' "$t"`;
}

function result(outcome: Outcome): ActionResult {
  const path = outcome.stdout.toString('utf8').replace(/\n$/, '');
  if (outcome.status !== 0 || path === '') return { changed: false, failed: true, msg: outcome.stderr.toString('utf8').trim() };
  return { changed: true, values: { path } };
}

export const tempfile = defineModule({
  name: 'tempfile',
  summary: 'Make a temporary file or directory with a new name',
  description: 'Always a change, as in Ansible: the name is new each time, readable by the owner only. Remove it with `file: { state: absent }`.',
  args: TempfileArgs,
  examples: [{ title: 'A directory to build in', yaml: 'tempfile:\n  state: directory\n  suffix: .build\nregister: build' }],
  returns: { path: 'Where it is' },
  plan: (args) =>
    action({
      resource: `temporary ${args.state} in ${args.path}`,
      what: 'create',
      mutates: true,
      perform: { type: 'script', script: makeScript(args), result },
      effects: forgetAbove(args.path, true),
    }),
});
