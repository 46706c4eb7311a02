import { failure } from '../../support/diagnostic.ts';
import type { PostgresDrill } from './scene.ts';
import { pause } from '../wait.ts';
import { dataDirectory } from './common.ts';
import { archiveNow, formerLives, needBackups, removeSince, restoreCluster } from './restore.ts';

/** Milliseconds of writing on each side of the point in time, so that no clock's resolution decides. */
const MARGIN_MS = 2000;

/** The whole cluster goes back to a moment between two rows. */
export const pitr: PostgresDrill = {
  service: 'postgres',
  name: 'postgres-pitr',
  summary: 'the cluster is taken back to a moment between two rows',
  proves: 'A restore to a point in time brings back every row that was acknowledged before it and none that was written after it; the other members are made anew, and clients write again. All databases of the cluster go back with it.',
  target: { gapMs: undefined, backMs: 900_000, source: 'R20: first row present, second absent; the time is that of a lab' },
  touches: ['members', 'backups'],
  destroys: true,
  async begin(scene) {
    await needBackups(scene);
    const { leader, sql } = scene;
    const data = await dataDirectory(scene, leader);
    const before = await formerLives(scene, data);
    const timeline = scene.before.members.find((m) => m.name === leader.name)?.timeline ?? 0;
    let moment: { readonly beforeMs: number; readonly afterMs: number } | undefined;
    let restored = false;
    return {
      what: `the cluster (${leader.name} leads) is taken back to a moment between two rows`,
      byHand: 'care-provision db restore INVENTORY --to latest --confirm CLUSTER, or to the time that the report names; earlier data is beside the data directory (.former-TIME)',
      async break() {
        await pause(MARGIN_MS, scene.signal);
        const beforeMs = scene.now();
        const [row] = await sql.rows(leader, 'postgres', "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'");
        const time = row?.[0];
        if (time === undefined) throw failure('no-clock', 'the leader does not tell the time');
        moment = { beforeMs, afterMs: scene.now() };
        scene.note('seen', `the moment is ${time}`);
        await pause(MARGIN_MS, scene.signal);
        await archiveNow(scene);
        await restoreCluster(scene, time);
        restored = true;
      },
      heal: () => Promise.resolve(),
      healsItself: true,
      back: () => (restored ? undefined : 'the restore has not ended well'),
      backSeconds: 600,
      givenUp() {
        if (moment === undefined) return undefined;
        // The restored cluster writes on a new timeline: from its first row on, all must be there again.
        const again = scene.rows().filter((r) => r.timeline > timeline).map((r) => r.sentMs);
        return { fromMs: moment.beforeMs, sureMs: moment.afterMs, toMs: Math.min(Number.POSITIVE_INFINITY, ...again), mustBeGone: true };
      },
      async findings() {
        if (restored) await removeSince(scene, data, before);
        return [];
      },
    };
  },
};
