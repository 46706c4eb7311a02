/** `cluster`: a look at a Kubernetes cluster. */
import { Command } from 'commander';
import type { Session } from '../session.ts';
import { onCluster, type ClusterFlags } from './on-cluster.ts';

export function clusterCommand(session: Session): Command {
  const command = new Command('cluster').description('look at a Kubernetes cluster');
  onCluster(command, 'status', 'show nodes, versions, etcd, certificates, backups, pending requests and Pod Security levels; exit status 3 when it is not healthy').action(async (inventory: string, flags: ClusterFlags) => {
    const { clusterStatusAction } = await import('../actions/cluster-status.ts');
    session.status = await clusterStatusAction(session.context, inventory, flags);
  });
  return command;
}
