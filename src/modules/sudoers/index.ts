import { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { removed } from '../../host/kinds/path-effects.ts';
import { stat } from '../../host/kinds/path.ts';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { sh } from '../../support/shell.ts';
import { StringList } from '../arguments.ts';
import { putText } from '../common/edit-text.ts';
import { lookAt, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { NewAccountName } from '../group/schema.ts';

const OneLine = z.string().min(1).refine((text) => !/[\n\0]/.test(text), 'must be one line');

export const SudoersArgs = z
  .strictObject({
    // sudo ignores files whose names hold a dot or end in ~ (sudoers(5), #includedir).
    name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be letters, digits, _ and - (sudo ignores files with a dot in their names)').describe('Name of the file in /etc/sudoers.d'),
    user: NewAccountName.optional().describe('User who may run the commands'),
    group: NewAccountName.optional().describe('Group whose members may'),
    commands: StringList.refine((list) => list.length > 0 && list.every((c) => OneLine.safeParse(c).success && (c === 'ALL' || c.startsWith('/'))), 'must be ALL or commands with absolute paths').optional().describe('Commands with absolute paths, or `ALL`'),
    nopassword: z.boolean().default(true).describe('Without asking for a password'),
    setenv: z.boolean().default(false).describe('May keep variables of the environment'),
    noexec: z.boolean().default(false).describe('The commands may start no others'),
    runas: OneLine.optional().describe('As whom: user, or `user:group`; default root'),
    host: OneLine.default('ALL').describe('On which hosts'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether the rule is there'),
  })
  .refine((args) => args.state === 'absent' || (args.user === undefined) !== (args.group === undefined), { message: 'either user or group is needed' })
  .refine((args) => args.state === 'absent' || args.commands !== undefined, { message: 'commands are needed', path: ['commands'] });
export type SudoersArgs = z.output<typeof SudoersArgs>;

/** The rule's text (sudoers(5)); commas, colons, equals signs and backslashes in arguments are escaped there. */
export function sudoersText(args: SudoersArgs): string {
  const who = args.user ?? `%${args.group ?? ''}`;
  const tags = [...(args.noexec ? ['NOEXEC:'] : []), ...(args.nopassword ? ['NOPASSWD:'] : []), ...(args.setenv ? ['SETENV:'] : [])].join('');
  const commands = (args.commands ?? []).map((command) => command.replaceAll(/[,:=\\]/g, (c) => `\\${c}`)).join(', ');
  return `${who} ${args.host}=${args.runas === undefined ? '' : `(${args.runas}) `}${tags}${tags === '' ? '' : ' '}${commands}\n`;
}

function plan(args: SudoersArgs, host: HostView): Plan {
  const path = `/etc/sudoers.d/${args.name}`;
  if (args.state === 'absent') return lookAt(host, path).exists ? converge([{ resource: `file ${path}`, what: 'remove', script: sh`rm -f -- ${path}`, effects: removed(path) }]) : converge([]);
  const change = putText(host, { path, text: sudoersText(args), attributes: { mode: '0440', owner: 'root', group: 'root' }, validate: '/usr/sbin/visudo -cf %s' });
  return converge(change === undefined ? [] : [change]);
}

export const sudoersModule = defineModule({
  name: 'sudoers',
  summary: 'Let a user or group run commands as another',
  description: 'One rule a file in `/etc/sudoers.d`, checked by visudo before it is put in place: a broken rule never locks anyone out.',
  args: SudoersArgs,
  examples: [{ title: 'Backups without a password', yaml: 'sudoers:\n  name: backup\n  user: backup\n  runas: postgres\n  commands: /usr/bin/pgbackrest' }],
  queries: (args) => [stat(`/etc/sudoers.d/${args.name}`), content(`/etc/sudoers.d/${args.name}`)],
  plan: (args, host) => planning(() => plan(args, host)),
});
