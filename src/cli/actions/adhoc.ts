/** `run` and `facts`: a run of one task. */
import { runAdHoc, showFacts } from '../../run/adhoc.ts';
import type { RunMode } from '../../run/events.ts';
import { keepLimits } from '../../run/keep-limits.ts';
import type { RunOptions } from '../../run/options.ts';
import { findModule, modules } from '../../modules/registry.ts';
import { sharedDatabase } from '../../state/open-store.ts';
import { Diagnostic, type ExitStatus } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { MASK } from '../../support/secret.ts';
import type { ValueMap } from '../../support/value.ts';
import { adHocArguments } from '../adhoc-arguments.ts';
import type { AdHocFlags, FactsFlags } from '../commands/run.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { combineReporters, type CliReporter } from '../reporters/cli-reporter.ts';
import { factsReporter } from '../reporters/facts.ts';
import { makeReporter } from '../reporters/make.ts';
import { processInterruption } from '../terminal/signals.ts';
import { askBecomePassword, prompter, recorder, withReporter } from './run.ts';

interface OneTask {
  readonly inventory: string;
  readonly flags: FactsFlags;
  readonly mode: RunMode;
  readonly diff: boolean;
  readonly extraVars: ValueMap;
  readonly reporter: CliReporter;
  readonly arguments: readonly string[];
}

async function runOne(context: CliContext, one: OneTask, work: (options: RunOptions) => Promise<ExitStatus>): Promise<ExitStatus> {
  const { flags } = one;
  const interrupted = processInterruption(context, (line) => one.reporter.notice?.(line) === true);
  try {
    return await withReporter(one.reporter, async () =>
      work({
        mode: one.mode,
        inventory: [one.inventory, ...flags.inventory],
        playbooks: [],
        limit: flags.limit,
        tags: [],
        skipTags: [],
        forks: flags.forks,
        extraVars: { ...parseExtraVars(flags.extraVars, context.cwd), ...one.extraVars },
        startAtTask: undefined,
        diff: one.diff,
        arguments: one.arguments,
        becomePassword: await askBecomePassword(flags.askBecomePass),
        lockWaitSeconds: 0,
        sharedLocks: sharedDatabase(context.environment),
        keep: keepLimits(context.environment),
        reporter: one.reporter,
        stop: interrupted.stop,
        kill: interrupted.kill,
        prompt: prompter(context, one.reporter),
      }),
    );
  } finally {
    interrupted.dispose();
  }
}

/** @throws Diagnostic `usage` for an unknown module or arguments that cannot be read */
export async function adHocAction(context: CliContext, inventory: string, pattern: string, flags: AdHocFlags): Promise<ExitStatus> {
  const module = findModule(flags.moduleName);
  if (module === undefined) {
    throw new Diagnostic({ kind: 'usage', code: 'unknown-module', summary: `there is no module ${flags.moduleName}`, remedy: suggestion(flags.moduleName, modules.keys()) ?? 'care-provision doc lists them' });
  }
  const args = adHocArguments(module, flags.args);
  // Results are what an ad-hoc run is for: they are shown as with -v.
  const report = makeReporter(context, { format: flags.output, file: flags.outputFile, verbose: Math.max(1, flags.verbose), diff: flags.diff === true });
  const reporter = combineReporters([report, recorder(context, report)]);
  const extraVars: ValueMap = flags.becomeUser === undefined ? {} : { ansible_become_user: flags.becomeUser };
  const become = flags.become === true || flags.becomeUser !== undefined;
  const one: OneTask = { inventory, flags, mode: flags.check === true ? 'check' : 'apply', diff: flags.diff === true, extraVars, reporter, arguments: ['run', inventory, pattern, '--module-name', module.name, ...(flags.args === undefined ? [] : ['--args', MASK])] };
  return runOne(context, one, (options) => runAdHoc(options, { pattern, module: module.name, args, become }));
}

/** Reads only: check mode takes no lock and leaves nothing behind. */
export async function factsAction(context: CliContext, inventory: string, pattern: string, flags: FactsFlags): Promise<ExitStatus> {
  const reporter = factsReporter(context.stdout, context.stderr, context.paintError);
  return runOne(context, { inventory, flags, mode: 'check', diff: false, extraVars: {}, reporter, arguments: ['facts', inventory, pattern] }, (options) => showFacts(options, pattern));
}
