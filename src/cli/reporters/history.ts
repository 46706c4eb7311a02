/** Runs of the history as text. */
import type { RunComparison } from '../../state/compare-runs.ts';
import type { ChangeRow, RecordedCounts, Revision, RunDetails, RunSummary, TaskRow } from '../../state/store.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { safeLine, safeLines } from '../../support/terminal-text.ts';
import { columns } from '../terminal/columns.ts';
import { duration, plural } from './counts.ts';

const STATUS_WORDS: Readonly<Record<number, string>> = {
  [ExitStatus.ok]: 'converged',
  [ExitStatus.internal]: 'defect',
  [ExitStatus.drift]: 'drift',
  [ExitStatus.failed]: 'failed',
  [ExitStatus.unreachable]: 'unreachable',
  [ExitStatus.badInput]: 'bad input',
  [ExitStatus.locked]: 'locked',
  [ExitStatus.interrupted]: 'interrupted',
  [ExitStatus.notNotified]: 'not notified',
};

export function outcome(run: RunSummary): string {
  if (run.status === null) return 'not finished';
  return run.mode === 'verify' && run.status === ExitStatus.ok ? 'verified' : (STATUS_WORDS[run.status] ?? `status ${String(run.status)}`);
}

/** The lines of `history`. */
export function runTable(runs: readonly RunSummary[]): readonly string[] {
  if (runs.length === 0) return ['no runs are recorded yet'];
  const rows = runs.map((run) => [
    run.id,
    run.startedAt,
    run.mode,
    outcome(run),
    run.seconds === null ? '' : duration(run.seconds),
    String(run.hostCount),
    String(run.total.changed),
    String(run.total.failed + run.total.unreachable),
    run.inventory,
  ]);
  return columns([['run', 'started', 'mode', 'outcome', 'time', 'hosts', 'changed', 'failed', 'inventory'], ...rows]);
}

/** `roles /srv/care/roles: 3f2a91c04b1d (main), with uncommitted changes`. */
function revisionLine(revision: Revision): string {
  const state = revision.dirty === true ? ', with uncommitted changes' : revision.dirty === null ? '' : ', clean';
  const commit = revision.commit === null ? 'not under git, or not told' : `${revision.commit.slice(0, 12)}${revision.branch === null ? '' : ` (${revision.branch})`}`;
  return `  ${revision.of} ${safeLine(revision.path)}: ${safeLine(commit)}${state}`;
}

const role = (name: string): string => (name === '' ? '' : `${safeLine(name)} : `);

export function indentedDiff(diff: string): string[] {
  return safeLines(diff).trimEnd().split('\n').map((line) => `      ${line}`);
}

function changeLines(change: ChangeRow, diff: boolean): string[] {
  return [
    `  [${safeLine(change.host)}] ${role(change.role)}${safeLine(change.task)} — ${safeLine(change.resource)}: ${safeLine(change.what)}${change.unknown ? ' (may)' : ''}`,
    ...(diff && change.diff !== null && change.diff !== '' ? indentedDiff(change.diff) : []),
  ];
}

function taskLines(task: TaskRow): string[] {
  return [
    `  ${task.status}: [${safeLine(task.host)}] ${role(task.role)}${safeLine(task.task)} (${safeLine(task.place)})`,
    ...(task.message === null ? [] : safeLines(task.message).trimEnd().split('\n').map((line) => `      ${line}`)),
  ];
}

const COUNTED = ['ok', 'changed', 'failed', 'unreachable', 'skipped', 'unknown'] as const satisfies readonly (keyof RecordedCounts)[];

const countCells = (counts: RecordedCounts | null): string[] => (counts === null ? ['not finished'] : COUNTED.map((name) => String(counts[name])));

/** A run as text, with a final newline. */
export function runText(run: RunDetails, diff: boolean): string {
  const lines = [
    `run ${run.id}: ${run.mode} ${safeLine(run.inventory)} ${safeLine(run.playbook)}`,
    `${run.startedAt} to ${run.endedAt ?? '(not finished)'}, by ${safeLine(run.user)} on ${safeLine(run.controller)}${run.origin === null ? '' : ` (${safeLine(run.origin)})`}, care-provision ${run.version}`,
    `${outcome(run)}; ${plural(run.hostCount, 'host')}${run.seconds === null ? '' : `; ${duration(run.seconds)}`}`,
    ...(run.arguments.length === 0 ? [] : [`as: care-provision ${safeLine(run.arguments.join(' '))}`]),
    ...run.revisions.map(revisionLine),
    '',
    ...columns([['host', ...COUNTED], ...Object.entries(run.hosts).map(([host, counts]) => [host, ...countCells(counts)])]),
  ];
  const section = (title: string, entries: readonly string[]): void => {
    if (entries.length > 0) lines.push('', title, ...entries);
  };
  section(run.mode === 'check' ? 'would change' : 'changed', run.changes.flatMap((change) => changeLines(change, diff)));
  section('tasks', run.tasks.filter((task) => task.status !== 'changed').flatMap(taskLines));
  section('slowest tasks', run.slowest.filter((task) => task.seconds >= 1).map((task) => `  ${duration(task.seconds)}  [${safeLine(task.host)}] ${role(task.role)}${safeLine(task.task)}`));
  section('warnings', run.warnings.map((warning) => `  ${warning.host === null ? '' : `[${safeLine(warning.host)}] `}${safeLine(warning.message)}`));
  return `${lines.join('\n')}\n`;
}

/** Two runs side by side as text, with a final newline. */
export function comparisonText(comparison: RunComparison, diff: boolean): string {
  const { a, b, differences, hosts, changes, trouble } = comparison;
  const lines = [`a: run ${a}`, `b: run ${b}`];
  const section = (title: string, entries: readonly string[]): void => {
    if (entries.length > 0) lines.push('', title, ...entries);
  };
  section('the runs', differences.flatMap((d) => [`  ${d.what}`, `    a: ${safeLine(d.a)}`, `    b: ${safeLine(d.b)}`]));
  section('only in a: hosts', hosts.onlyA.map((host) => `  ${safeLine(host)}`));
  section('only in b: hosts', hosts.onlyB.map((host) => `  ${safeLine(host)}`));
  if (hosts.different.length > 0) {
    section('counts', columns([['', 'host', ...COUNTED], ...hosts.different.flatMap((d) => [['a', d.host, ...countCells(d.a)], ['b', d.host, ...countCells(d.b)]])]).map((line) => `  ${line}`));
  }
  section('only in a: changes', changes.onlyA.flatMap((change) => changeLines(change, diff)));
  section('only in b: changes', changes.onlyB.flatMap((change) => changeLines(change, diff)));
  section('changed in both, not alike', changes.different.flatMap((pair) => ['  a:', ...changeLines(pair.a, diff), '  b:', ...changeLines(pair.b, diff)]));
  section('only in a: trouble', trouble.onlyA.flatMap(taskLines));
  section('only in b: trouble', trouble.onlyB.flatMap(taskLines));
  lines.push('', lines.length === 2 ? `nothing differs; ${plural(changes.same, 'change')} in both` : `${plural(changes.same, 'change')} alike in both`);
  return `${lines.join('\n')}\n`;
}
