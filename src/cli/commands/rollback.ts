/** `rollback`: puts back what a run has replaced. */
import { Command, Option } from 'commander';
import { addExtraVarsOption, addHostOptions, addInventoryOption, addOutputOptions, addVerboseOption, integer, type OutputFormat } from '../options.ts';
import type { Session } from '../session.ts';

export interface RollbackFlags {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly forks: number;
  readonly askBecomePass?: boolean;
  readonly extraVars: readonly string[];
  readonly check?: boolean;
  readonly diff?: boolean;
  readonly moved: 'refuse' | 'leave' | 'overwrite';
  /** False for `--no-playbooks`. */
  readonly playbooks: boolean;
  readonly lockWait: number;
  readonly requireHistory?: boolean;
  readonly output: OutputFormat;
  readonly outputFile?: string;
  readonly verbose: number;
}

export function rollbackCommand(session: Session): Command {
  const command = new Command('rollback')
    .description('put back the files and units that a run has changed; packages, data and commands are out of its reach, and named')
    .argument('<run>', 'the run, or the beginning of its name, as history lists it')
    .argument('[inventory]', 'inventory file or directory; default: that of the run')
    .argument('[playbooks...]', 'playbooks whose handlers are to follow; default: those of the run')
    .option('-C, --check', 'say what would be put back and touch nothing; status 2 when something would')
    .option('-D, --diff', 'show what changes inside files')
    .addOption(new Option('--moved <what>', 'what has changed since the run: refuse to put back anything on that host, leave it as it is, or overwrite it').choices(['refuse', 'leave', 'overwrite']).default('refuse'))
    .option('--no-playbooks', 'read no playbooks: restart the units that the handlers of the run restarted');
  addInventoryOption(command);
  addHostOptions(command);
  addExtraVarsOption(command);
  command
    .addOption(new Option('--lock-wait <seconds>', 'how long to wait for another run on this inventory').argParser(integer(0, 86_400)).default(0))
    .option('--require-history', 'do not begin when the run cannot be recorded; status 3 when its record is not whole');
  addOutputOptions(command);
  return addVerboseOption(command).action(async (run: string, inventory: string | undefined, playbooks: readonly string[], flags: RollbackFlags) => {
    const { rollbackAction } = await import('../actions/rollback.ts');
    session.status = await rollbackAction(session.context, { run, inventory, playbooks, flags });
  });
}
