/** What an inventory says of a Kubernetes cluster: its hosts, how to reach them, and what roles `kubernetes` and `etcd_backup` are told. Touches no host. */
import { existsSync } from 'node:fs';
import { loadInventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import { optionalText } from '../../run/identity.ts';
import { Variables } from '../../run/variables.ts';
import { badInput } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { clusterHost, hostsOf, type ClusterHost, type ClusterRequest } from '../postgres/cluster.ts';

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
}

function positive(name: string, text: string | undefined, standard: number): number {
  const value = Number(text ?? standard);
  if (!Number.isInteger(value) || value < 1) throw badInput('bad-number', `${name} must be a whole number above 0, not ${text ?? ''}`);
  return value;
}

/** @throws Diagnostic (bad input) when there is no such inventory, or no control plane in it */
export function readKubernetesInventory(request: ClusterRequest): KubernetesCluster {
  for (const source of request.inventory) {
    if (!source.includes(',') && !existsSync(source)) throw badInput('no-inventory', `there is no inventory ${source}`, { remedy: 'give a YAML file or a directory, e.g. inventory/lab' });
  }
  const secrets = inventorySecrets(request.inventory);
  const inventory = loadInventory(request.inventory, { decryptFile: secrets.decryptFile });
  const variables = new Variables({ inventory, extraVars: request.extraVars, mode: 'verify', diff: false, decrypt: secrets.decrypt });
  const names = hostsOf(inventory, 'kube_control_plane');
  const [first] = names;
  if (first === undefined) throw badInput('no-kubernetes', 'no host of this inventory is in the group kube_control_plane', { remedy: suggestion('kube_control_plane', inventory.groups()) ?? 'put the control planes into the group kube_control_plane' });
  const scope = variables.hostScope(first);
  return {
    name: optionalText(scope, 'kubernetes_cluster_name') ?? 'care',
    controlPlanes: names.map((host) => clusterHost(host, variables.hostScope(host), 'kubernetes_address', request.becomePassword)),
    nodes: [...new Set([...names, ...hostsOf(inventory, 'kube_node')])],
    kubeconfig: optionalText(scope, 'kubernetes_kubeconfig') ?? '/etc/kubernetes/admin.conf',
    backupDirectory: optionalText(scope, 'etcd_backup_dir') ?? '/var/lib/kubernetes-backups',
    backupMaxHours: positive('etcd_backup_max_age_hours', optionalText(scope, 'etcd_backup_max_age_hours'), 3),
  };
}
