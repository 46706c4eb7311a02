import { failed, ok } from '../../host/plan.ts';
import { lifeWarnings } from '../common/kubernetes/end-of-life.ts';
import { defineModule } from '../define.ts';
import { checkInventory, checkOthers, checkVoters } from './check.ts';
import { KubernetesInventoryArgs } from './schema.ts';

export const kubernetesInventory = defineModule({
  name: 'kubernetes_inventory',
  summary: 'Refuse an inventory that makes no sound Kubernetes cluster',
  description: `Asks no host: numbers and places of control planes, networks that overlap, versions too far apart; a version that gets no more fixes is warned of. Where its arguments can be told
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
  refuses: (args) => [...checkVoters(args).map((summary) => ({ summary, group: args.control_plane_group })), ...checkOthers(args)],
  plan(args, host) {
    const problems = checkInventory(args);
    if (problems.length > 0) return failed(problems.join('\n'), 'change the inventory');
    const warnings = lifeWarnings(args.version, host.base.epoch);
    return warnings.length === 0 ? ok() : { type: 'ok', warnings };
  },
});
