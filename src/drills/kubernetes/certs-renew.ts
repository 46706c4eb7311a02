import { sh } from '../../support/shell.ts';
import type { Figure } from '../record.ts';
import { applyCluster } from './playbook.ts';
import type { KubernetesDrill, KubernetesScene } from './scene.ts';

const PLAYBOOK = 'kubernetes-certs-renew.yml';

/** Serial numbers of the API servers' certificates, by control plane. */
async function serials({ cluster, hosts }: KubernetesScene): Promise<readonly string[]> {
  return Promise.all(cluster.controlPlanes.map(async (host) => (await hosts.text(host, sh`openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -serial`)).trim()));
}

/** All certificates of the control planes are made anew, one control plane after another, while the client writes. */
export const certsRenew: KubernetesDrill = {
  service: 'kubernetes',
  name: 'kubernetes-certs-renew',
  summary: 'nothing is broken: the certificates of all control planes are made anew',
  proves: 'Certificates are renewed, and what uses them is started again, one control plane at a time, without a pause in writing that is longer than the loss of a control plane; nothing promised is lost.',
  target: { gapMs: 15_000, backMs: 120_000, source: 'R1.1: no gap > 15 s, here with each control plane in turn' },
  touches: ['control planes'],
  changes: true,
  async begin(scene) {
    const before = await serials(scene);
    const figures: Figure[] = [];
    return {
      what: `the certificates of ${scene.cluster.controlPlanes.map((host) => host.name).join(', ')} are made anew`,
      byHand: `care-provision apply INVENTORY playbooks/${PLAYBOOK}`,
      async break() {
        figures.push(await applyCluster(scene, PLAYBOOK));
      },
      heal: () => Promise.resolve(),
      backSeconds: 180,
      async findings() {
        const after = await serials(scene);
        const same = scene.cluster.controlPlanes.filter((_host, i) => after[i] === before[i]).map((host) => host.name);
        return same.length === 0 ? [] : [`${same.join(', ')}: the certificate of the API server is the one that was there`];
      },
      figures: () => figures,
    };
  },
};
