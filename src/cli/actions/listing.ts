/** `--list-hosts` and `--list-tasks`: what a run would work on. */
import { listRun, type ListedPlay } from '../../run/listing.ts';
import type { RunOptions } from '../../run/options.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { CliContext } from '../context.ts';
import { plural } from '../reporters/counts.ts';

export interface Listing {
  readonly hosts: boolean;
  readonly tasks: boolean;
}

/** Plays with their hosts, their tasks, or both. */
export function listingText(plays: readonly ListedPlay[], what: Listing): string {
  const lines = plays.flatMap((play, i) => [
    ...(i === 0 ? [] : ['']),
    `play: ${safeLine(play.play)} (${safeLine(play.pattern)})`,
    ...(what.hosts ? [`  ${plural(play.hosts.length, 'host')}`, ...play.hosts.map((host) => `    ${safeLine(host)}`)] : []),
    ...(what.tasks
      ? [
          `  ${plural(play.tasks.length, 'task')}`,
          ...play.tasks.map((task) => `    ${task.role === '' ? '' : `${safeLine(task.role)} : `}${safeLine(task.task)}${task.tags.length === 0 ? '' : `  [${task.tags.map(safeLine).join(', ')}]`}`),
        ]
      : []),
  ]);
  return `${lines.join('\n')}\n`;
}

/** @throws Diagnostic or DiagnosticList for input that cannot be read */
export function listAction(context: CliContext, options: Parameters<typeof listRun>[0] & Pick<RunOptions, 'mode'>, what: Listing, json: boolean): ExitStatus {
  const plays = listRun(options);
  const chosen = plays.map(({ play, pattern, hosts, tasks }) => ({ play, pattern, ...(what.hosts ? { hosts } : {}), ...(what.tasks ? { tasks } : {}) }));
  context.stdout.write(json ? `${JSON.stringify(chosen, undefined, 2)}\n` : listingText(plays, what));
  return ExitStatus.ok;
}
