/** Drills that cut the power of members' hosts. */
import type { ClusterHost } from '../../operations/inventory.ts';
import { activeOf, type VaultView } from '../../operations/vault/view.ts';
import { isOpen } from '../../services/vault/status.ts';
import type { VaultDrill, VaultScene } from './scene.ts';
import { needShares } from './unseal.ts';

async function giveBack(scene: VaultScene, hosts: readonly ClusterHost[]): Promise<void> {
  for (const host of hosts) await scene.power.on(host);
  await scene.unseal();
}

/** The host of the leader loses its power. */
export const leaderHostLoss: VaultDrill = {
  service: 'vault',
  name: 'vault-leader-host-loss',
  summary: "the power of the leader's host is cut",
  proves: 'Another member leads within seconds, no entry that a client was promised is lost, and the old leader comes back as a standby, opened by its own seal (with shamir: by the shares at hand). In a lab of containers the kernel survives: what it had not yet written to the disk is not lost, as it would be by a real power cut.',
  target: { gapMs: 15_000, backMs: 60_000, source: 'R12: leader killed, a new one < 15 s' },
  touches: ['members'],
  needsPower: true,
  begin(scene) {
    needShares(scene.cluster);
    const { leader, power } = scene;
    return Promise.resolve({
      what: `${leader.name} leads; its power is cut`,
      byHand: `${power.byHand(leader)}; with seal shamir: care-provision vault unseal`,
      break: () => power.cut(leader),
      effect: (now: VaultView) => {
        const active = activeOf(now.members);
        return active !== undefined && active.name !== leader.name ? undefined : `no other member than ${leader.name} leads`;
      },
      effectSeconds: 60,
      holdSeconds: 3,
      heal: () => giveBack(scene, [leader]),
      backSeconds: 180,
    });
  },
};

/** All members lose their power at once. */
export const allMembersLoss: VaultDrill = {
  service: 'vault',
  name: 'vault-all-members-loss',
  summary: "the power of all members' hosts is cut at once",
  proves: 'With a seal of their own (static, transit) members open and serve again with nobody touching them, and hold what was acknowledged; with shamir the shares at hand open them. What it takes is counted from the moment at which the power is back.',
  target: { gapMs: undefined, backMs: 60_000, source: 'R12: all rebooted, unsealed and serving < 60 s' },
  touches: ['members'],
  needsPower: true,
  begin(scene) {
    needShares(scene.cluster);
    const { cluster, power } = scene;
    return Promise.resolve({
      what: `all members (${cluster.members.map((m) => m.name).join(', ')}) lose their power`,
      byHand: `${cluster.members.map((host) => power.byHand(host)).join('; ')}; with seal shamir: care-provision vault unseal`,
      async break() {
        await Promise.all(cluster.members.map((host) => power.cut(host)));
      },
      effect: (now: VaultView) => (now.members.some(isOpen) ? 'a member still answers' : undefined),
      effectSeconds: 60,
      holdSeconds: 3,
      heal: () => giveBack(scene, cluster.members),
      backSeconds: 240,
    });
  },
};
