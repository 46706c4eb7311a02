/** `drill`: breaks something on purpose, watches as a client would, and says whether it healed in time with nothing lost. */
import { Command, Option } from 'commander';
import { addExtraVarsOption, addInventoryOption, integer } from '../options.ts';
import type { Session } from '../session.ts';

export interface DrillFlags {
  readonly inventory: readonly string[];
  readonly extraVars: readonly string[];
  readonly askBecomePass?: boolean;
  readonly runs: number;
  readonly output: 'text' | 'json';
  readonly outputFile?: string;
  readonly report?: string;
  readonly docs?: string;
  readonly power: 'lab' | 'sysrq';
  /** The cluster's name, written out. */
  readonly destroy?: string;
}

export function drillCommand(session: Session): Command {
  const command = new Command('drill')
    .description('break something on purpose, watch it heal as a client would, report (drill list shows the drills)')
    .argument('<drill>', 'the drill, several with commas between, a service for all of its own (postgres), or all')
    .argument('<inventory>', 'inventory file or directory; its hosts must be marked drills: allowed');
  addInventoryOption(command);
  addExtraVarsOption(command)
    .option('-K, --ask-become-pass', 'ask for the sudo password on the terminal')
    .addOption(new Option('--runs <n>', 'do it so many times; the summary has median, least and most').argParser(integer(1, 100)).default(1))
    .addOption(new Option('--output <format>', 'text for people, json (JSON Lines) for programs').choices(['text', 'json']).default('text'))
    .option('--output-file <path>', 'write the json output to a file; text goes on to the terminal')
    .option('--report <file>', 'write a report with pictures, one HTML file')
    .option('--docs <file>', 'fill the table of results in this file (docs/drills.md)')
    .addOption(new Option('--power <method>', "how power is cut: lab (its containers), or sysrq (the host's kernel resets it unsynced)").choices(['lab', 'sysrq']).default('lab'))
    .option('--destroy <cluster>', "the cluster's name: allow drills that take the data of the whole cluster (restores)")
    .action(async (drill: string, inventory: string, flags: DrillFlags) => {
      const { drillAction } = await import('../actions/drill.ts');
      session.status = await drillAction(session.context, drill, inventory, flags);
    });
  command
    .command('list')
    .description('show the drills: what each breaks, proves and aims at')
    .option('--json', 'as JSON')
    .action(async (flags: { readonly json?: boolean }) => {
      const { drillListAction } = await import('../actions/drill-list.ts');
      session.status = drillListAction(session.context, flags);
    });
  return command;
}
