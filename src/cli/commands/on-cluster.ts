/** What the subcommands that operate on a cluster (`db`, `vault`) have in common. */
import { Option, type Command } from 'commander';
import { addExtraVarsOption, addInventoryOption } from '../options.ts';

export interface ClusterFlags {
  readonly inventory: readonly string[];
  readonly extraVars: readonly string[];
  readonly askBecomePass?: boolean;
  readonly output: 'text' | 'json';
}

/** Adds the subcommand `name INVENTORY`, with the options of {@link ClusterFlags}. @returns it, for options and an action of its own */
export function onCluster(command: Command, name: string, description: string): Command {
  const child = command.createCommand(name).description(description).argument('<inventory>', 'inventory file or directory');
  addInventoryOption(child);
  addExtraVarsOption(child)
    .option('-K, --ask-become-pass', 'ask for the sudo password on the terminal')
    .addOption(new Option('--output <format>', 'text for people, json for programs').choices(['text', 'json']).default('text'));
  command.addCommand(child);
  return child;
}
