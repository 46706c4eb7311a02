/** Kubernetes as drills see it: control planes, etcd's leader, nodes, and clients that write through a node's balancer. */
import { fileOfFirst, type HostAccess } from '../../operations/hosts.ts';
import type { ClusterHost } from '../../operations/inventory.ts';
import { NO_KUBERNETES } from '../../operations/kubernetes/cluster.ts';
import { kubernetesView } from '../../operations/kubernetes/status.ts';
import { judge } from '../../operations/kubernetes/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { defineService, type Bench } from '../service.ts';
import { administrator } from './api.ts';
import { apiServerKill } from './api-server-kill.ts';
import { balancerKill } from './balancer-kill.ts';
import { certsRenew } from './certs-renew.ts';
import { controlPlaneLoss } from './control-plane-loss.ts';
import { readDrilledCluster, type DrilledCluster } from './installation.ts';
import { lookAtCluster, startMonitor } from './monitor.ts';
import { quorumLoss } from './quorum-loss.ts';
import type { KubernetesScene } from './scene.ts';
import { siteCutOff } from './site-cut-off.ts';
import { CLEAR_BY_HAND, clearStage, countConfigMaps, setStage, type PreparedWriting } from './stage.ts';
import { upgrade } from './upgrade.ts';
import { leaderOf, troubleOf, type ClusterLook } from './view.ts';
import { KUBERNETES_WORDS } from './words.ts';

function leading(cluster: DrilledCluster, look: ClusterLook): ClusterHost {
  const name = leaderOf(look);
  const found = cluster.controlPlanes.find((host) => host.name === name);
  if (found === undefined) throw failure('no-leader', 'etcd has no leader among the control planes of the inventory');
  return found;
}

async function open(cluster: DrilledCluster, hosts: HostAccess): Promise<Bench<KubernetesScene, ClusterLook>> {
  const config = Secret.derived((await fileOfFirst(hosts, cluster.controlPlanes, cluster.kubeconfig)).text);
  const admin = administrator(cluster, hosts, config);
  let prepared: PreparedWriting | undefined;
  const staged = (): PreparedWriting => {
    if (prepared === undefined) throw failure('no-stage', 'the drill has no stage yet');
    return prepared;
  };
  return {
    look: () => lookAtCluster(cluster, hosts, admin),
    trouble: (look) => troubleOf(cluster, look),
    // What cluster status knows besides: etcd's learners, versions, certificates, backups.
    async further() {
      const { problems } = judge(cluster, await kubernetesView(cluster, hosts, uninterrupted()));
      return problems.length === 0 ? undefined : problems.join('; ');
    },
    mend: 'care-provision cluster status shows it; care-provision apply converges it',
    introduce: (before) => `${String(cluster.controlPlanes.length)} control planes, ${String(cluster.nodes.length)} nodes; ${leading(cluster, before).name} leads etcd`,
    watch: (first, seen) => startMonitor(cluster, hosts, admin, first, seen),
    async prepare(_before, signal) {
      prepared = await setStage(cluster, hosts, admin, config, signal);
      return prepared;
    },
    scene: (base, before) => ({
      ...base, cluster, admin, before, leader: leading(cluster, before), clientNode: () => staged().clientNode(), moveTo: (node) => staged().moveTo(node),
      servedBy: () => cluster.controlPlanes.find((host) => staged().servedBy() === `${host.address}:${String(cluster.apiPort)}`),
    }),
    answering: (look) => (look.nodes === undefined || leaderOf(look) === undefined ? 'no API server answers with a leader of etcd' : undefined),
    count: () => countConfigMaps(admin),
    clear: () => clearStage(admin),
    clearByHand: CLEAR_BY_HAND,
    close: () => admin.close(),
  };
}

export const kubernetes = defineService<DrilledCluster, KubernetesScene, ClusterLook>({
  name: 'kubernetes',
  words: KUBERNETES_WORDS,
  drills: [balancerKill, apiServerKill, controlPlaneLoss, siteCutOff, quorumLoss, certsRenew, upgrade],
  absent: NO_KUBERNETES,
  read: readDrilledCluster,
  installation: (cluster) => ({ name: cluster.name, inventories: cluster.inventories, hosts: cluster.hosts, powered: cluster.controlPlanes }),
  open,
});
