/** `run` and `facts`: one module, or only a look, on the hosts of a pattern. */
import { Command } from 'commander';
import { addExtraVarsOption, addHostOptions, addInventoryOption, addOutputOptions, addVerboseOption, type OutputFormat } from '../options.ts';
import type { Session } from '../session.ts';

export interface AdHocFlags {
  readonly inventory: readonly string[];
  readonly moduleName: string;
  readonly args?: string;
  readonly become?: boolean;
  readonly becomeUser?: string;
  readonly check?: boolean;
  readonly diff?: boolean;
  readonly limit?: string;
  readonly forks: number;
  readonly askBecomePass?: boolean;
  readonly extraVars: readonly string[];
  readonly output: OutputFormat;
  readonly outputFile?: string;
  readonly verbose: number;
}

export interface FactsFlags {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly forks: number;
  readonly askBecomePass?: boolean;
  readonly extraVars: readonly string[];
}

export function runAdHocCommand(session: Session): Command {
  const command = new Command('run')
    .description('run one module on the hosts of a pattern')
    .argument('<inventory>', 'inventory file or directory')
    .argument('<pattern>', 'hosts: web*:&berlin:!web3')
    .option('-m, --module-name <module>', 'the module', 'command')
    .option('-a, --args <args>', "its arguments: YAML or JSON, key=value words, or plain text for a command")
    .option('-b, --become', 'run as root')
    .option('--become-user <user>', 'run as this user')
    .option('-C, --check', 'say what would change and touch nothing')
    .option('-D, --diff', 'show what changes inside files');
  addInventoryOption(command);
  addHostOptions(command);
  addExtraVarsOption(command);
  addOutputOptions(command);
  return addVerboseOption(command).action(async (inventory: string, pattern: string, flags: AdHocFlags) => {
    const { adHocAction } = await import('../actions/adhoc.ts');
    session.status = await adHocAction(session.context, inventory, pattern, flags);
  });
}

export function factsCommand(session: Session): Command {
  const command = new Command('facts')
    .description('print what is known of each host, as JSON')
    .argument('<inventory>', 'inventory file or directory')
    .argument('[pattern]', 'hosts', 'all');
  addInventoryOption(command);
  addHostOptions(command);
  return addExtraVarsOption(command).action(async (inventory: string, pattern: string, flags: FactsFlags) => {
    const { factsAction } = await import('../actions/adhoc.ts');
    session.status = await factsAction(session.context, inventory, pattern, flags);
  });
}
