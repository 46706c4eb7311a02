/** The end of a run for people: tables per host and role, the slowest tasks, and one sentence with what to do. */
import type { Counts, RunMode } from '../../run/events.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { MASK } from '../../support/secret.ts';
import { quote } from '../../support/shell.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { Colour, Paint } from '../terminal/colour.ts';
import { COUNTED, duration, hostsWith, plural, type Summary } from './counts.ts';
import { named as namedOf, type Notes } from './text-notes.ts';

const COLUMN_COLOURS: Readonly<Record<keyof Counts, Colour>> = {
  ok: 'green',
  changed: 'yellow',
  failed: 'red',
  unreachable: 'red',
  skipped: 'cyan',
  unknown: 'magenta',
  rescued: 'cyan',
  ignored: 'cyan',
};
const MOST_NAMED = 5;
const MOST_SLOW = 5;
/** Hosts up to which each has its row; beyond, those with nothing to say are counted, and so many others have one. */
const FEW_HOSTS = 20;
const MOST_ROWS = 50;
/** Seconds below which a task is not worth naming. */
const SLOW = 0.1;

/** Columns that are zero everywhere are left out, but `ok`, `changed` and `failed` always stand. */
function table(title: string, rows: Readonly<Record<string, Counts>>, paint: Paint): string[] {
  const entries = Object.entries(rows).map(([name, counts]) => [safeLine(name === '' ? '(no role)' : name), counts] as const);
  if (entries.length === 0) return [];
  const always = new Set<string>(['ok', 'changed', 'failed']);
  const columns = COUNTED.filter((column) => always.has(column) || entries.some(([, counts]) => counts[column] > 0));
  const width = Math.max(title.length, ...entries.map(([name]) => name.length));
  const cell = (column: keyof Counts, counts: Counts): string => {
    const text = String(counts[column]).padStart(Math.max(column.length, 5));
    return counts[column] > 0 ? paint(COLUMN_COLOURS[column], text) : text;
  };
  return [
    '',
    paint('bold', `${title.padEnd(width)}  ${columns.map((column) => column.padStart(Math.max(column.length, 5))).join('  ')}`),
    ...entries.map(([name, counts]) => `${name.padEnd(width)}  ${columns.map((column) => cell(column, counts)).join('  ')}`),
  ];
}

const named = (hosts: readonly string[]): string => namedOf(hosts, MOST_NAMED);

/** What was run, for words that say how to go on. */
export interface Asked {
  readonly mode: RunMode;
  readonly inventory: string;
  readonly playbook: string;
  /** The command's words, its mode first; secrets masked. */
  readonly arguments?: readonly string[];
}

/** A word of a command line, quoted for a shell where it has to be. */
function quotedWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word);
}

/** The command line that does it in another mode; an ad-hoc task has no file to name. */
function commandLine(asked: Asked, mode: RunMode): string {
  if (asked.playbook.startsWith('(')) return mode === asked.mode ? 'the same command' : 'the same command without --check';
  const [, ...words] = asked.arguments ?? [];
  const plan = mode === asked.mode ? undefined : words[words.indexOf('--out') + 1];
  if (plan !== undefined && words.includes('--out')) return safeLine(`care-provision ${mode} ${quotedWord(plan)}`);
  // As it was given, --limit and all, but where a value was hidden.
  if (words.length > 0 && !words.some((word) => word.includes(MASK))) return safeLine(['care-provision', mode, ...words.map(quotedWord)].join(' '));
  const playbooks = asked.playbook === '' || asked.playbook.endsWith('playbooks/site.yml') ? '' : ` ${asked.playbook.replaceAll(',', ' ')}`;
  return safeLine(`care-provision ${mode} ${asked.inventory}${playbooks}`);
}

/**
 * The plan that was carried out; undefined for a run of an inventory: the first word is the inventory, where it was not a plan that
 * named it.
 */
function planOf({ inventory, arguments: [, first] = [] }: Asked): string | undefined {
  return first === undefined || inventory === first || inventory.startsWith(`${first},`) ? undefined : first;
}

/** How to go on after a run that did not get to its end. A plan of which something was made is refused from then on. */
function onceMore(asked: Asked, changed: number): string {
  const plan = planOf(asked);
  if (plan === undefined) return commandLine(asked, asked.mode);
  const named = safeLine(quotedWord(plan));
  const again = `care-provision ${asked.mode} ${named}${asked.arguments?.includes('--extra-vars') === true ? ' --extra-vars …' : ''}`;
  return asked.mode === 'apply' && changed > 0
    ? `a part of the plan was made, so make another and apply that: care-provision check ${safeLine(asked.inventory)} … --out ${named}`
    : `${again}${asked.mode === 'apply' ? ' (it is refused when hosts have moved meanwhile)' : ''}`;
}

/** What came of the run and what to do about it, in one or two sentences. */
export function verdict(summary: Summary, asked: Asked): string {
  const skipped = summary.skipped_plays ?? [];
  return skipped.length === 0 ? verdictOf(summary, asked) : `${verdictOf(summary, asked)} Skipped, since what they install is not to be had: ${plural(skipped.length, 'play')} (${safeLine(skipped.join(', '))}).`;
}

