/** `inventory list|graph|host`: reads only, decrypts nothing. */
import { existsSync } from 'node:fs';
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

/** `inventory host INVENTORY NAME`, or NAME first: the one that is there as a file is the inventory. */
export function inventoryHost(context: CliContext, first: string, second: string, flags: InventoryFlags): ExitStatus {
  const [inventory, name] = !existsSync(first) && existsSync(second) ? [second, first] : [first, second];
  context.stdout.write(`${formatJson(load(context, inventory, flags).hostJson(name))}\n`);
  return ExitStatus.ok;
}
