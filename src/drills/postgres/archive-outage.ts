import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { DEAD_MAN_SECONDS, deadMan } from '../dead-man.ts';
import type { PostgresDrill } from './scene.ts';
import { anotherLeads, needReplicas } from './common.ts';

const BACKUP_UNIT = 'care-pgbackrest.service';

/** No repository answers, and then the leader's host loses its power: replicas ask the archive before they take over. */
export const archiveOutage: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-archive-outage',
  summary: "no repository of the backups answers, and the power of the leader's host is cut",
  proves: 'A failover does not wait for repositories that are down: restore_command gives up after a few seconds and does not try again for a minute (care-pgbackrest-archive-get).',
  target: { gapMs: 30_000, backMs: 60_000, source: 'R20, R21: host power-off ≤ 30 s, with the archive down as well' },
  touches: ['members', 'backups'],
  needsPower: true,
  begin(scene) {
    needReplicas(scene, 2);
    const { cluster, hosts, leader, power } = scene;
    if (cluster.backups.length === 0) throw failure('no-repositories', 'this drill needs repository hosts: the group postgres_backup is empty');
    const start = sh`systemctl start ${BACKUP_UNIT}`;
    const guards = cluster.backups.map((host) => deadMan(hosts, host, 'repository', DEAD_MAN_SECONDS, start));
    return Promise.resolve({
      what: `${BACKUP_UNIT} is stopped on ${cluster.backups.map((host) => host.name).join(', ')}; ${leader.name} leads; its power is cut`,
      byHand: `on ${cluster.backups.map((host) => host.name).join(', ')}: ${start.text}; ${power.byHand(leader)}`,
      async break() {
        await Promise.all(guards.map((guard) => guard.arm()));
        await Promise.all(cluster.backups.map((host) => hosts.text(host, sh`systemctl stop ${BACKUP_UNIT}`)));
        await power.cut(leader);
      },
      effect: anotherLeads(scene, leader),
      effectSeconds: 180,
      holdSeconds: 3,
      async heal() {
        await power.on(leader);
        await Promise.all(cluster.backups.map((host) => hosts.text(host, start)));
        await Promise.all(guards.map((guard) => guard.disarm()));
      },
      backSeconds: 180,
    });
  },
};
