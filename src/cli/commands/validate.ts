import { Command } from 'commander';
import { addExtraVarsOption, addInventoryOption } from '../options.ts';
import type { Session } from '../session.ts';

export interface ValidateFlags {
  readonly inventory: readonly string[];
  readonly playbook: readonly string[];
  readonly extraVars: readonly string[];
}

export function validateCommand(session: Session): Command {
  const command = new Command('validate')
    .description('check an inventory and its playbooks without touching a host')
    .argument('<inventory>', 'inventory file or directory')
    .argument('[playbooks...]', 'playbooks; default: playbooks/site.yml beside the inventory');
  addInventoryOption(command);
  command.option('--playbook <file>', 'a playbook (repeatable)', (value: string, before: readonly string[]) => [...before, value], []);
  addExtraVarsOption(command);
  return command.action(async (inventory: string, playbooks: readonly string[], flags: ValidateFlags) => {
    const { validateAction } = await import('../actions/validate.ts');
    session.status = await validateAction(session.context, inventory, playbooks, flags);
  });
}
