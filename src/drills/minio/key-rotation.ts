import { setTimeout as sleep } from 'node:timers/promises';
import { S3Trouble } from '../../services/s3/trouble.ts';
import { DRILL_NAME, newAccount, type Account } from './admin.ts';
import { listingStatus } from './places.ts';
import type { MinioDrill, MinioScene } from './scene.ts';

const REVOKED_MS = 60_000;

/** Whether every node refuses a key. A node that does not answer proves nothing, and counts as one that takes it. */
async function refusedEverywhere({ store, nodes, ca }: MinioScene, account: Account): Promise<boolean> {
  const refusals = await Promise.all(nodes.map(async (place) => {
    try {
      return (await listingStatus(store, place, account, ca)) === 403;
    } catch (error) {
      if (error instanceof S3Trouble) return false;
      throw error;
    }
  }));
  return refusals.every((refused) => refused);
}

/** A service's key is changed with both holding in between; the old one is revoked. */
export const keyRotation: MinioDrill = {
  service: 'minio',
  name: 'minio-key-rotation',
  summary: 'the key of a service is changed, with both holding in between, and the old one revoked',
  proves: 'A key is changed without a failed request, and the old one opens nothing on any node soon after it was revoked.',
  target: { gapMs: 5_000, backMs: 60_000, source: 'R3.4: the old key refused within 60 s of its end, no failed upload during the overlap' },
  touches: ['nodes'],
  async begin(scene) {
    const { admin, use, note, now, signal } = scene;
    const [old, next] = [newAccount(`${DRILL_NAME}-old`), newAccount(`${DRILL_NAME}-new`)];
    await admin.addKey(old);
    use(old);
    let revokedMs: number | undefined;
    return {
      what: `the client's key ${old.name} is followed by ${next.name}, and revoked`,
      byHand: `nothing: the keys go with the user ${DRILL_NAME}`,
      async break() {
        await admin.addKey(next);
        note('seen', 'both keys hold');
        await sleep(2000, undefined, { signal });
        use(next);
        // What is under way with the old one ends first.
        await sleep(6000, undefined, { signal });
        await admin.removeKey(old.name);
        const since = now();
        note('seen', `${old.name} is revoked`);
        while (now() - since < REVOKED_MS + 10_000) {
          if (await refusedEverywhere(scene, old)) {
            revokedMs = now() - since;
            break;
          }
          await sleep(200, undefined, { signal });
        }
      },
      healsItself: true,
      heal: () => Promise.resolve(),
      backSeconds: 30,
      figures: () => (revokedMs === undefined ? [] : [{ name: 'revoked_ms', label: 'until every node refused the old key', ms: revokedMs, targetMs: REVOKED_MS }]),
      findings: () => Promise.resolve(revokedMs === undefined ? ['some node still takes the old key'] : []),
    };
  },
};
