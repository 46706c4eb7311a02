/** `converge run`: what the timer calls. One night, its record, and its reports when there is something to say. */
import path from 'node:path';
import { longestInterval } from '../../run/converge/calendar.ts';
import { readPolicy, type Policy } from '../../run/converge/policy.ts';
import { loadProject } from '../../run/load.ts';
import { ownMark } from '../../state/inventory-lock.ts';
import { readRecord, readWatch, writeRecord, type ConvergeBegun, type ConvergeEnded, type ConvergeRecord } from '../../state/converge-record.ts';
import { sharedDatabase } from '../../state/open-store.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';
import { recorder } from '../actions/run.ts';
import type { ConvergeRunFlags } from '../commands/converge.ts';
import type { CliContext } from '../context.ts';
import { formatError } from '../errors.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { readNotify, type Notify } from '../notify/config.ts';
import { statusOf, type CliReporter } from '../reporters/cli-reporter.ts';
import { makeReporter } from '../reporters/make.ts';
import { Collector } from '../report/collect.ts';
import { hostsByState, type RunReport } from '../report/model.ts';
import { namedHosts, outcome } from '../report/words.ts';
import { runArguments } from '../run-arguments.ts';
import { processInterruption } from '../terminal/signals.ts';
import { nightMetrics, type Expectation } from './metrics.ts';
import { nameOf } from './names.ts';
import { night, type Night } from './night.ts';
import { reportsDirectory } from './reports.ts';
import { emptyReport, whomToTell } from './tell.ts';
import { tellNight } from './telling.ts';

/** Changes that the record names. */
const MOST_LEFT = 20;

export interface ConvergeRequest {
  readonly inventory: string;
  readonly playbooks: readonly string[];
  readonly flags: ConvergeRunFlags;
}

/** What came of it, so far as it is known. */
interface Outcome {
  readonly report: RunReport;
  readonly status: ExitStatus;
  readonly night: Night | undefined;
  readonly notify: Notify | undefined;
  readonly policy: Policy | undefined;
  readonly error: Error | undefined;
}

/** @returns the status of the night; errors of the input are reported to whom the inventory names, then thrown for stderr */
export async function convergeRunAction(context: CliContext, request: ConvergeRequest, now: () => number = Date.now): Promise<ExitStatus> {
  const { flags, inventory } = request;
  const { environment } = context;
  const name = nameOf(flags.name, inventory);
  const warn = (message: string): void => { context.stderr.write(`${context.paintError('yellow', 'warning:')} ${maskSecrets(message)}\n`); };
  const reports = reportsDirectory(context.cwd, flags.reports);
  const before = readRecord(name, environment);
  const begun: ConvergeBegun = { at: new Date(now()).toISOString(), ...ownMark(), invocation: environment['INVOCATION_ID'] ?? null, timeout: flags.timeout };
  const record: ConvergeRecord = { format: 1, name, begun, ended: before?.ended ?? null, lastSuccess: before?.lastSuccess ?? null, since: before?.since ?? begun.at, ...(before?.interval === undefined ? {} : { interval: before.interval }), said: before?.said ?? null };
  // First of all, so that a run that dies, hangs or cannot read its input leaves a trace of having begun.
  await writeRecord(record, environment);
  const metrics = flags.metrics === undefined ? undefined : nightMetrics(path.resolve(context.cwd, flags.metrics), name, inventory, request.playbooks, now);
  const expected = (of: ConvergeRecord): Expectation => {
    const watch = readWatch(name, environment);
    return { interval: of.interval, since: watch?.since ?? of.since, looked: watch?.looked ?? undefined };
  };
  metrics?.begun(record, expected(record));
  const interrupted = processInterruption(context);
  try {
    const came = await theNight(context, request, { warn, stop: interrupted.stop, kill: interrupted.kill, now });
    const { report, status } = came;
    const runs = came.night?.runs ?? (report.run === '' ? [] : [report.run]);
    const told = await tellNight({ report, notify: came.notify, policy: came.policy, runs, environment, reports, name, before: record.said, warn, stop: interrupted.stop, now });
    const { failed } = told;
    const ended = endedRecord({ ...came, report: told.report }, runs, { told: failed === undefined ? null : failed === 0, recurring: told.recurring }, now());
    const success = status === ExitStatus.ok || status === ExitStatus.drift;
    const whole: ConvergeRecord = { ...record, ...(came.policy === undefined ? {} : { interval: longestInterval(came.policy) }), ended, said: told.said, lastSuccess: success ? ended.at : record.lastSuccess };
    await writeRecord(whole, environment);
    metrics?.ended(whole, expected(whole), report, failed);
    say(context, name, came, ended, told.quiet);
    if (came.error !== undefined) throw came.error;
    return status === ExitStatus.ok && (failed ?? 0) > 0 ? ExitStatus.notNotified : status;
  } finally {
    interrupted.dispose();
  }
}

