import type { PostgresDrill } from './scene.ts';
import { DEAD_MAN_SECONDS, deadMan } from '../dead-man.ts';
import { anotherLeads, needReplicas } from './common.ts';
import { cutOff, mend, MEND_BY_HAND, stillCutOff } from '../partition.ts';

/** The leader is cut off from etcd and its peers, but not from its clients: it must stop taking writes by itself. */
export const leaderPartition: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-leader-partition',
  summary: 'the leader is cut off from etcd and from the other members, not from its clients',
  proves: 'The cut-off leader demotes itself before its lock runs out, so that never two members confirm rows; a replica takes over, and nothing promised is lost.',
  target: { gapMs: 30_000, backMs: 60_000, source: 'R21: demoted before ttl; failover ≤ 30 s' },
  touches: ['members', 'etcd'],
  begin(scene) {
    needReplicas(scene, 2);
    const { leader, hosts, cluster } = scene;
    const others = [...new Set([...cluster.members, ...cluster.etcd, ...cluster.proxies].filter((h) => h.name !== leader.name).map((h) => h.address))];
    const guard = deadMan(hosts, leader, 'partition', DEAD_MAN_SECONDS, mend());
    const took = anotherLeads(scene, leader);
    return Promise.resolve({
      what: `${leader.name} leads; it is cut off from ${others.join(', ')}`,
      byHand: `on ${leader.name}: ${MEND_BY_HAND}`,
      async break() {
        await guard.arm();
        await hosts.text(leader, cutOff(others));
      },
      effect: (now) => took(now) ?? (now.members.find((m) => m.name === leader.name)?.role === 'leader' ? `${leader.name} still takes writes` : undefined),
      effectSeconds: 90,
      holdSeconds: 5,
      async heal() {
        await hosts.text(leader, mend());
        await guard.disarm();
      },
      backSeconds: 180,
      findings: () => stillCutOff(hosts, [leader]),
    });
  },
};
