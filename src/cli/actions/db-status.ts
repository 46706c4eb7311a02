/** `db status`: the cluster at a glance. */
import { clusterStatus } from '../../operations/postgres/status.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { DbFlags } from '../commands/db.ts';
import type { CliContext } from '../context.ts';
import { statusJson, statusText } from '../reporters/db-status.ts';
import { clusterOf } from './db.ts';
import { accessTo } from './on-cluster.ts';

/** @returns 0 when healthy, 3 when not */
export async function dbStatusAction(context: CliContext, inventory: string, flags: DbFlags): Promise<ExitStatus> {
  const cluster = await clusterOf(context, inventory, flags);
  const hosts = accessTo(context);
  try {
    const status = await clusterStatus(cluster, hosts);
    context.stdout.write(flags.output === 'json' ? `${maskSecrets(JSON.stringify(statusJson(status), undefined, 2))}\n` : `${statusText(status, context.paint)}\n`);
    return status.problems.length === 0 ? ExitStatus.ok : ExitStatus.failed;
  } finally {
    await hosts.close();
  }
}
