/** `inventory list|graph|host`: reads only, decrypts nothing. */
import { formatJson, loadInventory, type Inventory } from '../../language/inventory/index.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { safeLines } from '../../support/terminal-text.ts';
import type { InventoryFlags } from '../commands/inventory.ts';
import type { CliContext } from '../context.ts';

function load(context: CliContext, inventory: string, flags: InventoryFlags): Inventory {
  const loaded = loadInventory([inventory, ...flags.inventory], { playbookDirectory: flags.playbookDir });
  for (const warning of loaded.warnings) context.stderr.write(`${context.paintError('yellow', 'warning:')} ${safeLines(warning.format())}\n`);
  return loaded;
}

export function inventoryList(context: CliContext, inventory: string, flags: InventoryFlags): ExitStatus {
  context.stdout.write(`${formatJson(load(context, inventory, flags).list())}\n`);
  return ExitStatus.ok;
}

export function inventoryGraph(context: CliContext, inventory: string, group: string, flags: InventoryFlags): ExitStatus {
  context.stdout.write(`${safeLines(load(context, inventory, flags).graph({ group, variables: flags.vars === true }))}\n`);
  return ExitStatus.ok;
}

export function inventoryHost(context: CliContext, inventory: string, name: string, flags: InventoryFlags): ExitStatus {
  context.stdout.write(`${formatJson(load(context, inventory, flags).hostJson(name))}\n`);
  return ExitStatus.ok;
}
