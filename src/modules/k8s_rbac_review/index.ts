import { z } from 'zod';
import { failed, ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { KubernetesLogin } from '../../services/kubernetes/login.ts';
import { kubernetesFields, queriesWithLogin, withLogin } from '../common/kubernetes/login.ts';
import { listed, type ListedKey } from '../common/kubernetes/queries.ts';
import { defineModule } from '../define.ts';
import { reviewBindings } from './review.ts';

const K8sRbacReviewArgs = z.strictObject({
  declared: z.string().regex(/^[^=]+=[^=]+$/, 'must be a label as KEY=VALUE').describe('Label of the bindings that were declared'),
  allowed: z.array(z.string().min(1)).default([]).describe('Names of bindings that may be there besides; a star at the end stands for anything'),
  ...kubernetesFields,
});
type K8sRbacReviewArgs = z.output<typeof K8sRbacReviewArgs>;

const API = 'rbac.authorization.k8s.io/v1';
const KINDS = ['ClusterRole', 'Role', 'ClusterRoleBinding', 'RoleBinding'];
const keyOf = (login: KubernetesLogin, kind: string): ListedKey => ({ login, apiVersion: API, kind, namespace: undefined, name: undefined, labels: '', fields: '' });

function planWith(login: KubernetesLogin, args: K8sRbacReviewArgs, host: HostView): Plan {
  const found: Readonly<Record<string, unknown>>[][] = [];
  for (const kind of KINDS) {
    const fact = host.fact(listed(keyOf(login, kind)));
    if (!fact.ok) return failed(`${kind}: ${fact.msg}`);
    found.push([...fact.value]);
  }
  const [clusterRoles = [], roles = [], clusterBindings = [], bindings = []] = found;
  const stray = reviewBindings({ roles: [...clusterRoles, ...roles], bindings: [...clusterBindings, ...bindings] }, { declared: args.declared, allowed: args.allowed });
  return ok({ stray: stray.map(({ kind, name, namespace, why }) => ({ kind, name, namespace, why })) });
}

export const k8sRbacReview = defineModule({
  name: 'k8s_rbac_review',
  summary: 'Find bindings of RBAC in a Kubernetes cluster that nobody declared',
  description: `Changes nothing, and finding some is no failure: say with \`failed_when\` what is. Found are bindings for people and groups, for cluster-admin, for system:masters, for everybody, and for
default service accounts, that have neither the label of declared ones nor a name that is allowed; Kubernetes' own are left out. \`why\` names items of the CIS benchmark.`,
  args: K8sRbacReviewArgs,
  returns: { stray: 'the bindings: kind, name, namespace, why' },
  examples: [{ title: 'Only what was declared, and kubeadm’s own', yaml: 'k8s_rbac_review:\n  declared: care-provision/set=access\n  allowed: ["kubeadm:*"]\nregister: review\nfailed_when: size(review.stray) > 0\n' }],
  queries: (args, host) => queriesWithLogin(args, host, (login) => KINDS.map((kind) => listed(keyOf(login, kind)))),
  plan: (args, host) => withLogin(args, host, (login) => planWith(login, args, host)),
});
