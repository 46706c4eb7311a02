import type { PostgresDrill } from './scene.ts';
import { anotherLeads, needReplicas } from './common.ts';

/** The host of the leader loses its power; a replica takes over; the host comes back and follows. */
export const leaderHostLoss: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-leader-host-loss',
  summary: "the power of the leader's host is cut",
  proves: 'A replica takes over by itself, nothing that a client was promised is lost, and the old leader comes back as a replica. In a lab of containers the kernel survives: what it had not yet written to the disk is not lost, as it would be by a real power cut.',
  target: { gapMs: 30_000, backMs: 60_000, source: 'R21: host power-off ≤ 30 s; back by pg_rewind ≤ 60 s' },
  touches: ['members'],
  needsPower: true,
  begin(scene) {
    needReplicas(scene, 2);
    const { leader, power } = scene;
    return Promise.resolve({
      what: `${leader.name} leads; its power is cut`,
      byHand: power.byHand(leader),
      break: () => power.cut(leader),
      effect: anotherLeads(scene, leader),
      effectSeconds: 90,
      holdSeconds: 3,
      heal: () => power.on(leader),
      backSeconds: 180,
    });
  },
};
