/** What drills of a Kubernetes cluster work with. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { BaseScene, Drill } from '../drill.ts';
import type { Administrator } from './api.ts';
import type { DrilledCluster } from './installation.ts';
import type { ClusterLook } from './view.ts';

export interface KubernetesScene extends BaseScene {
  readonly cluster: DrilledCluster;
  readonly admin: Administrator;
  /** The healthy cluster before anything was broken. */
  readonly before: ClusterLook;
  /** The control plane whose member of etcd leads. */
  readonly leader: ClusterHost;
  /** The node that the client is on now. */
  readonly clientNode: () => ClusterHost;
  /** The client goes to another node; it has written there when this is done. @throws Diagnostic when it can't */
  readonly moveTo: (node: ClusterHost) => Promise<void>;
  /** The control plane whose API server has answered the client last; undefined: that is not known. */
  readonly servedBy: () => ClusterHost | undefined;
}

/** `touches`: control planes, nodes. */
export type KubernetesDrill = Drill<KubernetesScene, ClusterLook>;
