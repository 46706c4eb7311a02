import type { PostgresDrill } from './scene.ts';
import { DEAD_MAN_SECONDS, deadMan } from '../dead-man.ts';
import { anotherLeads, needReplicas, PATRONI_UNIT, signalMain } from './common.ts';

/** SIGSTOP to the leader's Patroni: it renews its lock no more, and can't demote its PostgreSQL either. */
export const patroniStop: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-patroni-stop',
  summary: "the leader's Patroni is frozen (SIGSTOP), its PostgreSQL goes on",
  proves: 'A replica takes over when the lock is out of date, and the frozen member\'s PostgreSQL confirms nothing beside the new leader. With a watchdog (postgres_watchdog) the frozen host is reset; without one only synchronous replication and the proxies stand between it and its clients.',
  target: { gapMs: 30_000, backMs: 60_000, source: 'R21: Patroni SIGSTOP ≤ 30 s, no two primaries' },
  touches: ['members'],
  begin(scene) {
    needReplicas(scene, 2);
    const { leader, hosts } = scene;
    const resume = signalMain(PATRONI_UNIT, 'CONT');
    const guard = deadMan(hosts, leader, 'patroni', DEAD_MAN_SECONDS, resume);
    return Promise.resolve({
      what: `${leader.name} leads; its Patroni is frozen`,
      byHand: `on ${leader.name}: systemctl kill --kill-whom=main -s CONT care-patroni`,
      async break() {
        await guard.arm();
        await hosts.text(leader, signalMain(PATRONI_UNIT, 'STOP'));
      },
      effect: anotherLeads(scene, leader),
      effectSeconds: 90,
      holdSeconds: 5,
      async heal() {
        await hosts.text(leader, resume);
        await guard.disarm();
      },
      backSeconds: 180,
    });
  },
};
