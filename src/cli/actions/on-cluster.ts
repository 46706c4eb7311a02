/** What actions on a cluster (`db`, `vault`, `cluster`, `drill`) begin with. */
import type { ClusterRequest } from '../../operations/inventory.ts';
import { hostAccess, type HostAccess } from '../../operations/hosts.ts';
import type { ClusterFlags } from '../commands/on-cluster.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { askBecomePassword } from './run.ts';

/** The inventory that was named, as operations read it; asks for the sudo password where that was wished. */
export async function clusterRequest(context: CliContext, inventory: string, flags: Pick<ClusterFlags, 'inventory' | 'extraVars' | 'askBecomePass'>): Promise<ClusterRequest> {
  return { inventory: [inventory, ...flags.inventory], extraVars: parseExtraVars(flags.extraVars, context.cwd), becomePassword: await askBecomePassword(flags.askBecomePass) };
}

/** The way to the hosts; its warnings come on stderr. */
export function accessTo(context: CliContext): HostAccess {
  return hostAccess((message) => { context.stderr.write(`${context.paintError('yellow', 'warning:')} ${message}\n`); });
}
