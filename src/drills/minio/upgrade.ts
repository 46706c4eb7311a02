import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { applyStore } from './playbook.ts';
import type { MinioDrill, MinioScene } from './scene.ts';

/** Digests of the program, by host. */
async function programs({ store, hosts }: MinioScene): Promise<readonly string[]> {
  return Promise.all(store.nodes.map(async (node) => (await hosts.text(node, sh`sha256sum /usr/local/bin/minio`, 60)).split(' ')[0] ?? ''));
}

/**
 * The version that is declared is installed while clients write. All nodes are started together: a node of another program than
 * most of the others is not let in (cmd/bootstrap-peer-server.go compares the programs' checksums), so there is no rolling upgrade.
 */
export const upgrade: MinioDrill = {
  service: 'minio',
  name: 'minio-upgrade',
  summary: 'the version that is declared, and not there yet, is installed on all nodes',
  proves: 'An upgrade costs clients some seconds of trying again, no request fails for good, and nothing is lost. All nodes are started together, as MinIO wants it; what it does to data that an older version has written is proven by reading it.',
  target: { gapMs: 60_000, backMs: 300_000, source: 'R3: upgrade with a writer, 0 errors after client retry' },
  touches: ['nodes'],
  changes: true,
  async begin(scene) {
    const before = await programs(scene);
    let after: readonly string[] | undefined;
    return {
      what: `${scene.store.name}: the program is exchanged (${before[0]?.slice(0, 12) ?? ''}… until now)`,
      byHand: 'care-provision apply INVENTORY playbooks/minio.yml',
      async break() {
        await applyStore(scene);
        after = await programs(scene);
        if (after.every((digest, i) => digest === before[i])) throw failure('nothing-to-upgrade', 'the program is the one that was there', { remedy: 'declare the next version: minio_version in the inventory, or --extra-vars minio_version=…' });
        scene.note('seen', `the program is ${after[0]?.slice(0, 12) ?? ''}…`);
      },
      healsItself: true,
      heal: () => Promise.resolve(),
      backSeconds: 180,
      findings: () => Promise.resolve(after === undefined || new Set(after).size === 1 ? [] : ['the nodes have different programs']),
    };
  },
};