interface Surroundings {
  readonly warn: (message: string) => void;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  readonly now: () => number;
}

/** The night with its errors: those that end it are an outcome, too. */
async function theNight(context: CliContext, { inventory, playbooks: given, flags }: ConvergeRequest, { warn, stop, kill, now }: Surroundings): Promise<Outcome> {
  const inventories = [inventory, ...flags.inventory];
  const playbooks = [...given, ...flags.playbook];
  let notify: Notify | undefined;
  let policy: Policy | undefined;
  let last: RunReport | undefined;
  try {
    const extraVars = parseExtraVars(flags.extraVars, context.cwd);
    // Whom to tell is known by the inventory alone: a broken playbook is told of, too.
    notify = whomToTell(inventories, extraVars);
    const loaded = loadProject({ inventory: inventories, playbooks, mode: 'apply' });
    notify = readNotify(loaded, extraVars);
    if (notify === undefined) warn('the inventory does not say whom to tell (notify, docs/reports.md): nobody hears of this run');
    policy = readPolicy(loaded, extraVars);
    const reporters = (): readonly CliReporter[] => {
      const text = makeReporter(context, { format: 'text', file: undefined, verbose: flags.verbose, diff: flags.diff === true });
      const history = recorder(context, text);
      return [text, { event: (one) => { history.event(one); }, aborted: () => undefined, close: () => history.close() }];
    };
    const came = await night({
      loaded, policy: flags.reportOnly === true ? { ...policy, mode: 'report' } : policy, now, reporters,
      progress: (report) => { last = report; },
      run: {
        inventory: inventories, playbooks, limit: undefined, tags: [], skipTags: [], forks: flags.forks, extraVars, startAtTask: undefined, diff: true, becomePassword: undefined,
        arguments: ['converge', ...runArguments({ mode: 'apply', inventory, playbooks: given, flags: { inventory: flags.inventory, playbook: flags.playbook, tags: [], skipTags: [], forks: flags.forks, extraVars: flags.extraVars, lockWait: 0, output: 'text', verbose: 0 } }).slice(1)],
        lockWaitSeconds: flags.lockWait, sharedLocks: sharedDatabase(context.environment), stop, kill, prompt: undefined,
      },
    });
    return { report: came.report, status: came.status, night: came, notify, policy, error: undefined };
  } catch (error) {
    const status = statusOf(error);
    const collector = new Collector();
    collector.aborted(error, status);
    const { aborted = '' } = collector.report();
    const report = last?.aborted === undefined ? emptyReport({ inventory: inventories.join(','), playbook: playbooks.join(','), aborted, status }) : last;
    return { report, status, night: undefined, notify, policy, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function endedRecord({ report, status, night: came }: Outcome, runs: readonly string[], { told, recurring }: { readonly told: boolean | null; readonly recurring: number | undefined }, at: number): ConvergeEnded {
  const left = came?.left ?? [];
  const aborted = report.aborted?.split('\n')[0];
  return {
    at: new Date(at).toISOString(), status, outcome: maskSecrets(aborted ?? outcome(report).text), restraint: came?.restraint ?? '', runs: [...runs], hosts: hostsByState(report), mended: came?.mended ?? 0,
    left: left.slice(0, MOST_LEFT).map((change) => maskSecrets(`${change.resource}: ${change.what} (${namedHosts(change.hosts, 5)})`)), leftCount: left.length, told, ...(recurring === undefined ? {} : { recurring }),
  };
}

/** The last lines: what came of the night, by the policy. */
function say(context: CliContext, name: string, { error }: Outcome, ended: ConvergeEnded, quiet: boolean): void {
  const lines = [`converge ${name}: ${ended.outcome}${ended.restraint === '' ? '' : `; not all was mended, since ${ended.restraint}`}`, ...(ended.told === null ? [] : [ended.told ? 'told: whom the inventory names' : 'NOT told: see the warnings']), ...(quiet ? ['nobody is told: the same was told of lately (remind_days)'] : [])];
  context.stdout.write(`${lines.map(maskSecrets).join('\n')}\n`);
  if (error !== undefined && ended.told === null) context.stderr.write(`${formatError(error, context.paintError).split('\n')[0] ?? ''}\n`);
}
