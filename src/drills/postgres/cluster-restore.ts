import { sh } from '../../support/shell.ts';
import type { PostgresDrill } from './scene.ts';
import { dataDirectory, PATRONI_UNIT } from './common.ts';
import { archiveNow, formerLives, needBackups, removeSince, restoreCluster } from './restore.ts';

/** All members lose their data at once; the cluster is brought back from its backup. */
export const clusterRestore: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-cluster-restore',
  summary: 'all members lose their data, and the cluster is brought back from its backup',
  proves: 'When nothing is left but the repository, the cluster comes back with every row that was acknowledged before the last WAL file went into the archive; what came after that (at most archive_timeout, a minute) is what such a loss costs, and the report says how much it was.',
  target: { gapMs: undefined, backMs: 900_000, source: 'R20: a backup is not proven until restored; the time is that of a lab' },
  touches: ['members', 'backups'],
  destroys: true,
  async begin(scene) {
    await needBackups(scene);
    const { hosts, leader, cluster } = scene;
    const data = await dataDirectory(scene, leader);
    const before = await formerLives(scene, data);
    const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+Z$/g, '');
    let archivedMs = 0;
    let goneMs = Number.POSITIVE_INFINITY;
    let restored = false;
    return {
      what: `all members (${cluster.members.map((m) => m.name).join(', ')}) lose their data`,
      byHand: `care-provision db restore INVENTORY --to latest --confirm ${cluster.name}; the lost data is beside the data directory (.former-drill-TIME)`,
      async break() {
        archivedMs = scene.now();
        await archiveNow(scene);
        // Killed, not stopped: nobody hands over what was not archived yet. The data is put aside, where nothing looks for it.
        await Promise.all(cluster.members.map((member) => hosts.text(member, sh`set -e
systemctl kill -s KILL ${PATRONI_UNIT} || :
systemctl stop ${PATRONI_UNIT}
if [ -f ${data}/postmaster.pid ]; then kill -KILL "$(head -n 1 ${data}/postmaster.pid)" 2>/dev/null || :; sleep 1; fi
mv -- ${data} ${data}.former-drill-${stamp}
install -d -o postgres -g postgres -m 0700 ${data}`, 90)));
        goneMs = scene.now();
        scene.note('seen', 'no member has any data');
        await restoreCluster(scene, 'latest');
        restored = true;
      },
      heal: () => Promise.resolve(),
      healsItself: true,
      back: () => (restored ? undefined : 'the restore has not ended well'),
      backSeconds: 600,
      givenUp: () => ({ fromMs: archivedMs, sureMs: goneMs, toMs: goneMs, mustBeGone: false }),
      async findings() {
        if (restored) await removeSince(scene, data, before);
        return [];
      },
    };
  },
};
