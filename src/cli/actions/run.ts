/** apply, check and verify: options in, one run, its reports out. */
import { loadProject } from '../../run/load.ts';
import { runLoaded } from '../../run/run.ts';
import type { RunMode } from '../../run/events.ts';
import type { RunOptions } from '../../run/options.ts';
import { isPlanFile, planSources } from '../../run/saved-plan/recognise.ts';
import { historyReporter, type HistoryRecorder } from '../../run/history-reporter.ts';
import { openStore, sharedDatabase } from '../../state/open-store.ts';
import { DATABASE_URL } from '../../state/postgres-url.ts';
import { keepLimits } from '../../run/keep-limits.ts';
import { retentionOf } from '../../state/retention.ts';
import { Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import type { RunFlags } from '../options.ts';
import { extraReporters } from '../report/make.ts';
import { runArguments } from '../run-arguments.ts';
import { combineReporters, statusOf, type CliReporter } from '../reporters/cli-reporter.ts';
import { makeReporter } from '../reporters/make.ts';
import { askOnTerminal } from '../terminal/prompt.ts';
import { processInterruption } from '../terminal/signals.ts';
import { listAction } from './listing.ts';

export interface RunRequest {
  readonly mode: RunMode;
  readonly inventory: string;
  /** Playbooks given as arguments; those of --playbook come after. */
  readonly playbooks: readonly string[];
  readonly flags: RunFlags;
}

/** The sudo password, asked for once when the option is given. @throws Diagnostic `no-terminal` */
export async function askBecomePassword(wanted: boolean | undefined): Promise<Secret | undefined> {
  if (wanted !== true) return undefined;
  const password = await askOnTerminal('sudo password', true);
  if (password === '') throw new Diagnostic({ kind: 'usage', code: 'empty-password', summary: 'the sudo password is empty', remedy: 'leave --ask-become-pass out for hosts whose sudo needs none' });
  return new Secret(password);
}

/** Says a warning where it garbles nothing. */
export function warner(context: CliContext, report: CliReporter): (message: string) => void {
  return (message) => {
    const line = `${context.paintError('yellow', 'warning:')} ${safeLine(message)}`;
    if (report.notice?.(line) !== true) context.stderr.write(`${line}\n`);
  };
}

/**
 * The run history as a further reader; what keeps it from being written is a warning, unless it is required.
 * @throws Diagnostic for an environment that makes no sense
 */
export function recorder(context: CliContext, report: CliReporter, required = false): HistoryRecorder {
  const warn = warner(context, report);
  const { environment } = context;
  sharedDatabase(environment);
  const instead = (error: unknown): void => {
    warn(`${error instanceof Error ? error.message : String(error)}; this run is recorded on this machine instead, see it with ${DATABASE_URL}= care-provision history`);
  };
  return historyReporter({
    open: () => openStore({ environment, leaveOpen: true, ...(required ? {} : { instead }) }),
    retention: retentionOf(environment),
    required,
    warn,
  });
}

/**
 * Questions of a run to the person at the terminal: one at a time, with the footer out of the way. Ctrl-C at a question is
 * a Ctrl-C of the run. Undefined where nobody is there.
 */
export function prompter(context: CliContext, report: CliReporter): RunOptions['prompt'] {
  if (!context.interactive) return undefined;
  let before: Promise<unknown> = Promise.resolve();
  const ask = async (question: string, hidden: boolean): Promise<string> => {
    try {
      return await (report.hold === undefined ? askOnTerminal(question, hidden) : report.hold(() => askOnTerminal(question, hidden)));
    } catch (error) {
      if (error instanceof Diagnostic && error.kind === 'interrupted') process.kill(process.pid, 'SIGINT');
      throw error;
    }
  };
  return (question, hidden) => {
    const answer = before.then(() => ask(question, hidden));
    // An answer that did not come must not keep the next question from being asked.
    before = answer.catch(() => undefined);
    return answer;
  };
}

/** Reports an error to the readers of the output, closes them, and gives the error on. */
export async function withReporter<T>(reporter: CliReporter, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    reporter.aborted(error, statusOf(error));
    // The first error is the one to tell.
    await reporter.close().catch(() => undefined);
    throw error;
  }
  await reporter.close();
  return result;
}

