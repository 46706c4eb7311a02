import { content } from '../../host/kinds/content.ts';
import { crontab } from '../../host/kinds/crontab.ts';
import { removed } from '../../host/kinds/path-effects.ts';
import { converge, failed, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { attach, sh } from '../../support/shell.ts';
import { joinLines, putText, splitLines, textOf } from '../common/edit-text.ts';
import { pathQueries, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { editEnvironment, editJobs } from './edit.ts';
import { CronArgs } from './schema.ts';

function edited(args: CronArgs, lines: readonly string[], user: string | undefined): readonly string[] {
  const present = args.state === 'present';
  if (args.env) return editEnvironment(lines, args.name, present ? args.job : undefined);
  const schedule = args.special_time === undefined ? [args.minute, args.hour, args.day, args.month, args.weekday].join(' ') : `@${args.special_time}`;
  return editJobs(lines, args.name, present ? { name: args.name, schedule, user, command: args.job ?? '', disabled: args.disabled } : undefined);
}

/** One file of /etc/cron.d; it goes when its last line goes. */
function planFile(args: CronArgs, path: string, host: HostView): Plan {
  const text = textOf(host, path);
  const lines = splitLines(text ?? '');
  const wanted = edited(args, lines, args.user ?? host.user);
  if (joinLines(wanted) === joinLines(lines)) return converge([]);
  if (wanted.length === 0) return converge([{ resource: `file ${path}`, what: 'remove, no job is left', diff: { name: path, before: text ?? '', after: '' }, script: sh`rm -f -- ${path}`, effects: removed(path) }]);
  const change = putText(host, { path, text: joinLines(wanted), attributes: text === undefined ? { mode: '0644', owner: 'root', group: 'root' } : {}, backup: args.backup });
  return converge(change === undefined ? [] : [change]);
}

function planCrontab(args: CronArgs, host: HostView): Plan {
  const user = args.user ?? host.user;
  const query = crontab(user);
  const text = host.fact(query);
  if (text === undefined && host.uncertain(query) === undefined) return failed('the host has no crontab command', 'install the package cron in an earlier task');
  const lines = splitLines(text ?? '');
  const wanted = joinLines(edited(args, lines, undefined));
  if (wanted === joinLines(lines)) return converge([]);
  const who = user === host.user ? [] : ['-u', user];
  return converge([
    {
      resource: `cron ${args.name} of ${user}`,
      what: args.state === 'absent' ? 'remove' : 'set',
      diff: { name: `crontab of ${user}`, before: joinLines(lines), after: wanted },
      script: wanted === '' ? sh`crontab ${who} -r` : sh`crontab ${who} ${attach(wanted)}`,
      effects: [query.is(wanted)],
    },
  ]);
}

export const cronModule = defineModule({
  name: 'cron',
  summary: 'Keep a job in a user’s crontab or in /etc/cron.d',
  description: 'Jobs are marked by a comment `#Ansible: NAME`, as Ansible does, so jobs that it made are found again.',
  args: CronArgs,
  examples: [
    { title: 'Every night', yaml: 'cron:\n  name: prune backups\n  cron_file: backup\n  user: backup\n  minute: 15\n  hour: 2\n  job: /usr/local/bin/prune' },
    { title: 'No more', yaml: 'cron:\n  name: prune backups\n  state: absent' },
  ],
  queries: (args, host) => {
    if (args.cron_file === undefined) return [crontab(args.user ?? host.user)];
    const path = `/etc/cron.d/${args.cron_file}`;
    return [...pathQueries(path), content(path)];
  },
  plan: (args, host) => planning(() => (args.cron_file === undefined ? planCrontab(args, host) : planFile(args, `/etc/cron.d/${args.cron_file}`, host))),
});
