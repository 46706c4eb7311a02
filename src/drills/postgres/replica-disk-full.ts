import type { PostgresDrill } from './scene.ts';
import { sh, type Script } from '../../support/shell.ts';
import { deadMan } from '../dead-man.ts';
import { chosenReplica, dataDirectory, needReplicas, PATRONI_UNIT } from './common.ts';

/** Longer than the others': the replica is stopped and started twice. */
const DEAD_MAN_SECONDS = 600;
/** MiB of the small file system for the replica's WAL, besides what is in it already. */
const ROOM_MIB = 64;

/** Puts the WAL of a stopped member on a small file system in memory; the disk's own copy is kept beside. */
function shrink(data: string, small: string): Script {
  return sh`set -e
systemctl stop ${PATRONI_UNIT}
[ -d ${data}/pg_wal ] && [ ! -L ${data}/pg_wal ] && [ ! -e ${data}/pg_wal.care-drill ]
used=$(du -sm ${data}/pg_wal | cut -f 1)
install -d -o postgres -g postgres -m 0700 ${small}
mount -t tmpfs -o "size=$((used + ${ROOM_MIB}))m,mode=0700,uid=$(id -u postgres),gid=$(id -g postgres)" care-drill ${small}
cp -a ${data}/pg_wal/. ${small}/
mv ${data}/pg_wal ${data}/pg_wal.care-drill
ln -s ${small} ${data}/pg_wal
chown -h postgres:postgres ${data}/pg_wal
systemctl start ${PATRONI_UNIT}`;
}

/** Fills what is left of it; that `dd` fails is the point. */
function fill(small: string): Script {
  return sh`dd if=/dev/zero of=${small}/care-drill-fill bs=1M 2>/dev/null; [ "$(df --output=avail ${small} | tail -n 1)" -eq 0 ]`;
}

/** Gives the WAL its place on the disk again, with all that came meanwhile. Safe at every point, and when nothing was done. */
function restore(data: string, small: string): Script {
  return sh`set -e
rm -f ${small}/care-drill-fill
if [ -L ${data}/pg_wal ]; then
  systemctl stop ${PATRONI_UNIT}
  rm -rf ${data}/pg_wal.care-drill.new
  cp -a ${small} ${data}/pg_wal.care-drill.new
  sync
  rm ${data}/pg_wal
  mv ${data}/pg_wal.care-drill.new ${data}/pg_wal
elif [ ! -e ${data}/pg_wal ] && [ -d ${data}/pg_wal.care-drill ]; then
  mv ${data}/pg_wal.care-drill ${data}/pg_wal
fi
if mountpoint -q ${small}; then umount ${small}; fi
if [ -d ${small} ]; then rmdir ${small}; fi
rm -rf ${data}/pg_wal.care-drill
systemctl start ${PATRONI_UNIT}`;
}

/** The WAL of a replica has no room any more. */
export const replicaDiskFull: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-replica-disk-full',
  summary: "the file system of a replica's WAL is full",
  proves: "A replica whose disk is full hurts nobody else: writers go on, nothing promised is lost, and it catches up by itself once there is room. The replica's WAL is put on a small file system in memory for the drill, so the host's own disk is never filled.",
  target: { gapMs: 5_000, backMs: 90_000, source: 'R17, R24: one replica gone is no outage' },
  touches: ['members'],
  async begin(scene) {
    needReplicas(scene, 2);
    const { hosts, sql, leader } = scene;
    const victim = chosenReplica(scene);
    const data = await dataDirectory(scene, victim);
    const small = `${data.slice(0, data.lastIndexOf('/'))}/care-drill-wal`;
    const guard = deadMan(hosts, victim, 'disk', DEAD_MAN_SECONDS, restore(data, small));
    let checked = 0;
    return {
      what: `the WAL of the replica ${victim.name} is on a file system that is full`,
      byHand: `on ${victim.name}: rm -f ${small}/care-drill-fill; the timer care-drill-disk.timer puts the WAL back on the disk; when the replica does not start: care-provision db reinit INVENTORY ${victim.name}`,
      async break() {
        await guard.arm();
        await hosts.text(victim, shrink(data, small), 120);
        scene.note('seen', `${victim.name} has its WAL on a file system of a few MiB`);
      },
      async effect(now) {
        const member = now.members.find((m) => m.name === victim.name);
        if (checked === 0) {
          if (member?.state !== 'streaming') return `${victim.name} does not stream from its small file system yet`;
          await hosts.text(victim, fill(small), 60);
          scene.note('seen', `the file system of ${victim.name} is full`);
        }
        checked += 1;
        // What is preallocated is used first; a segment more and it needs room that is not there.
        await sql.run(leader, 'postgres', ["SELECT pg_logical_emit_message(false, 'care-drill', 'x')", 'SELECT pg_switch_wal()']);
        if (checked > 60) return undefined;
        return member?.state === 'streaming' ? `${victim.name} still streams` : undefined;
      },
      effectSeconds: 120,
      holdSeconds: 5,
      async heal() {
        await hosts.text(victim, restore(data, small), 180);
        await guard.disarm();
      },
      backSeconds: 180,
      async findings() {
        const left = await hosts.text(victim, sh`[ ! -L ${data}/pg_wal ] && [ ! -e ${small} ] && [ ! -e ${data}/pg_wal.care-drill ] && echo clean || echo left`);
        return left.trim() === 'clean' ? [] : [`${victim.name} still has parts of the drill in ${data}`];
      },
    };
  },
};
