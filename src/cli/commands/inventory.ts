import { Command } from 'commander';
import { addInventoryOption } from '../options.ts';
import type { Session } from '../session.ts';

export interface InventoryFlags {
  readonly inventory: readonly string[];
  readonly playbookDir?: string;
  readonly vars?: boolean;
}

/** `inventory list|graph|host`: what ansible-inventory prints. */
export function inventoryCommand(session: Session): Command {
  const command = new Command('inventory').description('show what an inventory says, as ansible-inventory does');
  const sub = (name: string, description: string): Command => {
    const child = new Command(name).description(description).argument('<inventory>', 'inventory file or directory');
    command.addCommand(child);
    return addInventoryOption(child).option('--playbook-dir <directory>', 'take the group_vars and host_vars of this directory in as well');
  };
  sub('list', 'groups, hosts and variables as JSON').action(async (inventory: string, flags: InventoryFlags) => {
    const { inventoryList } = await import('../actions/inventory.ts');
    session.status = inventoryList(session.context, inventory, flags);
  });
  sub('graph', 'groups and hosts as a tree')
    .argument('[group]', 'begin at this group', 'all')
    .option('--vars', 'with variables')
    .action(async (inventory: string, group: string, flags: InventoryFlags) => {
      const { inventoryGraph } = await import('../actions/inventory.ts');
      session.status = inventoryGraph(session.context, inventory, group, flags);
    });
  sub('host', "one host's variables as JSON")
    .argument('<name>', 'the host')
    .action(async (inventory: string, name: string, flags: InventoryFlags) => {
      const { inventoryHost } = await import('../actions/inventory.ts');
      session.status = inventoryHost(session.context, inventory, name, flags);
    });
  return command;
}
