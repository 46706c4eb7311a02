/** What must hold before anything is broken, whatever the service. */
import type { ClusterHost } from '../operations/inventory.ts';
import { badInput, failure } from '../support/diagnostic.ts';
import type { DrillInfo } from './drill.ts';
import type { Installation } from './service.ts';

/**
 * Refuses an inventory that does not allow drills. Looks at files only.
 *
 * @throws Diagnostic (bad input) naming every host that is not marked
 */
export function refuseUnmarked(installation: Pick<Installation, 'hosts'>): void {
  const unmarked = installation.hosts.filter((host) => !host.drillsAllowed).map((host) => host.name);
  if (unmarked.length === 0) return;
  throw badInput('drills-not-allowed', `drills are not allowed on ${unmarked.join(', ')}`, {
    detail: 'a drill breaks things on purpose; it needs the variable "drills: allowed" on every host that it may touch',
    remedy: 'set it in the inventory of a lab or of a test installation (all: vars: drills: allowed), never where patients depend on it',
  });
}

/**
 * @param problems what is wrong, a sentence each
 * @param mend how to mend it
 * @throws Diagnostic (failed) with all that is wrong
 */
export function refuseUnhealthy(problems: readonly string[], mend: string): void {
  if (problems.length > 0) throw failure('cluster-not-healthy', 'the cluster is not healthy, so nothing was broken on purpose', { detail: problems.map((p) => `- ${p}`).join('\n'), remedy: `mend it first: ${mend}` });
}

/** @throws Diagnostic when the power of a host that the drill may cut can't be cut */
export async function refuseWithoutPower(drill: DrillInfo, hosts: readonly ClusterHost[], check: (host: ClusterHost) => Promise<void>): Promise<void> {
  if (drill.needsPower !== true) return;
  for (const host of hosts) await check(host);
}

/** @throws Diagnostic (bad input) when a drill takes what can't be taken back and the installation was not named */
export function refuseUnnamed(drill: DrillInfo, installation: Pick<Installation, 'name'>, named: string | undefined): void {
  if (drill.destroys !== true || named === installation.name) return;
  throw badInput('not-named', `${drill.name} takes the data of the whole cluster${named === undefined ? '' : `, and that is ${installation.name}, not ${named}`}`, { remedy: `add --destroy ${installation.name} when it is meant` });
}
