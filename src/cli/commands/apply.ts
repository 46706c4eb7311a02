/** `apply`, `check` and `verify`: one run over hosts, in three modes. */
import { Command } from 'commander';
import type { RunMode } from '../../run/events.ts';
import { addPlanOptions, addRunOptions, addWorkerOptions, type RunFlags } from '../options.ts';
import type { Session } from '../session.ts';

function runCommand(session: Session, name: string, mode: RunMode, description: string): Command {
  const command = new Command(name)
    .description(description)
    .argument('<inventory>', mode === 'apply' ? 'inventory file or directory, or a plan that check --out has written' : 'inventory file or directory')
    .argument('[playbooks...]', 'playbooks, in order; default: playbooks/site.yml beside the inventory');
  addRunOptions(command);
  if (mode === 'apply') addWorkerOptions(addPlanOptions(command.option('-C, --check', 'say what would change and touch nothing (as the command check)')));
  if (mode === 'check') command.option('--out <plan.json>', 'write what would change as a plan, for a person to read and for apply plan.json');
  return command.action(async (inventory: string, playbooks: readonly string[], flags: RunFlags) => {
    const { runAction } = await import('../actions/run.ts');
    session.status = await runAction(session.context, { mode: flags.check === true ? 'check' : mode, inventory, playbooks, flags });
  });
}

export function applyCommand(session: Session): Command {
  return runCommand(session, 'apply', 'apply', 'bring hosts to the state that the inventory and playbooks describe');
}

export function checkCommand(session: Session): Command {
  return runCommand(session, 'check', 'check', 'say what apply would change, touching nothing; status 2 when there is drift');
}

export function verifyCommand(session: Session): Command {
  return runCommand(session, 'verify', 'verify', 'try from outside whether every role really works');
}
