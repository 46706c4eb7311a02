/** `rollback`: finds the run in the history, and puts back on hosts what it has replaced there. */
import { existsSync } from 'node:fs';
import { keepLimits } from '../../run/keep-limits.ts';
import { rollBack } from '../../run/rollback.ts';
import { RUN_NAME } from '../../modules/rollback/schema.ts';
import { openStore, sharedDatabase } from '../../state/open-store.ts';
import type { RunDetails } from '../../state/store.ts';
import { badInput, type ExitStatus } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { RollbackFlags } from '../commands/rollback.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { maskedVariables } from '../run-arguments.ts';
import { combineReporters } from '../reporters/cli-reporter.ts';
import { makeReporter } from '../reporters/make.ts';
import { processInterruption } from '../terminal/signals.ts';
import { askBecomePassword, prompter, recorder, warner, withReporter } from './run.ts';

export interface RollbackWords {
  readonly run: string;
  readonly inventory: string | undefined;
  readonly playbooks: readonly string[];
  readonly flags: RollbackFlags;
}

/** What is known of the run here, if anything: the history may be another controller's. */
async function remembered(context: CliContext, run: string, warn: (message: string) => void): Promise<RunDetails | undefined> {
  const store = await openStore({ environment: context.environment, instead: (error) => { warn(`${error instanceof Error ? error.message : String(error)}: looking into the history of this machine instead`); } });
  try {
    return await store.showRun(run);
  } finally {
    await store.close();
  }
}

/** @throws Diagnostic `unknown-run`, `nothing-to-put-back` */
function checkedRun({ run, inventory }: RollbackWords, known: RunDetails | undefined): string {
  if (known === undefined && !RUN_NAME.test(run)) throw badInput('unknown-run', `no run, or more than one, begins with ${run}`, { remedy: 'care-provision history lists them; of a run that another controller made give the whole name, and the inventory' });
  if (known === undefined && inventory === undefined) throw badInput('unknown-run', `run ${run} is not in this history, so its inventory is not known`, { remedy: 'give the inventory: care-provision rollback RUN INVENTORY' });
  if (known !== undefined && known.mode !== 'apply') throw badInput('nothing-to-put-back', `run ${known.id} was a ${known.mode}: it has changed nothing`);
  return known?.id ?? run;
}

/** Files of the run's own words, which the history joins by commas. @throws Diagnostic when they are not to be found from here */
function filesOf(text: string, what: string): readonly string[] {
  // In brackets stand playbooks that were no files: those of a rollback, and of a command.
  const files = existsSync(text) ? [text] : text.split(',').filter((file) => file !== '' && !file.startsWith('('));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw badInput('no-such-file', `the run's ${what} ${missing} is not here`, { remedy: `go to where the run was started, or name the ${what}: care-provision rollback RUN INVENTORY PLAYBOOK` });
  return files;
}

/**
 * Hosts on which the run may have changed something: those that it did not get to the end of among them, and those that a worker changed which
 * has died, since the one that took them over has counted what it found done already.
 */
export function changedHosts(run: Pick<RunDetails, 'hosts' | 'changes'>): readonly string[] {
  const told = new Set(run.changes.map((change) => change.delegatedTo ?? change.host));
  const counted = Object.entries(run.hosts).filter(([, counts]) => counts === null || counts.changed + counts.failed + counts.unreachable + counts.rescued + counts.ignored > 0).map(([name]) => name);
  // In the order of the run; those that it has only reached by delegation come last.
  return [...new Set([...Object.keys(run.hosts).filter((name) => told.has(name) || counted.includes(name)), ...told])];
}

/**
 * Hosts on which it has changed something of which they must have kept a trace, or have dropped it since. Not by what was delegated: files are kept where
 * that was done, what a command did is noted for the host that asked, and what a service was told there may be in no journal.
 */
export function surelyChanged(run: Pick<RunDetails, 'changes'>): readonly string[] {
  return [...new Set(run.changes.filter((change) => change.delegatedTo === null).map((change) => change.host))];
}

function words({ inventory, playbooks, flags }: RollbackWords, run: string): readonly string[] {
  return [
    'rollback', run, ...(inventory === undefined ? [] : [inventory]), ...playbooks, ...flags.inventory.flatMap((each) => ['--inventory', each]),
    ...(flags.limit === undefined ? [] : ['--limit', flags.limit]), ...(flags.moved === 'refuse' ? [] : ['--moved', flags.moved]), ...(flags.playbooks ? [] : ['--no-playbooks']),
    ...flags.extraVars.flatMap((each) => ['--extra-vars', maskedVariables(each)]),
  ].map(maskSecrets);
}

/**
 * @returns as apply, with --check as check
 * @throws Diagnostic for a run that is not known, and all that a run throws
 */
export async function rollbackAction(context: CliContext, given: RollbackWords): Promise<ExitStatus> {
  const { flags } = given;
  const report = makeReporter(context, { format: flags.output, file: flags.outputFile, verbose: flags.verbose, diff: flags.diff === true });
  const history = recorder(context, report, flags.requireHistory === true);
  const interrupted = processInterruption(context, (line) => report.notice?.(line) === true);
  try {
    const reporter = combineReporters([report, history]);
    return await withReporter(reporter, async () => {
      const known = await remembered(context, given.run, warner(context, report));
      const run = checkedRun(given, known);
      const inventory = given.inventory === undefined ? filesOf(known?.inventory ?? '', 'inventory') : [given.inventory];
      const playbooks = !flags.playbooks || given.playbooks.length > 0 || given.inventory !== undefined || known === undefined ? given.playbooks : filesOf(known.playbook, 'playbook');
      return rollBack(
        {
          mode: flags.check === true ? 'check' : 'apply',
          inventory: [...inventory, ...flags.inventory],
          playbooks,
          limit: flags.limit,
          tags: [],
          skipTags: [],
          forks: flags.forks,
          extraVars: parseExtraVars(flags.extraVars, context.cwd),
          startAtTask: undefined,
          diff: flags.diff === true,
          arguments: words(given, run),
          becomePassword: await askBecomePassword(flags.askBecomePass),
          lockWaitSeconds: flags.lockWait,
          sharedLocks: sharedDatabase(context.environment),
          keep: keepLimits(context.environment),
          reporter,
          ...(flags.requireHistory === true ? { begun: () => history.begun() } : {}),
          stop: interrupted.stop,
          kill: interrupted.kill,
          prompt: prompter(context, report),
        },
        { run, ...(known === undefined ? { hosts: undefined } : { hosts: changedHosts(known), changed: surelyChanged(known) }), moved: flags.moved, withoutPlaybooks: !flags.playbooks || (playbooks.length === 0 && given.inventory === undefined) },
      );
    });
  } finally {
    interrupted.dispose();
  }
}
