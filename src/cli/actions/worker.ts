/** `worker`: a part of a run that another process coordinates. */
import { keepLimits } from '../../run/keep-limits.ts';
import type { RunOptions } from '../../run/options.ts';
import { work } from '../../run/workers/worker.ts';
import { Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { WorkerFlags } from '../commands/worker.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { processInterruption } from '../terminal/signals.ts';
import { workerJob } from '../workers/job.ts';
import { askBecomePassword } from './run.ts';
import { workersDatabase } from './workers.ts';

export interface WorkerWords {
  readonly inventory: string;
  readonly playbooks: readonly string[];
  readonly flags: WorkerFlags;
}

/** The words of a worker in a pod. Variables given in so many words would stand in the manifest: files are to be given. @throws Diagnostic `usage` */
function wordsOf({ inventory, playbooks, flags }: WorkerWords): readonly string[] {
  const open = flags.extraVars.find((each) => !each.startsWith('@'));
  if (open !== undefined) throw new Diagnostic({ kind: 'usage', code: 'open-variables', summary: 'a manifest is no place for values of --extra-vars', remedy: 'give them as a file of the project: --extra-vars @FILE' });
  return [
    'worker', '--run', flags.run, ...(flags.check === true ? ['--check'] : []), ...flags.inventory.flatMap((each) => ['--inventory', each]), ...flags.playbook.flatMap((each) => ['--playbook', each]),
    ...(flags.limit === undefined ? [] : ['--limit', flags.limit]), ...flags.tags.flatMap((each) => ['--tags', each]), ...flags.skipTags.flatMap((each) => ['--skip-tags', each]), '--forks', String(flags.forks),
    ...flags.extraVars.flatMap((each) => ['--extra-vars', each]), ...(flags.startAtTask === undefined ? [] : ['--start-at-task', flags.startAtTask]), '--lock-wait', String(flags.lockWait), inventory, ...playbooks,
  ];
}

/** @returns ok when the run is through, interrupted when this worker was told to stop. @throws Diagnostic for what keeps it from working */
export async function workerAction(context: CliContext, given: WorkerWords): Promise<ExitStatus> {
  const { flags } = given;
  if (flags.manifest === true) {
    context.stdout.write(workerJob({ run: flags.run, image: flags.image, secret: flags.secret, completions: flags.completions, words: wordsOf(given) }));
    return ExitStatus.ok;
  }
  const say = (line: string): void => { context.stderr.write(`${safeLine(line)}\n`); };
  const interrupted = processInterruption(context, () => false);
  try {
    const options: RunOptions = {
      mode: flags.check === true ? 'check' : 'apply',
      inventory: [given.inventory, ...flags.inventory],
      playbooks: [...given.playbooks, ...flags.playbook],
      limit: flags.limit,
      tags: flags.tags.flatMap((each) => each.split(',')),
      skipTags: flags.skipTags.flatMap((each) => each.split(',')),
      forks: flags.forks,
      extraVars: parseExtraVars(flags.extraVars, context.cwd),
      startAtTask: flags.startAtTask,
      diff: flags.diff === true,
      becomePassword: await askBecomePassword(flags.askBecomePass),
      lockWaitSeconds: flags.lockWait,
      keep: keepLimits(context.environment),
      reporter: { event: () => undefined, close: () => Promise.resolve() },
      stop: interrupted.stop,
      kill: interrupted.kill,
      prompt: undefined,
    };
    return await work(options, { run: flags.run, database: workersDatabase(context), say });
  } finally {
    interrupted.dispose();
  }
}
