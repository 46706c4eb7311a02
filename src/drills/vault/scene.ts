/** What a drill of OpenBao or Vault works with. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import type { VaultObserver } from '../../operations/vault/observe.ts';
import type { VaultView } from '../../operations/vault/view.ts';
import type { BaseScene, Drill } from '../drill.ts';

export interface VaultScene extends BaseScene {
  readonly cluster: VaultCluster;
  readonly observer: VaultObserver;
  /** Before anything was broken. */
  readonly before: VaultView;
  readonly leader: ClusterHost;
  /** Opens members after their start, where people do that otherwise; nothing to do with a seal of their own. */
  readonly unseal: () => Promise<void>;
}

export type VaultDrill = Drill<VaultScene, VaultView>;
