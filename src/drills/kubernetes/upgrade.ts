import { failure } from '../../support/diagnostic.ts';
import type { Figure } from '../record.ts';
import { applyCluster } from './playbook.ts';
import type { KubernetesDrill } from './scene.ts';

const PLAYBOOK = 'kubernetes-upgrade.yml';

/** The version that is declared is installed, one node at a time, while the client writes. */
export const upgrade: KubernetesDrill = {
  service: 'kubernetes',
  name: 'kubernetes-upgrade',
  summary: 'the version that is declared, and not there yet, is installed on all nodes',
  proves: 'An upgrade goes one node at a time, control planes first, without a pause in writing that is longer than the loss of a control plane; nothing promised is lost. Ordinary pods are moved away from each node before.',
  target: { gapMs: 15_000, backMs: 120_000, source: 'R1.1: no gap > 15 s, here with each control plane in turn' },
  touches: ['control planes', 'nodes'],
  changes: true,
  begin(scene) {
    const { cluster, before } = scene;
    const wanted = cluster.version;
    if (wanted === undefined) throw failure('nothing-to-upgrade', 'the inventory does not say which version it is to be', { remedy: 'set kubernetes_version' });
    const old = (before.nodes ?? []).filter((node) => node.version !== `v${wanted}`);
    if (old.length === 0) throw failure('nothing-to-upgrade', `all nodes run ${wanted} already`, { remedy: 'declare the next version: kubernetes_version in the inventory, or --extra-vars kubernetes_version=…' });
    const figures: Figure[] = [];
    let late: readonly string[] = [];
    return Promise.resolve({
      what: `${String(old.length)} nodes of ${old[0]?.version ?? ''} are brought to ${wanted}`,
      byHand: `care-provision apply INVENTORY playbooks/${PLAYBOOK}`,
      async break() {
        figures.push(await applyCluster(scene, PLAYBOOK));
      },
      heal: () => Promise.resolve(),
      back(now) {
        late = (now.nodes ?? []).filter((node) => node.version !== `v${wanted}`).map((node) => `${node.name} runs ${node.version}`);
        return late.length === 0 ? undefined : late.join(', ');
      },
      backSeconds: 180,
      figures: () => figures,
    });
  },
};
