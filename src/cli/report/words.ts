/** Words that the page, the mail and the metrics share. Pure. */
import { ExitStatus } from '../../support/diagnostic.ts';
import { COUNTED, plural } from '../reporters/counts.ts';
import { hostsByState, type Hosts, type HostState, type RunReport } from './model.ts';
import { taskName } from '../../run/task-name.ts';

/** `2026-11-26 02:00 UTC` */
export function moment(iso: string): string {
  return iso === '' ? '' : `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** What a state is called: in check mode nothing has changed yet. */
export function stateWord(state: HostState, report: Pick<RunReport, 'mode'>): string {
  if (state === 'changed') return report.mode === 'check' ? 'drifted' : 'changed';
  return state === 'converged' && report.mode === 'verify' ? 'verified' : state;
}

/** Good, bad, something to look at, or not known: decides colour and sign. */
export type Tone = 'good' | 'warn' | 'bad' | 'doubt';

export function stateTone(state: HostState, report: Pick<RunReport, 'mode'>): Tone {
  switch (state) {
    case 'failed':
    case 'unreachable':
      return 'bad';
    case 'unfinished':
    case 'unknown':
      return 'doubt';
    case 'changed':
      return report.mode === 'check' ? 'warn' : 'good';
    case 'converged':
      return 'good';
  }
}

/** The outcome in a few words, for a headline or a subject: `3 of 12 hosts failed`. */
export function outcome(report: RunReport): { readonly text: string; readonly tone: Tone } {
  const states = hostsByState(report);
  const all = report.hosts.length;
  const some = (count: number, what: string): string => `${all === 1 ? '1 host' : `${String(count)} of ${plural(all, 'host')}`} ${what}`;
  switch (report.status) {
    case undefined:
      return { text: 'has not come to its end', tone: 'doubt' };
    // No run has it of itself; the command adds it.
    case ExitStatus.notNotified:
    case ExitStatus.ok:
      // Nobody has looked: neither converged nor verified.
      if (COUNTED.every((count) => report.total[count] === 0)) return { text: `nothing was run${all === 0 ? '' : `: no task is there for ${plural(all, 'host')}`}`, tone: 'doubt' };
      if (report.mode === 'verify') return { text: `verified: every check passed on ${plural(all, 'host')}`, tone: 'good' };
      return { text: states.changed === 0 ? `converged: nothing ${report.mode === 'check' ? 'would change' : 'had to change'} on ${plural(all, 'host')}` : `converged: ${some(states.changed, 'changed')}`, tone: 'good' };
    case ExitStatus.drift:
      // Of a nightly run that has mended what it may.
      if (report.mode === 'apply') return { text: `${states.changed === 0 ? 'nothing was mended' : `mended: ${some(states.changed, 'changed')}`}, ${plural(report.policy?.left.length ?? 0, 'change')} left as ${report.policy?.left.length === 1 ? 'it is' : 'they are'}`, tone: 'warn' };
      return { text: `drift: ${some(states.changed + states.unknown, 'would change')}`, tone: 'warn' };
    case ExitStatus.failed:
      return { text: `failed: ${some(states.failed, 'failed')}${states.unreachable === 0 ? '' : `, ${String(states.unreachable)} unreachable`}`, tone: 'bad' };
    case ExitStatus.unreachable:
      return { text: some(states.unreachable, 'unreachable'), tone: 'bad' };
    case ExitStatus.locked:
      return { text: 'locked: another run is at work', tone: 'bad' };
    case ExitStatus.interrupted:
      return { text: 'interrupted', tone: 'doubt' };
    case ExitStatus.usage:
    case ExitStatus.badInput:
      return { text: 'did not begin: bad input', tone: 'bad' };
    case ExitStatus.internal:
      return { text: `ended by a defect (status ${String(report.status)})`, tone: 'bad' };
  }
}

/** `db1, db2 and 3 more` */
export function namedHosts(hosts: Hosts, most: number): string {
  const first = hosts.named.slice(0, most).join(', ');
  const more = hosts.count - Math.min(most, hosts.named.length);
  return more > 0 ? `${first} and ${String(more)} more` : first;
}

/** The name of a task, and that it is a handler. */
export function taskTitle(of: { readonly role: string; readonly task: string; readonly handler?: boolean }): string {
  return taskName({ role: of.role, task: `${of.handler === true ? 'handler ' : ''}${of.task}` });
}