function verdictOf(summary: Summary, asked: Asked): string {
  const { mode } = asked;
  const inventory = safeLine(asked.inventory);
  const hosts = plural(Object.keys(summary.hosts).length, 'host');
  const time = duration(summary.seconds);
  const { total } = summary;
  const failed = hostsWith(summary, 'failed');
  const unreachable = hostsWith(summary, 'unreachable');
  const foreseen = mode === 'check' && total.changed > 0 ? ` ${plural(total.changed, 'task')} would change.` : '';
  const again = onceMore(asked, total.changed);
  const left = summary.unfinished === undefined ? '' : ` Left before their end: ${named(summary.unfinished)}.`;
  switch (summary.status) {
    case ExitStatus.ok:
      // Saying "converged" or "verified" of nothing would be a lie.
      if (COUNTED.every((count) => total[count] === 0)) return `Nothing was run: no task is there for ${hosts} (${time}). See --tags, --limit and ${mode === 'verify' ? 'the verify.yml of the roles' : 'the playbook'}.`;
      if (mode === 'verify') return `Verified: every check passed on ${hosts} (${time}).`;
      if (mode === 'check') return `Converged: nothing would change on ${hosts} (${time}).`;
      return total.changed === 0 ? `Converged: nothing had to change on ${hosts} (${time}).` : `Converged: ${plural(total.changed, 'task')} changed on ${hosts} (${time}).`;
    case ExitStatus.drift: {
      const drifted = Object.values(summary.hosts).filter((counts) => counts.changed > 0 || counts.unknown > 0).length;
      const unknown = total.unknown === 0 ? '' : `, ${plural(total.unknown, 'task')} cannot be told before`;
      return `Drift: ${plural(total.changed, 'task')} would change${unknown} on ${plural(drifted, 'host')} (${time}). To converge: ${planOf(asked) === undefined ? commandLine(asked, 'apply') : `care-provision apply ${safeLine(quotedWord(planOf(asked) ?? ''))}`}`;
    }
    case ExitStatus.failed: {
      const cut = unreachable.length === 0 ? '' : ` Not reached: ${named(unreachable)}.`;
      return `Failed on ${failed.length === 0 ? hosts : named(failed)} (${time}).${foreseen}${cut}${left} Mend the cause shown above, then run again: ${again}`;
    }
    case ExitStatus.unreachable:
      return `Unreachable: ${named(unreachable)} (${time}). The other hosts were worked on.${foreseen} Check the connection (care-provision run ${inventory} ${unreachable[0] === undefined ? 'HOST' : safeLine(unreachable[0])} -m command -a true), then run again: ${again}`;
    case ExitStatus.interrupted:
      return `Interrupted after ${time}: nothing more was started; what was in hand was finished, or killed by a second Ctrl-C.${left} To go on: ${again}`;
    case ExitStatus.locked:
      return `Another run works on ${failed.length === 0 ? hosts : named(failed)} (${time}). The other hosts were worked on.${foreseen} Wait for it (--lock-wait SECONDS), then run again: ${again}`;
    case ExitStatus.internal:
    case ExitStatus.notNotified:
    case ExitStatus.usage:
    case ExitStatus.badInput:
      return `Ended with status ${String(summary.status)} after ${time}; see above.`;
  }
}

/** Rows of the hosts; of many, only those of which there is something to say, the worst first. */
function hostRows(summary: Summary, paint: Paint): string[] {
  const all = Object.entries(summary.hosts);
  if (all.length <= FEW_HOSTS) return table('host', summary.hosts, paint);
  const weight = (counts: Counts): number => (counts.failed > 0 ? 8 : 0) + (counts.unreachable > 0 ? 4 : 0) + (counts.unknown > 0 ? 2 : 0) + (counts.changed > 0 ? 1 : 0);
  const telling = all.filter(([, counts]) => weight(counts) > 0).sort(([, a], [, b]) => weight(b) - weight(a));
  const quiet = all.length - telling.length;
  const more = telling.length - MOST_ROWS;
  return [
    ...table('host', Object.fromEntries(telling.slice(0, MOST_ROWS)), paint),
    ...(more > 0 ? [`and ${plural(more, 'more host')} with changes or trouble`] : []),
    ...(quiet > 0 ? [...(telling.length === 0 ? [''] : []), `${plural(quiet, 'host')} ${telling.length === 0 ? 'all ' : ''}without changes or trouble`] : []),
  ];
}

/** Where there is more to see; nothing of a run that had nothing to say. */
function more(summary: Summary): string[] {
  const silent = summary.run === '' || (summary.status === ExitStatus.ok && summary.total.changed === 0);
  return silent ? [] : [`More: care-provision history show ${summary.run}${summary.total.changed > 0 ? ' --diff' : ''}`];
}

/**
 * All lines of the recap, what matters most at the end, where the eye is.
 *
 * @param notes what the run's events had to say
 */
export function recap(summary: Summary, asked: Asked, notes: Notes, paint: Paint): string[] {
  const slow = summary.slowest.filter((task) => task.seconds >= SLOW).slice(0, MOST_SLOW);
  const slowWidth = Math.max(0, ...slow.map((task) => duration(task.seconds).length));
  const good = summary.status === ExitStatus.ok;
  const colour: Colour = good ? 'green' : summary.status === ExitStatus.drift ? 'yellow' : 'red';
  return [
    ...hostRows(summary, paint),
    // Tasks of plays alone make no table worth reading.
    ...(Object.keys(summary.roles).every((role) => role === '') ? [] : table('role', summary.roles, paint)),
    ...(slow.length === 0 ? [] : ['', paint('bold', 'slowest tasks')]),
    ...slow.map((task) => `${duration(task.seconds).padStart(slowWidth)}  [${safeLine(task.host)}] ${task.role === '' ? '' : `${safeLine(task.role)} : `}${safeLine(task.task)}`),
    ...notes.lines(summary, asked.mode, paint),
    '',
    paint(colour, verdict(summary, asked)),
    ...more(summary),
  ];
}
