import { sh } from '../../support/shell.ts';
import type { PostgresDrill } from './scene.ts';
import { anotherServer, dataDirectory } from './common.ts';

/** kill -9 on the leader's postmaster: Patroni starts it again in place, or a replica takes over after primary_start_timeout. */
export const postmasterKill: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-postmaster-kill',
  summary: "the leader's postmaster is killed (kill -9)",
  proves: 'PostgreSQL is started again in place, or a replica takes over after primary_start_timeout; nothing promised is lost.',
  target: { gapMs: 20_000, backMs: 60_000, source: 'R21: kill -9 of the postmaster ≤ 20 s' },
  touches: ['members'],
  async begin(scene) {
    const { leader, hosts } = scene;
    const file = `${await dataDirectory(scene, leader)}/postmaster.pid`;
    return {
      what: `${leader.name} leads; its postmaster is killed`,
      byHand: `on ${leader.name}: systemctl restart care-patroni`,
      async break() {
        await hosts.text(leader, sh`pid=$(head -n 1 ${file}) && [ "$(cat /proc/"$pid"/comm)" = postgres ] && kill -KILL "$pid"`);
      },
      effect: anotherServer(scene),
      effectSeconds: 90,
      // Patroni does it.
      healsItself: true,
      heal: () => Promise.resolve(),
      backSeconds: 120,
    };
  },
};
