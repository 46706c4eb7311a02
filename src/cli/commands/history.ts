import { Command, Option } from 'commander';
import { integer } from '../options.ts';
import type { Session } from '../session.ts';

export interface JsonFlags {
  readonly output?: 'text' | 'json';
  /** The older word for `--output json`. */
  readonly json?: boolean;
}

export interface HistoryFlags extends JsonFlags {
  readonly limit: number;
  readonly inventory?: string;
}

export interface HistoryShowFlags extends JsonFlags {
  readonly diff?: boolean;
}

export interface PruneFlags {
  readonly keepRuns?: number;
  readonly keepDays?: number;
}

// Without a default: the parent has the option as well, and a default of its own would win over what was said after `show`.
function addJsonOptions(command: Command): Command {
  return command.addOption(new Option('--output <format>', 'text for people (default), json for programs').choices(['text', 'json'])).option('--json', 'as --output json');
}

export function historyCommand(session: Session): Command {
  const command = new Command('history').description('list the runs, the newest first');
  addJsonOptions(command)
    .addOption(new Option('-n, --limit <n>', 'how many').argParser(integer(1, 10_000)).default(20))
    .option('-i, --inventory <path>', 'only runs on this inventory')
    .action(async (flags: HistoryFlags) => {
      const { historyAction } = await import('../actions/history.ts');
      session.status = await historyAction(session.context, flags);
    });
  addJsonOptions(command.command('show').description('show one run: who, from where, with what; its changes, failures and counts').argument('<run>', 'the run, or the beginning of its name'))
    .option('-D, --diff', 'with the differences inside files')
    .action(async (run: string, _flags: unknown, self: Command) => {
      const { historyShowAction } = await import('../actions/history.ts');
      session.status = await historyShowAction(session.context, run, self.optsWithGlobals<HistoryShowFlags>());
    });
  addJsonOptions(command.command('diff').description('compare two runs: what only one of them changed, what failed in only one').argument('<a>', 'a run, or the beginning of its name').argument('<b>', 'another'))
    .option('-D, --diff', 'with the differences inside files')
    .action(async (a: string, b: string, _flags: unknown, self: Command) => {
      const { historyDiffAction } = await import('../actions/history.ts');
      session.status = await historyDiffAction(session.context, a, b, self.optsWithGlobals<HistoryShowFlags>());
    });
  command
    .command('prune')
    .description('drop old runs now; by itself every run does')
    .addOption(new Option('--keep-runs <n>', 'runs to keep of each inventory; default: CARE_HISTORY_RUNS, or 500').argParser(integer(1, 9_999_999)))
    .addOption(new Option('--keep-days <n>', 'days to keep them; default: CARE_HISTORY_DAYS, or no bound').argParser(integer(1, 9_999_999)))
    .action(async (flags: PruneFlags) => {
      const { historyPruneAction } = await import('../actions/history.ts');
      session.status = await historyPruneAction(session.context, flags);
    });
  command
    .command('report')
    .description('write the report of one run, one HTML file')
    .argument('<run>', 'the run, or the beginning of its name')
    .argument('<file>', 'where to')
    .action(async (run: string, file: string) => {
      const { historyReportAction } = await import('../actions/history-report.ts');
      session.status = await historyReportAction(session.context, run, file);
    });
  return command;
}
