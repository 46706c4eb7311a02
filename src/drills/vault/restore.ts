/** The cluster is taken back to a snapshot. */
import { putSnapshot, takeSnapshot } from '../../operations/vault/snapshot.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import { failure } from '../../support/diagnostic.ts';
import { pause } from '../wait.ts';
import type { VaultDrill } from './scene.ts';

/** Written between the snapshot and the restore, and given up by it. */
const BETWEEN_MS = 3000;

export const snapshotRestore: VaultDrill = {
  service: 'vault',
  name: 'vault-snapshot-restore',
  summary: 'the cluster is taken back to a snapshot that was taken seconds before',
  proves: 'A snapshot holds every entry that was acknowledged before it, a restore brings back just that and nothing written since, and members go on serving without being opened anew.',
  target: { gapMs: 30_000, backMs: 60_000, source: 'R12: a snapshot is not proven until restored' },
  touches: ['members'],
  destroys: true,
  begin(scene) {
    const { observer, leader } = scene;
    const times = { from: 0, taken: 0, back: Number.POSITIVE_INFINITY };
    return Promise.resolve({
      what: `${scene.cluster.name} is taken back to a snapshot`,
      byHand: 'care-provision vault status; care-provision vault restore INVENTORY --from a snapshot of a member',
      async break() {
        const operator = observer.operator(leader);
        try {
          times.from = scene.now();
          const { content, seen } = await takeSnapshot(operator, observer);
          times.taken = scene.now();
          scene.note('seen', `snapshot of ${String(seen.bytes)} bytes, raft index ${String(seen.index)}`);
          await pause(BETWEEN_MS, scene.signal);
          await putSnapshot(operator, observer, content, false);
          times.back = scene.now();
          scene.note('seen', 'the snapshot is in place');
        } catch (error) {
          if (!(error instanceof VaultTrouble)) throw error;
          throw failure('vault-trouble', `${leader.name}: ${error.trouble.msg}`, { remedy: error.trouble.remedy, cause: error });
        } finally {
          await operator.close();
        }
      },
      heal: () => Promise.resolve(),
      healsItself: true,
      backSeconds: 120,
      givenUp: () => ({ fromMs: times.from, sureMs: times.taken, toMs: times.back, mustBeGone: true }),
    });
  },
};
