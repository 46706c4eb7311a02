import { failed, ok } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { checkInventory } from './check.ts';
import { KubernetesInventoryArgs } from './schema.ts';

export const kubernetesInventory = defineModule({
  name: 'kubernetes_inventory',
  summary: 'Refuse an inventory that makes no sound Kubernetes cluster',
  description: `Asks no host: numbers and places of control planes, networks that overlap, versions too far apart. Where its arguments can be told
before a run, it is judged before any host is touched, by \`validate\` too. Used by \`playbooks/kubernetes.yml\`.`,
  args: KubernetesInventoryArgs,
  examples: [
    {
      title: 'Three control planes in three sites',
      yaml: `kubernetes_inventory:
  version: 1.36.4
  control_planes:
    - { name: k1, address: 192.0.2.11, site: kochi }
    - { name: k2, address: 192.0.2.12, site: delhi }
    - { name: k3, address: 192.0.2.13, site: pune }
  pod_network: 10.244.0.0/16
  pod_network_node_prefix: 24
  service_network: 10.96.0.0/16
  geo_ha: required`,
    },
  ],
  secretArgs: ['encryption_keys'],
  refuses: checkInventory,
  plan(args) {
    const problems = checkInventory(args);
    return problems.length === 0 ? ok() : failed(problems.join('\n'), 'change the inventory');
  },
});
