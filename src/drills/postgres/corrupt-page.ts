import { reinitialize } from '../../operations/postgres/operate.ts';
import { reinitRefusals } from '../../operations/postgres/gates.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import type { PostgresDrill } from './scene.ts';
import { DRILL_DATABASE } from './watch/login.ts';
import { chosenReplica, dataDirectory, needReplicas, PATRONI_UNIT } from './common.ts';

const PAGE = 8192;
/** Seconds: a lab's database is small; that of a hospital is not what drills are made on. */
const REINIT_SECONDS = 300;

/** A byte of a table changes on a replica's disk, behind PostgreSQL's back. */
export const corruptPage: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-corrupt-page',
  summary: 'a byte of a page changes on the disk of a replica',
  proves: 'Checksums find it: pg_checksums names the page, and reading it fails instead of giving wrong data; the leader is not touched, and making the replica anew (reinit) mends it. The data directory of that replica is wiped by the drill.',
  target: { gapMs: 2_000, backMs: 120_000, source: 'R17, R20: corruption is found, never served; a replica is made anew' },
  touches: ['members'],
  async begin(scene) {
    needReplicas(scene, 2);
    const { hosts, sql, leader, cluster, observer } = scene;
    const victim = chosenReplica(scene);
    const refusals = reinitRefusals(scene.before, victim.name);
    if (refusals.length > 0) throw failure('no-victim', `no replica may be made anew: ${refusals.join('; ')}`);
    const data = await dataDirectory(scene, victim);
    const [bin = '/usr/bin'] = (await sql.rows(victim, 'postgres', "SELECT setting FROM pg_config WHERE name = 'BINDIR'"))[0] ?? [];
    const found = { checksums: '', read: '' };
    let broken = false;
    const readsPage = async (): Promise<string> => {
      try {
        await sql.rows(victim, DRILL_DATABASE, 'SELECT count(*) FROM drill.page');
        return '';
      } catch (error) {
        if (error instanceof Diagnostic) return error.detail ?? error.message;
        throw error;
      }
    };
    return {
      what: `a byte of the table drill.page changes on the disk of the replica ${victim.name}`,
      byHand: `care-provision db reinit INVENTORY ${victim.name}`,
      async break() {
        await sql.run(leader, DRILL_DATABASE, ['CREATE TABLE drill.page AS SELECT n, md5(n::text) AS text FROM generate_series(1, 2000) AS n', 'VACUUM (FREEZE) drill.page', 'CHECKPOINT']);
        const [[file, lsn] = []] = await sql.rows(leader, DRILL_DATABASE, "SELECT pg_relation_filepath('drill.page'), pg_current_wal_lsn()");
        if (file === undefined || lsn === undefined) throw failure('no-page', 'the table for the drill has no file');
        for (let i = 0; (await sql.rows(victim, DRILL_DATABASE, `SELECT pg_last_wal_replay_lsn() >= '${lsn}'::pg_lsn`))[0]?.[0] !== 't'; i += 1) {
          if (i > 60) throw failure('no-replay', `${victim.name} has not replayed up to ${lsn}`);
        }
        broken = true;
        // Stopped in order, so that the page is on the disk, and in nobody's memory when it is read again.
        const out = await hosts.text(victim, sh`set -e
systemctl stop ${PATRONI_UNIT}
printf '\\125' | dd of=${data}/${file} bs=1 seek=$((${PAGE} + 4096)) conv=notrunc 2>/dev/null
sync
status=0
runuser -u postgres -- ${bin}/pg_checksums --check -D ${data} 2>&1 || status=$?
systemctl start ${PATRONI_UNIT}
echo "exit status $status"`, 180);
        found.checksums = out;
        scene.note('seen', `pg_checksums: ${out.split('\n').find((line) => line.includes('checksum verification failed')) ?? 'nothing found'}`);
      },
      async effect(now) {
        if (now.members.find((m) => m.name === victim.name)?.state !== 'streaming') return `${victim.name} does not stream again yet`;
        found.read = await readsPage();
        scene.note('seen', found.read === '' ? 'the page was read' : `reading it: ${found.read}`);
        return undefined;
      },
      effectSeconds: 90,
      async heal() {
        if (!broken) return;
        const now = await observer.look();
        await reinitialize({ cluster, hosts, observer, signal: uninterrupted() }, now, victim.name, REINIT_SECONDS);
        broken = false;
      },
      async back() {
        const trouble = await readsPage();
        return trouble === '' ? undefined : `the page can't be read on ${victim.name}: ${trouble}`;
      },
      backSeconds: 180,
      findings: () => Promise.resolve([
        ...(/checksum verification failed in file .*block 1\b/.test(found.checksums) ? [] : ['pg_checksums did not find the changed page']),
        ...(found.read.includes('invalid page in block 1') ? [] : [`reading the changed page was not refused${found.read === '' ? '' : `: ${found.read}`}`]),
      ]),
    };
  },
};
