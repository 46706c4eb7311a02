import { Command, Option } from 'commander';
import { integer } from '../options.ts';
import type { Session } from '../session.ts';

export interface HistoryFlags {
  readonly limit: number;
  readonly inventory?: string;
  readonly json?: boolean;
}

export function historyCommand(session: Session): Command {
  const command = new Command('history')
    .description('list the runs made from this machine, the newest first')
    .addOption(new Option('-n, --limit <n>', 'how many').argParser(integer(1, 10_000)).default(20))
    .option('-i, --inventory <path>', 'only runs on this inventory')
    .option('--json', 'as JSON')
    .action(async (flags: HistoryFlags) => {
      const { historyAction } = await import('../actions/history.ts');
      session.status = await historyAction(session.context, flags);
    });
  command
    .command('show')
    .description('show one run: its changes, failures and counts')
    .argument('<run>', 'the run, or the beginning of its name')
    .option('--json', 'as JSON')
    .option('-D, --diff', 'with the differences that were recorded')
    .action(async (run: string, _flags: unknown, self: Command) => {
      const { historyShowAction } = await import('../actions/history.ts');
      // The parent has --json as well, and takes it when it stands before `show`.
      session.status = await historyShowAction(session.context, run, self.optsWithGlobals<{ json?: boolean; diff?: boolean }>());
    });
  return command;
}
