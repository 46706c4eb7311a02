/** The run history for people and programs. */
import { openSqliteStore } from '../../state/sqlite-store.ts';
import type { RunDetails, RunSummary, Store } from '../../state/store.ts';
import { badInput, ExitStatus } from '../../support/diagnostic.ts';
import { safeLine, safeLines } from '../../support/terminal-text.ts';
import type { HistoryFlags } from '../commands/history.ts';
import type { CliContext } from '../context.ts';
import { duration, plural } from '../reporters/counts.ts';
import { columns } from '../terminal/columns.ts';

const STATUS_WORDS: Readonly<Record<number, string>> = {
  [ExitStatus.ok]: 'converged',
  [ExitStatus.internal]: 'defect',
  [ExitStatus.drift]: 'drift',
  [ExitStatus.failed]: 'failed',
  [ExitStatus.unreachable]: 'unreachable',
  [ExitStatus.badInput]: 'bad input',
  [ExitStatus.locked]: 'locked',
  [ExitStatus.interrupted]: 'interrupted',
};

function outcome(run: RunSummary): string {
  if (run.status === null) return 'not finished';
  return run.mode === 'verify' && run.status === ExitStatus.ok ? 'verified' : (STATUS_WORDS[run.status] ?? `status ${String(run.status)}`);
}

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export async function historyAction(context: CliContext, flags: HistoryFlags): Promise<ExitStatus> {
  const runs = await withStore((store) => store.listRuns({ limit: flags.limit, ...(flags.inventory === undefined ? {} : { inventory: flags.inventory }) }));
  if (flags.json === true) {
    context.stdout.write(`${JSON.stringify(runs, undefined, 2)}\n`);
    return ExitStatus.ok;
  }
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
  if (rows.length === 0) context.stdout.write('no runs are recorded yet\n');
  else for (const line of columns([['run', 'started', 'mode', 'outcome', 'time', 'hosts', 'changed', 'failed', 'inventory'], ...rows])) context.stdout.write(`${line}\n`);
  return ExitStatus.ok;
}

/** A run as text. */
export function runText(run: RunDetails, diff: boolean): string {
  const role = (name: string): string => (name === '' ? '' : `${safeLine(name)} : `);
  const lines = [
    `run ${run.id}: ${run.mode} ${safeLine(run.inventory)} ${safeLine(run.playbook)}`,
    `${run.startedAt} to ${run.endedAt ?? '(not finished)'}, by ${safeLine(run.user)} on ${safeLine(run.controller)}, care-provision ${run.version}`,
    `${outcome(run)}; ${plural(run.hostCount, 'host')}${run.seconds === null ? '' : `; ${duration(run.seconds)}`}`,
    '',
    ...columns([
      ['host', 'ok', 'changed', 'failed', 'unreachable', 'skipped', 'unknown'],
      ...Object.entries(run.hosts).map(([host, counts]) => [host, ...(counts === null ? ['not finished'] : [counts.ok, counts.changed, counts.failed, counts.unreachable, counts.skipped, counts.unknown].map(String))]),
    ]),
  ];
  const section = (title: string, entries: readonly string[]): void => { if (entries.length > 0) lines.push('', title, ...entries); };
  section(
    run.mode === 'check' ? 'would change' : 'changed',
    run.changes.flatMap((change) => [
      `  [${safeLine(change.host)}] ${role(change.role)}${safeLine(change.task)} — ${safeLine(change.resource)}: ${safeLine(change.what)}${change.unknown ? ' (may)' : ''}`,
      ...(diff && change.diff !== null ? safeLines(change.diff).split('\n').map((line) => `      ${line}`) : []),
    ]),
  );
  section('tasks', run.tasks.filter((task) => task.status !== 'changed').flatMap((task) => [
    `  ${task.status}: [${safeLine(task.host)}] ${role(task.role)}${safeLine(task.task)} (${safeLine(task.place)})`,
    ...(task.message === null ? [] : safeLines(task.message).trimEnd().split('\n').map((line) => `      ${line}`)),
  ]));
  section('warnings', run.warnings.map((warning) => `  ${warning.host === null ? '' : `[${safeLine(warning.host)}] `}${safeLine(warning.message)}`));
  return `${lines.join('\n')}\n`;
}

/** @throws Diagnostic `unknown-run` */
export async function historyShowAction(context: CliContext, id: string, flags: { readonly json?: boolean; readonly diff?: boolean }): Promise<ExitStatus> {
  const run = await withStore((store) => store.showRun(id));
  if (run === undefined) throw badInput('unknown-run', `no run, or more than one, begins with ${id}`, { remedy: 'care-provision history lists them' });
  context.stdout.write(flags.json === true ? `${JSON.stringify(run, undefined, 2)}\n` : runText(run, flags.diff === true));
  return ExitStatus.ok;
}
