import type { ClusterHost } from '../../operations/inventory.ts';
import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import type { PostgresDrill, PostgresInjury, PostgresScene } from './scene.ts';
import { DEAD_MAN_SECONDS, deadMan, type DeadMan } from '../dead-man.ts';
import { ETCD_UNIT } from './common.ts';

/** Stops etcd on some hosts at once, as kill -9 would, and starts it again. */
function stopEtcd(scene: PostgresScene, victims: readonly ClusterHost[], holdSeconds: number): PostgresInjury {
  const { hosts } = scene;
  const start = sh`systemctl start ${ETCD_UNIT}`;
  const guards = new Map<string, DeadMan>(victims.map((host) => [host.name, deadMan(hosts, host, 'etcd', DEAD_MAN_SECONDS, start)]));
  return {
    what: `etcd is stopped on ${victims.map((v) => v.name).join(' and ')}; ${scene.leader.name} leads`,
    byHand: victims.map((v) => `on ${v.name}: systemctl start care-etcd`).join('; '),
    async break() {
      for (const guard of guards.values()) await guard.arm();
      await Promise.all(victims.map((host) => hosts.text(host, sh`systemctl kill -s KILL ${ETCD_UNIT}; systemctl stop ${ETCD_UNIT}`, 60)));
    },
    holdSeconds,
    async heal() {
      await Promise.all(victims.map(async (host) => {
        await hosts.text(host, start, 90);
        await guards.get(host.name)?.disarm();
      }));
    },
    backSeconds: 180,
  };
}

function etcdHosts(scene: PostgresScene, least: number): readonly ClusterHost[] {
  const { etcd } = scene.cluster;
  if (etcd.length < least) throw failure('too-few-etcd-members', `this drill needs ${String(least)} etcd members in the inventory, and there are ${String(etcd.length)}`);
  // The member beside the leader first: the one that its Patroni is likely to speak to.
  return [...etcd].sort((a, b) => Number(b.name === scene.leader.name) - Number(a.name === scene.leader.name));
}

export const etcdMemberLoss: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-etcd-member-loss',
  summary: "etcd stops on one host, the leader's own",
  proves: 'The others are a quorum: the leader stays the leader, and clients notice nothing.',
  target: { gapMs: 2_000, backMs: 30_000, source: 'R21: no failover; an etcd election lasts about a second' },
  touches: ['etcd'],
  begin: (scene) => Promise.resolve(stopEtcd(scene, etcdHosts(scene, 3).slice(0, 1), 20)),
};

export const etcdQuorumLoss: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-etcd-quorum-loss',
  summary: 'etcd stops on a majority of its hosts for longer than ttl',
  proves:
    'With failsafe_mode the leader goes on writing as long as it reaches all members by their REST API; without it, it would demote itself to read-only within ttl. Either way nothing promised is lost, nobody else is promoted, and all is as before once etcd is back.',
  target: { gapMs: 5_000, backMs: 60_000, source: 'R21: DCS fully down: failsafe, the primary keeps writing while it reaches all members' },
  touches: ['etcd'],
  begin(scene) {
    const all = etcdHosts(scene, 3);
    return Promise.resolve(stopEtcd(scene, all.slice(0, Math.floor(all.length / 2) + 1), 40));
  },
};
