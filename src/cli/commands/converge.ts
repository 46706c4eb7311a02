/** `converge`: every night, by a timer: look, mend what the policy lets be mended, tell whom the inventory names. */
import { Command, Option } from 'commander';
import { addExtraVarsOption, addInventoryOption, integer } from '../options.ts';
import type { Session } from '../session.ts';

/** What every command of a nightly run takes. */
export interface ConvergeFlags {
  readonly inventory: readonly string[];
  readonly name?: string;
  readonly extraVars: readonly string[];
  readonly metrics?: string;
}

export type ConvergeWatchFlags = ConvergeFlags;

export interface ConvergeRunFlags extends ConvergeFlags {
  readonly playbook: readonly string[];
  readonly forks: number;
  readonly lockWait: number;
  readonly reports?: string;
  readonly reportOnly?: boolean;
  /** Seconds, for who watches the run. */
  readonly timeout: number;
  readonly diff?: boolean;
  readonly verbose: number;
}

const append = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function addCommon(command: Command): Command {
  addInventoryOption(command.argument('<inventory>', 'inventory file or directory'));
  command.option('--name <name>', "the nightly run's name; default: that of the inventory");
  return addExtraVarsOption(command).option('--metrics <directory>', "write metrics into node_exporter's textfile directory");
}

function addRun(command: Command): Command {
  addCommon(command).argument('[playbooks...]', 'playbooks, in order; default: playbooks/site.yml beside the inventory');
  return command
    .option('--playbook <file>', 'a playbook to run (repeatable)', append, [])
    .addOption(new Option('-f, --forks <n>', 'hosts worked on at once').argParser(integer(1, 1000)).default(30))
    .addOption(new Option('--lock-wait <seconds>', 'how long to wait for another run on this inventory').argParser(integer(0, 86_400)).default(900))
    .option('--reports <directory>', 'keep a report, one HTML file a night, of nights on which there is something to say');
}

function runCommand(session: Session): Command {
  return addRun(new Command('run').description('one nightly run, as the timer calls it: check, then mend what the policy of the inventory (converge) lets be mended'))
    .option('--report-only', 'mend nothing, whatever the policy says')
    .addOption(new Option('--timeout <seconds>', 'after which converge watch takes it for hanging').argParser(integer(60, 86_400)).default(7200))
    .option('-D, --diff', 'show what changes inside files')
    .option('-v, --verbose', 'show every task and its result', (_value: string, before: number) => before + 1, 0)
    .action(async (inventory: string, playbooks: readonly string[], flags: ConvergeRunFlags) => {
      const { convergeRunAction } = await import('../converge/run.ts');
      session.status = await convergeRunAction(session.context, { inventory, playbooks, flags });
    });
}

function watchCommand(session: Session): Command {
  return addCommon(new Command('watch').description('look whether a run was missed, hangs or has died, and tell whom the inventory names, once of each; status 3 when it was so')).action(async (inventory: string, flags: ConvergeWatchFlags) => {
    const { convergeWatchAction } = await import('../converge/watch.ts');
    session.status = await convergeWatchAction(session.context, inventory, flags);
  });
}

export function convergeCommand(session: Session): Command {
  const command = new Command('converge').description('every night: look, mend what may be mended unattended, tell people what changed and why');
  for (const make of [runCommand, watchCommand]) command.addCommand(make(session));
  return command;
}
