/** A task at the gate. */
import { formatPlace } from '../support/source.ts';
import type { Mutation } from './gate.ts';
import { holdable } from './held.ts';
import { roleName, type ReportedTask } from './task-report.ts';

/**
 * The gate with the task's name on what passes, and the host's where it is delegated: which one that is may be found out only as the
 * run goes (a cluster's leader). Undefined where there is none, and for a task that is always or never carried
 * out (`check_mode`), in check as in apply.
 *
 * @param on the host that the task is delegated to
 */
export function taskGate({ ctx, host, node, title, handler }: ReportedTask, ownCheckMode: boolean | undefined, on?: string): ((mutations: readonly Mutation[]) => void) | undefined {
  const { gate, mode, holds } = ctx.options;
  if (gate === undefined || mode === 'verify' || ownCheckMode !== undefined) return undefined;
  const of = { host: host.name, role: roleName(node), task: title, place: formatPlace(node.span), handler, ...(holds?.(holdable(node)) === true ? { held: true } : {}) };
  return (mutations) => {
    gate.pass(mutations.map((mutation) => ({ ...of, ...mutation, resource: on === undefined ? mutation.resource : `${mutation.resource} on ${on}` })));
  };
}
