/** `cluster status`: a Kubernetes cluster at a glance. */
import { readKubernetesInventory } from '../../operations/kubernetes/cluster.ts';
import { kubernetesView } from '../../operations/kubernetes/status.ts';
import { judge } from '../../operations/kubernetes/view.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { ClusterFlags } from '../commands/on-cluster.ts';
import type { CliContext } from '../context.ts';
import { statusJson, statusText } from '../reporters/cluster-status.ts';
import { processInterruption } from '../terminal/signals.ts';
import { accessTo, clusterRequest } from './on-cluster.ts';

/** @returns 0 when healthy, 3 when not */
export async function clusterStatusAction(context: CliContext, inventory: string, flags: ClusterFlags): Promise<ExitStatus> {
  const cluster = readKubernetesInventory(await clusterRequest(context, inventory, flags));
  const interrupted = processInterruption(context);
  const hosts = accessTo(context);
  try {
    const view = await kubernetesView(cluster, hosts, interrupted.stop);
    const judgement = judge(cluster, view);
    context.stdout.write(flags.output === 'json' ? `${maskSecrets(JSON.stringify(statusJson(cluster, view, judgement), undefined, 2))}\n` : `${statusText(cluster, view, judgement, context.paint)}\n`);
    return judgement.problems.length === 0 ? ExitStatus.ok : ExitStatus.failed;
  } finally {
    await hosts.close();
    interrupted.dispose();
  }
}
