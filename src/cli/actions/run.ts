/** apply, check and verify: options in, one run, its reports out. */
import { run } from '../../run/run.ts';
import type { RunMode } from '../../run/events.ts';
import type { RunOptions } from '../../run/options.ts';
import { Diagnostic, type ExitStatus } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import type { RunFlags } from '../options.ts';
import { statusOf } from '../reporters/cli-reporter.ts';
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

/**
 * One run with its reporters.
 *
 * @returns the run's status; an error is reported to the reader of the output, then thrown for stderr
 */
export async function runAction(context: CliContext, request: RunRequest): Promise<ExitStatus> {
  const { flags } = request;
  const reporter = makeReporter(context, { format: flags.output, file: flags.outputFile, verbose: flags.verbose, diff: flags.diff === true });
  const interrupted = processInterruption(context);
  try {
    const options: RunOptions = {
      mode: request.mode,
      inventory: [request.inventory, ...flags.inventory],
      playbooks: [...request.playbooks, ...flags.playbook],
      limit: flags.limit,
      tags: flags.tags,
      skipTags: flags.skipTags,
      forks: flags.forks,
      extraVars: parseExtraVars(flags.extraVars, context.cwd),
      startAtTask: flags.startAtTask,
      diff: flags.diff === true,
      becomePassword: await askBecomePassword(flags.askBecomePass),
      lockWaitSeconds: flags.lockWait,
      reporter,
      stop: interrupted.stop,
      kill: interrupted.kill,
      prompt: context.interactive ? askOnTerminal : undefined,
    };
    if (flags.listHosts === true || flags.listTasks === true) return await listAction(context, options, flags);
    return await run(options);
  } catch (error) {
    reporter.aborted(error, statusOf(error));
    throw error;
  } finally {
    interrupted.dispose();
    await reporter.close();
  }
}
