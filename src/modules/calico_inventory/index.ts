import { failed, ok } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { checkCalico } from './check.ts';
import { CalicoInventoryArgs } from './schema.ts';

export const calicoInventory = defineModule({
  name: 'calico_inventory',
  summary: 'Refuse an inventory that makes no sound network of Calico',
  description: `Asks no host: pools of addresses that overlap, are outside the network of the pods, or leave nodes without one; encapsulations that need BGP, and peers without it; tiers and policies
that are not there; fail-safe ports that would lock somebody out. Where its arguments can be told before a run, it is judged before any host is touched, by \`validate\` too. Used by
\`playbooks/kubernetes.yml\` with \`kubernetes_cni: calico\`.`,
  args: CalicoInventoryArgs,
  examples: [
    {
      title: 'Pools of two sites',
      yaml: `calico_inventory:
  version: 3.32.1
  nodes:
    - { name: k1, address: 192.0.2.11, zone: kochi }
    - { name: k2, address: 198.51.100.11, zone: delhi }
  pod_network: 10.244.0.0/16
  pools:
    - { name: kochi, cidr: 10.244.0.0/17, zone: kochi }
    - { name: delhi, cidr: 10.244.128.0/17, zone: delhi }
  failsafe_inbound_ports:
    - { port: 22 }`,
    },
  ],
  refuses: checkCalico,
  plan(args) {
    const problems = checkCalico(args);
    return problems.length > 0 ? failed(problems.join('\n'), 'change the inventory') : ok();
  },
});
