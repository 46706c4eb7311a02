/** The run history for people and programs. */
import { compareRuns } from '../../state/compare-runs.ts';
import { openStore } from '../../state/open-store.ts';
import { retentionOf } from '../../state/retention.ts';
import type { RunDetails, Store } from '../../state/store.ts';
import { badInput, ExitStatus } from '../../support/diagnostic.ts';
import type { HistoryFlags, HistoryShowFlags, JsonFlags, PruneFlags } from '../commands/history.ts';
import type { CliContext } from '../context.ts';
import { plural } from '../reporters/counts.ts';
import { comparisonText, runTable, runText } from '../reporters/history.ts';

export async function withStore<T>(context: CliContext, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ environment: context.environment });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const asJson = (flags: JsonFlags): boolean => flags.json === true || flags.output === 'json';

/** One JSON value for programs. */
export function writeJson(context: CliContext, value: unknown): void {
  context.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

export async function historyAction(context: CliContext, flags: HistoryFlags): Promise<ExitStatus> {
  const runs = await withStore(context, (store) => store.listRuns({ limit: flags.limit, ...(flags.inventory === undefined ? {} : { inventory: flags.inventory }) }));
  if (asJson(flags)) writeJson(context, runs);
  else for (const line of runTable(runs)) context.stdout.write(`${line}\n`);
  return ExitStatus.ok;
}

/** @throws Diagnostic `unknown-run` */
export async function runOf(store: Store, id: string): Promise<RunDetails> {
  const run = await store.showRun(id);
  if (run === undefined) throw badInput('unknown-run', `no run, or more than one, begins with ${id}`, { remedy: 'care-provision history lists them' });
  return run;
}

/** @throws Diagnostic `unknown-run` */
export async function historyShowAction(context: CliContext, id: string, flags: HistoryShowFlags): Promise<ExitStatus> {
  const run = await withStore(context, (store) => runOf(store, id));
  if (asJson(flags)) writeJson(context, run);
  else context.stdout.write(runText(run, flags.diff === true));
  return ExitStatus.ok;
}

/** @throws Diagnostic `unknown-run` */
export async function historyDiffAction(context: CliContext, a: string, b: string, flags: HistoryShowFlags): Promise<ExitStatus> {
  const comparison = await withStore(context, async (store) => compareRuns(await runOf(store, a), await runOf(store, b)));
  if (asJson(flags)) writeJson(context, comparison);
  else context.stdout.write(comparisonText(comparison, flags.diff === true));
  return ExitStatus.ok;
}

export async function historyPruneAction(context: CliContext, flags: PruneFlags): Promise<ExitStatus> {
  const bounds = retentionOf(context.environment);
  const dropped = await withStore(context, (store) => store.prune({ ...bounds, runs: flags.keepRuns ?? bounds.runs, days: flags.keepDays ?? bounds.days }));
  context.stdout.write(`dropped ${plural(dropped, 'run')}\n`);
  return ExitStatus.ok;
}
