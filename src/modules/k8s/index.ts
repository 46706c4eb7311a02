import type { AnyQuery } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { loginFact, loginQueries } from '../common/kubernetes/login.ts';
import { applied, listed, present } from '../common/kubernetes/queries.ts';
import { defineModule } from '../define.ts';
import { BadDefinition } from '../common/kubernetes/manifests.ts';
import { definitionOf, keyOf, planK8s, pruneKeys } from './plan.ts';
import { K8sArgs } from './schema.ts';

function queries(args: K8sArgs, host: HostView): readonly AnyQuery[] {
  const login = loginFact(args, host);
  if (login.type !== 'login') return loginQueries(args);
  try {
    const manifests = definitionOf(args, host);
    if (args.state === 'absent') return manifests.map((manifest) => present({ login: login.login, manifest }));
    return [...manifests.map((manifest) => applied(keyOf(login.login, manifest, args))), ...pruneKeys(login.login, args).map((key) => listed(key))];
  } catch (error) {
    // The plan says what is wrong with it.
    if (error instanceof BadDefinition) return [];
    throw error;
  }
}

export const k8s = defineModule({
  name: 'k8s',
  summary: 'Apply objects to a Kubernetes cluster, or delete them',
  description: `The API server applies them (server-side apply), and a dry run of it tells beforehand what would change: admission, defaults and validation
are the cluster's own, so \`--check --diff\` is exact. Fields that the definition does not have stay as they are; unknown fields are refused.
Values of Secrets are never shown.

Requests go from the controller through the SSH connection of the host that the task runs on, with a kubeconfig of that host: run it on
a control plane, \`run_once\`. Objects are applied in their order, so a namespace, or a definition of a kind, may stand before what needs it.
Readiness is waited for with \`k8s_info\` and \`until\`.`,
  args: K8sArgs,
  examples: [
    {
      title: 'A namespace and what is in it',
      yaml: `k8s:
  definition:
    - apiVersion: v1
      kind: Namespace
      metadata: { name: care, labels: { pod-security.kubernetes.io/enforce: restricted } }
    - apiVersion: v1
      kind: ConfigMap
      metadata: { name: settings, namespace: care }
      data: { MAINTENANCE_MODE: "0" }
run_once: true`,
    },
    { title: 'Manifests of a role, without those of earlier versions', yaml: 'k8s:\n  template: policies.yaml.hbs\n  prune:\n    labels: care-provision/set=policies\n    kinds:\n      - { api_version: networking.k8s.io/v1, kind: NetworkPolicy }\nrun_once: true' },
  ],
  queries,
  plan: planK8s,
});
