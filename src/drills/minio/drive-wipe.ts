import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { DRILL_NAME } from './admin.ts';
import type { MinioDrill } from './scene.ts';

/** All files of one drive are deleted, as if an empty one were in its place. */
export const driveWipe: MinioDrill = {
  service: 'minio',
  name: 'minio-drive-wipe',
  summary: 'one drive of one host is emptied, as if a new one were in its place',
  proves: 'Clients notice nothing; the store fills the drive again by itself, with as many objects of the drill as it held.',
  target: { gapMs: 5_000, backMs: 180_000, source: 'R3: a wiped drive is healed, every object is what it was' },
  touches: ['nodes'],
  async begin({ store, hosts, before, note }) {
    const victim = store.nodes.at(-1);
    // The drives of the last node: the store knows it by a name that ends with its number.
    const drive = before.info?.drives.find((d) => d.node.endsWith(`-${String(store.nodes.length)}`) && d.pool === 0) ?? before.info?.drives.at(-1);
    if (victim === undefined || drive === undefined || !drive.path.startsWith('/')) throw failure('no-drive', 'the store does not say where its drives are');
    const count = sh`find ${`${drive.path}/${DRILL_NAME}`} -name xl.meta 2>/dev/null | wc -l`;
    const held = async (): Promise<number> => Number((await hosts.text(victim, count)).trim());
    const had = { objects: await held() };
    return {
      what: `all that ${drive.path} of ${victim.name} holds is deleted (${String(had.objects)} objects of the drill among it)`,
      byHand: `nothing: the store heals ${drive.path} of ${victim.name} by itself; journalctl -u care-minio there`,
      async break() {
        had.objects = await held();
        // Where none are, none would have to come back, and nothing would be proven.
        if (had.objects === 0) throw failure('no-objects', `${drive.path} of ${victim.name} holds no objects of the drill`, { remedy: `see whether the store knows that drive by this path: ls ${drive.path} on ${victim.name}` });
        // Only below the mount point: `-xdev` never leaves the drive.
        await hosts.text(victim, sh`mountpoint -q ${drive.path} || { echo ${`${drive.path} is no mount point`} >&2; exit 1; }; find ${drive.path} -xdev -mindepth 1 -delete 2>/dev/null; [ "$(ls -A ${drive.path} | grep -cv '^\.minio\.sys$')" -le 2 ]`, 60);
      },
      healsItself: true,
      heal: () => Promise.resolve(),
      async back() {
        const now = await held();
        if (now < had.objects) return `${drive.path} holds ${String(now)} of ${String(had.objects)} objects`;
        note('seen', `${drive.path} of ${victim.name} holds ${String(now)} objects again`);
        return undefined;
      },
      backSeconds: 300,
    };
  },
};
