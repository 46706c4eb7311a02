/** OpenBao or Vault as drills see it: who leads, and a client that writes entries. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { readVaultInventory, type VaultCluster } from '../../operations/vault/cluster.ts';
import { vaultCa, vaultObserver } from '../../operations/vault/observe.ts';
import { vaultView } from '../../operations/vault/status.ts';
import { activeOf, problemsOf, type VaultView } from '../../operations/vault/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { defineService, type Bench } from '../service.ts';
import { auditDeviceBlocked } from './audit.ts';
import { startMonitor } from './monitor.ts';
import { allMembersLoss, leaderHostLoss } from './power.ts';
import { snapshotRestore } from './restore.ts';
import type { VaultScene } from './scene.ts';
import { CLEAR_BY_HAND, clearStage, countEntries, setStage } from './stage.ts';
import { unsealAll } from './unseal.ts';
import { VAULT_WORDS } from './words.ts';

function leaderOf(cluster: VaultCluster, view: VaultView): ClusterHost {
  const name = activeOf(view.members)?.name;
  const found = cluster.members.find((m) => m.name === name);
  if (found === undefined) throw failure('no-leader', 'no member leads', { remedy: 'care-provision vault status shows the members' });
  return found;
}

async function open(cluster: VaultCluster, hosts: HostAccess): Promise<Bench<VaultScene, VaultView>> {
  // Looks last as long as the drill, for what was broken is healed after Ctrl-C too; that ends the waits between them.
  const observer = vaultObserver(cluster, hosts, await vaultCa(cluster, hosts), uninterrupted());
  return {
    look: () => vaultView(cluster, observer),
    // What the leader can't be asked now is no health.
    trouble: (view) => [...problemsOf(cluster, view), ...(view.peers === undefined ? [`the peers are not known: ${view.peersTrouble ?? ''}`] : [])],
    further: () => Promise.resolve(undefined),
    mend: 'care-provision vault status shows it; care-provision vault unseal opens members, care-provision apply converges them',
    introduce: (before) => `${leaderOf(cluster, before).name} leads`,
    watch: (first, seen) => startMonitor(cluster, observer, first, seen),
    prepare: (before, signal) => setStage(cluster, observer, leaderOf(cluster, before), signal),
    scene: (base, before) => ({ ...base, cluster, observer, before, leader: leaderOf(cluster, before), unseal: () => unsealAll(cluster, observer) }),
    answering: (view) => (activeOf(view.members) === undefined ? 'no leader' : undefined),
    count: (view) => countEntries(observer, leaderOf(cluster, view)),
    clear: (view) => clearStage(observer, leaderOf(cluster, view)),
    clearByHand: CLEAR_BY_HAND,
    close: () => Promise.resolve(),
  };
}

export const vault = defineService<VaultCluster, VaultScene, VaultView>({
  name: 'vault',
  words: VAULT_WORDS,
  drills: [auditDeviceBlocked, leaderHostLoss, allMembersLoss, snapshotRestore],
  absent: 'no-vault',
  read: readVaultInventory,
  installation: (cluster) => ({ name: cluster.name, inventories: cluster.inventories, hosts: cluster.members, powered: cluster.members }),
  open,
});
