import { ReplicationArgs } from '../../modules/minio_replication/schema.ts';
import { settle } from '../../modules/minio_replication/plan.ts';
import { wished } from '../../modules/minio_replication/target.ts';
import type { Store } from '../../operations/minio/store.ts';
import { S3Trouble } from '../../services/s3/trouble.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { sh, type Script } from '../../support/shell.ts';
import { DEAD_MAN_SECONDS, deadMan } from '../dead-man.ts';
import { mend, refuseWithoutNft, TABLE } from '../partition.ts';
import { pause } from '../wait.ts';
import { COPIER_NAME, DRILL_NAME, newAccount, type Admin } from './admin.ts';
import { bodyOf, objectPath } from './body.ts';
import type { MinioDrill } from './scene.ts';

/** Copies follow within this time where a store and the way to it have room (R3: the copy at another site). */
const BEHIND_MS = 15_000;

/** POSIX sh: takes the store's ports away from everybody but its own nodes. SSH stays, so that it can be healed. */
function cutOff(store: Store): Script {
  const own = ['127.0.0.1', ...store.nodes.map((node) => node.address)].join(', ');
  const ports = `{ ${[...new Set([store.port, store.proxyPort])].join(', ')} }`;
  const rules = `table inet ${TABLE} {
  chain input { type filter hook input priority -400; policy accept; tcp dport ${ports} ip saddr != { ${own} } drop; tcp sport ${ports} ip saddr != { ${own} } drop; }
  chain output { type filter hook output priority -400; policy accept; tcp sport ${ports} ip daddr != { ${own} } drop; tcp dport ${ports} ip daddr != { ${own} } drop; }
}`;
  return sh`printf '%s\n' ${rules} | nft -f -`;
}

/** Copies the drill's bucket of one store to the other. */
async function copies(from: Admin, to: Store, key: { readonly name: string; readonly key: { reveal(): string } }, signal: AbortSignal): Promise<void> {
  const [node] = to.nodes;
  if (node === undefined) throw failure('no-nodes', 'the other store has no nodes');
  const { targets } = ReplicationArgs.parse({
    name: DRILL_NAME, targets: [{ endpoint_url: `https://${node.address}:${String(to.port)}`, access_key: key.name, secret_key: key.key.reveal(), replica_modifications: true }],
    endpoint_url: 'https://127.0.0.1:9000', access_key: 'unused-here', secret_key: 'unused-here',
  });
  try {
    await from.as((client) => settle(client, { timeoutSeconds: 30, signal }, DRILL_NAME, targets, wished(targets, DRILL_NAME)));
  } catch (error) {
    if (error instanceof S3Trouble) throw failure('no-copies', `the store can't copy to ${node.name}: ${error.trouble.msg}`, { remedy: 'both stores must reach each other, and trust the same CA', cause: error });
    throw error;
  }
}

/** All nodes of the store are cut off; clients go to the other site, where the copies are; what is written there comes back. */
export const siteLoss: MinioDrill = {
  service: 'minio',
  name: 'minio-site-loss',
  summary: 'all nodes of the store are cut off from clients and from the other site',
  proves: 'What was written is read at the other site, but for the last seconds, and clients write there; when the site is back both hold everything. The drill copies a bucket of its own in both ways, and leads its client to the other site, as a name does that is changed.',
  target: { gapMs: 60_000, backMs: 180_000, source: 'R3, R20: the copy at another site; what was confirmed and not yet copied is 15 s of writing at most' },
  touches: ['nodes', 'copies'],
  async begin(scene) {
    const { store, admin, other, hosts, note, now, rows, seed, moveTo, nodes, signal, account } = scene;
    if (other === undefined) throw failure('no-other-site', 'this drill needs a store at another site', { remedy: 'put its nodes into the group minio_copies (docs/roles/minio.md)' });
    await refuseWithoutNft(hosts, store.nodes);
    const key = newAccount(COPIER_NAME);
    await other.admin.make(account());
    await other.admin.makeCopier(key);
    await admin.makeCopier(key);
    await copies(admin, other.store, key, signal);
    await copies(other.admin, store, key, signal);
    note('seen', `both stores copy the bucket ${DRILL_NAME} to each other`);
    // What was written before is copied as well; give the new some time.
    await pause(5000, signal);
    const guards = store.nodes.map((node) => deadMan(hosts, node, 'site', DEAD_MAN_SECONDS, mend()));
    let [behindMs, missing, read] = [0, 0, 0];
    /** What is there and right, of what clients were promised. */
    const there = async (by: Admin, sequence: number): Promise<boolean> => {
      try {
        return (await by.object(objectPath(DRILL_NAME, sequence)))?.equals(bodyOf(seed, sequence)) === true;
      } catch (error) {
        // A store that does not answer shows nothing.
        if (error instanceof Diagnostic) return false;
        throw error;
      }
    };
    const byHand = `on ${store.nodes.map((n) => n.name).join(', ')}: nft delete table inet ${TABLE}`;
    let last = 0;
    return {
      what: `${store.nodes.map((n) => n.name).join(', ')} are cut off from clients and from ${other.store.nodes.map((n) => n.name).join(', ')}`,
      byHand,
      async break() {
        await Promise.all(guards.map((guard) => guard.arm()));
        await Promise.all(store.nodes.map((node) => hosts.text(node, cutOff(store))));
        const promised = rows();
        const lastMs = promised.at(-1)?.atMs ?? now();
        moveTo(other.nodes);
        note('seen', 'the client goes to the other site');
        for (const row of promised) {
          read += 1;
          if (await there(other.admin, row.sequence)) continue;
          missing += 1;
          behindMs = Math.max(behindMs, lastMs - row.atMs);
        }
        note('seen', `${String(read - missing)} of ${String(read)} objects are read at the other site`);
      },
      effect: (view) => (view.nodes.some((n) => n.live) ? 'the store still answers' : (rows().at(-1)?.server ?? '') === other.nodes[0]?.label ? undefined : 'the client has not written at the other site'),
      effectSeconds: 60,
      holdSeconds: 8,
      async heal() {
        last = Math.max(0, ...rows().map((row) => row.sequence));
        await Promise.all(store.nodes.map((node) => hosts.text(node, mend())));
        await Promise.all(guards.map((guard) => guard.disarm()));
      },
      async back(view) {
        if (view.nodes.some((n) => !n.live)) return 'the store does not answer';
        const promised = rows().filter((row) => row.sequence <= last);
        for (const [name, by] of [['this site', admin], ['the other site', other.admin]] as const) {
          for (const row of promised.toReversed()) if (!(await there(by, row.sequence))) return `object ${String(row.sequence)} is not at ${name}`;
        }
        note('seen', `both sites hold all ${String(promised.length)} objects`);
        moveTo(nodes);
        return undefined;
      },
      backSeconds: 300,
      figures: () => [{ name: 'behind_ms', label: `of writing were not yet at the other site (${String(missing)} of ${String(read)} objects)`, ms: behindMs, targetMs: BEHIND_MS }],
    };
  },
};
