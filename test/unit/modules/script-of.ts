import type { Change } from '../../../src/host/plan.ts';
import type { Script } from '../../../src/support/shell.ts';

/** The script of a change that the host's shell makes. @throws Error for a change that a service makes */
export function scriptOf(change: Change): Script {
  if (change.script === undefined) throw new Error(`${change.resource} is changed by a service`);
  return change.script;
}
