import type { PostgresDrill } from './scene.ts';
import { failure } from '../../support/diagnostic.ts';
import { sh, type Script } from '../../support/shell.ts';
import type { Figure } from '../record.ts';
import { DEAD_MAN_SECONDS, deadMan } from '../dead-man.ts';
import { STARTED_SQL } from './watch/schema.ts';
import { chosenReplica, needReplicas } from './common.ts';

/** Bytes of one WAL segment as Debian and Patroni make clusters. */
const SEGMENT = 16 * 1024 * 1024;
/** Looks in a row that must not lead to the lagging replica before it counts as out. */
const LOOKS = 5;

/** A replica stops replaying; once it is far enough behind it leaves the read port, and comes back by itself. */
export const replicaLag: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-replica-lag',
  summary: 'a replica stops replaying until it is too far behind for readers',
  proves: 'Readers are led past a replica that is behind by more than haproxy_read_max_lag within 10 s, writers notice nothing, and it serves readers again by itself once it has caught up.',
  target: { gapMs: 2_000, backMs: 60_000, source: 'R17, R24: out of the read port ≤ 10 s, back after the replay goes on' },
  touches: ['members'],
  async begin(scene) {
    needReplicas(scene, 2);
    const { sql, hosts, leader, cluster, readers } = scene;
    const victim = chosenReplica(scene);
    // Frozen, not paused by pg_wal_replay_pause(): Patroni resumes a paused replay when its loop comes round.
    const [startup, started] = (await sql.rows(victim, 'postgres', `SELECT pid::text, (${STARTED_SQL}) FROM pg_stat_activity WHERE backend_type = 'startup'`))[0] ?? [];
    if (startup === undefined || started === undefined) throw failure('no-startup-process', `${victim.name} runs no process that replays`);
    const freeze: Script = sh`[ "$(cat /proc/${startup}/comm)" = postgres ] && kill -STOP ${startup}`;
    // A server that was started anew in the meantime has another process, which nobody has frozen.
    const thaw: Script = sh`[ ! -e /proc/${startup} ] || kill -CONT ${startup}`;
    const guard = deadMan(hosts, victim, 'replay', DEAD_MAN_SECONDS, thaw);
    const figures: Figure[] = [];
    let behindAtMs: number | undefined;
    let lastSeenMs = 0;
    let clean = 0;
    let resumedAtMs = 0;
    const patroni = scene.observer.client(victim);
    /** Whether readers are led to the victim: by the read port itself, or by what Patroni would answer to a proxy. */
    const serves = async (): Promise<boolean> => (readers.port === undefined ? (await patroni.health(`/replica?lag=${String(cluster.readMaxLagBytes)}`)) === 200 : (await readers.port.ask()).includes(started));
    const segments = Math.ceil(cluster.readMaxLagBytes / SEGMENT) + 1;
    return {
      what: `${victim.name} replays no more, and the leader ${leader.name} goes on for ${String(segments)} WAL segments${readers.port === undefined ? ` (no proxy lets readers in, so Patroni is asked instead: ${readers.why})` : ''}`,
      byHand: `on ${victim.name}: kill -CONT ${startup}`,
      async break() {
        await guard.arm();
        await hosts.text(victim, freeze);
        // A switch of the WAL file moves on by a whole segment at the cost of one record.
        for (let i = 0; i < segments; i += 1) await sql.run(leader, 'postgres', ["SELECT pg_logical_emit_message(false, 'care-drill', 'x')", 'SELECT pg_switch_wal()']);
        behindAtMs = scene.now();
        lastSeenMs = behindAtMs;
      },
      async effect() {
        if (await serves()) {
          lastSeenMs = scene.now();
          clean = 0;
          return `readers are still led to ${victim.name}`;
        }
        clean += 1;
        return clean < LOOKS ? 'readers may still be led there' : undefined;
      },
      effectSeconds: 60,
      holdSeconds: 3,
      async heal() {
        figures.length = 0;
        figures.push({ name: 'left_read_pool_ms', label: 'until readers were led past it', ms: lastSeenMs - (behindAtMs ?? lastSeenMs), targetMs: 10_000 });
        await hosts.text(victim, thaw);
        await guard.disarm();
        resumedAtMs = scene.now();
      },
      async back() {
        const healthy = (await patroni.health(`/replica?lag=${String(cluster.readMaxLagBytes)}`)) === 200;
        if (!healthy) return `${victim.name} is not ready for readers yet`;
        if (figures.length === 1) figures.push({ name: 'serves_readers_again_ms', label: 'until Patroni lets readers in again', ms: scene.now() - resumedAtMs, targetMs: 30_000 });
        return undefined;
      },
      backSeconds: 120,
      figures: () => figures,
    };
  },
};
