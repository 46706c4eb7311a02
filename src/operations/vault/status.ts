/** A cluster at a glance. */
import { Diagnostic } from '../../support/diagnostic.ts';
import { raftPeers } from '../../services/vault/status.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import type { VaultCluster } from './cluster.ts';
import type { VaultObserver } from './observe.ts';
import { activeOf, type VaultView } from './view.ts';

/** Looks at all members, and asks the leader for its peers where the controller has the operators' CA. */
export async function vaultView(cluster: VaultCluster, observer: VaultObserver): Promise<VaultView> {
  const members = await observer.look();
  const active = activeOf(members);
  const host = cluster.members.find((m) => m.name === active?.name);
  if (host === undefined) return { members, peers: undefined, peersTrouble: 'no member leads' };
  try {
    const operator = observer.operator(host);
    try {
      return { members, peers: await raftPeers(operator, observer.limits), peersTrouble: undefined };
    } finally {
      await operator.close();
    }
  } catch (error) {
    if (error instanceof VaultTrouble || error instanceof Diagnostic) return { members, peers: undefined, peersTrouble: error.message };
    throw error;
  }
}