/**
 * One run with its reporters.
 *
 * @returns the run's status; an error is reported to the reader of the output, then thrown for stderr
 */
export async function runAction(context: CliContext, request: RunRequest): Promise<ExitStatus> {
  const { flags } = request;
  const fromPlan = request.mode !== 'verify' && isPlanFile(request.inventory);
  if (!fromPlan && (flags.acceptUnknown ?? []).length > 0) throw new Diagnostic({ kind: 'usage', code: 'plan-options', summary: '--accept-unknown is for a plan', remedy: 'care-provision apply plan.json --accept-unknown TASK' });
  if (flags.workers !== undefined) (await import('./workers.ts')).refuseWithWorkers(flags, fromPlan);
  if (flags.workers === undefined && flags.externalWorkers === true) throw new Diagnostic({ kind: 'usage', code: 'workers', summary: '--external-workers goes with --workers N' });
  const given = { inventory: [request.inventory, ...flags.inventory], playbooks: [...request.playbooks, ...flags.playbook] };
  const project = (fromPlan ? planSources(request.inventory) : undefined) ?? given;
  const selection = { mode: request.mode, limit: flags.limit, tags: flags.tags, skipTags: flags.skipTags };
  if (flags.listHosts === true || flags.listTasks === true) {
    return listAction(context, { ...project, ...selection }, { hosts: flags.listHosts === true, tasks: flags.listTasks === true }, flags.output === 'json');
  }
  const report = makeReporter(context, { format: flags.output, file: flags.outputFile, verbose: flags.verbose, diff: flags.diff === true });
  const history = recorder(context, report, flags.requireHistory === true);
  const interrupted = processInterruption(context, (line) => report.notice?.(line) === true);
  try {
    const say = (line: string): void => { if (report.notice?.(line) !== true) context.stderr.write(`${line}\n`); };
    const { reporters, notifier } = await extraReporters(context, { mode: request.mode, inventories: project.inventory, playbooks: project.playbooks, flags, warn: warner(context, report), stop: interrupted.stop });
    const reporter = combineReporters([report, history, ...reporters]);
    const status = await withReporter(reporter, async () => {
      const options: RunOptions = {
        ...project,
        ...selection,
        forks: flags.forks,
        extraVars: parseExtraVars(flags.extraVars, context.cwd),
        startAtTask: flags.startAtTask,
        // A report has the diffs, whatever the terminal shows.
        diff: flags.diff === true || flags.report !== undefined,
        arguments: runArguments(request),
        becomePassword: await askBecomePassword(flags.askBecomePass),
        lockWaitSeconds: flags.lockWait,
        sharedLocks: sharedDatabase(context.environment),
        keep: keepLimits(context.environment),
        reporter,
        ...(flags.requireHistory === true ? { begun: () => history.begun() } : {}),
        stop: interrupted.stop,
        kill: interrupted.kill,
        prompt: prompter(context, report),
      };
      const saved = fromPlan || flags.out !== undefined ? (await import('./saved-plan.ts')).savedPlanWork(context, request, options, fromPlan, say) : undefined;
      if (saved !== undefined) {
        if (notifier !== undefined) notifier.configure((await import('../notify/config.ts')).requireNotify(loadProject(saved.options), options.extraVars));
        return saved.go();
      }
      const loaded = loadProject(options);
      if (notifier !== undefined) notifier.configure((await import('../notify/config.ts')).requireNotify(loaded, options.extraVars));
      if (flags.workers !== undefined) return (await import('./workers.ts')).withWorkers(context, request, options, say);
      return runLoaded(loaded, options);
    });
    // What the run did stands: only a good one has nothing worse to say.
    return status === ExitStatus.ok && notifier !== undefined && (await notifier.failed) > 0 ? ExitStatus.notNotified : status;
  } finally {
    interrupted.dispose();
  }
}
