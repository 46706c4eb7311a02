/** What an inventory says of the cluster that is drilled: all its nodes, and how clients on them reach the API. Touches no host. */
import { clusterOfGroup, NODE_ADDRESS, readControlPlanes, type KubernetesCluster } from '../../operations/kubernetes/cluster.ts';
import { portOf, type ClusterHost, type ClusterRequest } from '../../operations/inventory.ts';
import { optionalText } from '../../run/identity.ts';

export interface DrilledCluster extends KubernetesCluster {
  readonly inventories: readonly string[];
  /** All nodes: control planes first, then those that are workers only. */
  readonly hosts: readonly ClusterHost[];
  readonly workers: readonly ClusterHost[];
  /** `kubernetes_api_lb`: local, vip or external. */
  readonly balancer: string;
  /** TCP port of the API servers themselves. */
  readonly apiPort: number;
  /** `kubernetes_version`; undefined where the inventory does not say. */
  readonly version: string | undefined;
}

/** @throws Diagnostic (bad input) when there is no such inventory, or no control plane in it */
export function readDrilledCluster(request: ClusterRequest): DrilledCluster {
  const group = readControlPlanes(request);
  const cluster = clusterOfGroup(group);
  const { scope, host } = group;
  const workers = cluster.nodes.filter((name) => !group.names.includes(name)).map((name) => host(name, NODE_ADDRESS));
  return {
    ...cluster, workers,
    inventories: request.inventory,
    hosts: [...cluster.controlPlanes, ...workers],
    balancer: optionalText(scope, 'kubernetes_api_lb') ?? 'local',
    apiPort: portOf(scope, 'kubernetes_api_port', 6443),
    version: optionalText(scope, 'kubernetes_version'),
  };
}
