/** What an inventory says of a Kubernetes cluster: its hosts, how to reach them, and what roles `kubernetes` and `etcd_backup` are told. Touches no host. */
import { optionalText } from '../../run/identity.ts';
import { badInput } from '../../support/diagnostic.ts';
import { readServiceGroup, type ClusterHost, type ClusterRequest, type ServiceGroup } from '../inventory.ts';

export interface KubernetesCluster {
  /** `kubernetes_cluster_name` */
  readonly name: string;
  readonly controlPlanes: readonly ClusterHost[];
  /** Names of all nodes that there are to be. */
  readonly nodes: readonly string[];
  /** On control planes: an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** On control planes: backups of etcd. */
  readonly backupDirectory: string;
  /** Hours after which a backup is too old. */
  readonly backupMaxHours: number;
  /** Bucket and folder that backups are copied to; empty: nowhere. */
  readonly copiesUrl: string;
}

function positive(name: string, text: string | undefined, standard: number): number {
  const value = Number(text ?? standard);
  if (!Number.isInteger(value) || value < 1) throw badInput('bad-number', `${name} must be a whole number above 0, not ${text ?? ''}`);
  return value;
}

/** @throws Diagnostic (bad input) when there is no such inventory, or no control plane in it */
export function readKubernetesInventory(request: ClusterRequest): KubernetesCluster {
  return clusterOfGroup(readControlPlanes(request));
}

/** Where nodes are reached by each other. */
export const NODE_ADDRESS = 'kubernetes_address';

/** The code of the diagnostic that says that an inventory has no control plane. */
export const NO_KUBERNETES = 'no-kubernetes';

/** @throws Diagnostic (bad input) when there is no such inventory, or no control plane in it */
export function readControlPlanes(request: ClusterRequest): ServiceGroup {
  return readServiceGroup(request, { group: 'kube_control_plane', absent: NO_KUBERNETES, what: 'the control planes' });
}

/** @throws Diagnostic (bad input) when a variable is not what it must be */
export function clusterOfGroup({ names, scope, hostsOf, host }: ServiceGroup): KubernetesCluster {
  return {
    name: optionalText(scope, 'kubernetes_cluster_name') ?? 'care',
    controlPlanes: names.map((name) => host(name, NODE_ADDRESS)),
    nodes: [...new Set([...names, ...hostsOf('kube_node')])],
    kubeconfig: optionalText(scope, 'kubernetes_kubeconfig') ?? '/etc/kubernetes/admin.conf',
    backupDirectory: optionalText(scope, 'etcd_backup_dir') ?? '/var/lib/kubernetes-backups',
    backupMaxHours: positive('etcd_backup_max_age_hours', optionalText(scope, 'etcd_backup_max_age_hours'), 3),
    copiesUrl: optionalText(scope, 'etcd_backup_s3_url') ?? '',
  };
}
