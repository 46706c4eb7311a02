/** `validate`: everything that can be known to be wrong, found without a host. */
import { validateProject } from '../../run/validate-project.ts';
import { DiagnosticList, ExitStatus } from '../../support/diagnostic.ts';
import type { ValidateFlags } from '../commands/validate.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { plural } from '../reporters/counts.ts';

/** @throws Diagnostic or DiagnosticList with all that is wrong */
export async function validateAction(context: CliContext, inventory: string, playbooks: readonly string[], flags: ValidateFlags): Promise<ExitStatus> {
  const extraVars = parseExtraVars(flags.extraVars, context.cwd);
  const result = validateProject({
    inventory: [inventory, ...flags.inventory],
    playbooks: [...playbooks, ...flags.playbook],
    limit: undefined,
    extraVars,
  });
  const [first, ...rest] = result.problems;
  if (first !== undefined) throw new DiagnosticList([first, ...rest]);
  // Whom to tell of runs is no business of the engine.
  if (Object.hasOwn(result.loaded.inventory.variablesOf('localhost'), 'notify')) (await import('../notify/config.ts')).checkNotify(result.loaded, extraVars);
  // Nor is what a nightly run may do.
  if (Object.hasOwn(result.loaded.inventory.variablesOf('localhost'), 'converge')) (await import('../../run/converge/policy.ts')).readPolicy(result.loaded, extraVars);
  context.stdout.write(`sound: ${plural(result.hosts, 'host')}, ${plural(result.plays, 'play')}, ${plural(result.tasks, 'task')}\n`);
  return ExitStatus.ok;
}
