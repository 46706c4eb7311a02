import { patronictl } from '../../operations/postgres/patronictl.ts';
import type { PostgresDrill } from './scene.ts';
import { anotherLeads } from './common.ts';

/** A planned switchover while clients write. */
export const switchover: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-switchover',
  summary: 'the leader hands over to a replica, as planned',
  proves: 'Maintenance of the leader costs clients a few seconds and no row.',
  target: { gapMs: 5_000, backMs: 60_000, source: 'R21: planned switchover ≤ 5 s' },
  touches: ['members'],
  begin(scene) {
    const { leader, hosts } = scene;
    return Promise.resolve({
      what: `${leader.name} leads; it is told to hand over`,
      byHand: 'care-provision db status shows who leads; care-provision db switchover hands over',
      async break() {
        await patronictl(hosts, leader, scene.cluster, ['switchover', '--leader', leader.name, '--force']);
      },
      effect: anotherLeads(scene, leader),
      effectSeconds: 60,
      healsItself: true,
      heal: () => Promise.resolve(),
      backSeconds: 120,
    });
  },
};
