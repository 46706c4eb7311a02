import { z } from 'zod';
import { failed, ok, type Plan } from '../../host/plan.ts';
import type { AnyQuery } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { KubernetesLogin } from '../../services/kubernetes/login.ts';
import { kubernetesFields, loginFact, loginQueries, NO_LOGIN_REMEDY } from '../common/kubernetes/login.ts';
import { listed, type ListedKey } from '../common/kubernetes/queries.ts';
import { objectValues } from '../common/kubernetes/values.ts';
import { defineModule } from '../define.ts';

const K8sInfoArgs = z.strictObject({
  api_version: z.string().default('v1').describe('Such as apps/v1'),
  kind: z.string().describe('Such as Deployment'),
  name: z.string().optional().describe('One object'),
  namespace: z.string().optional().describe('Its namespace; without, and without a name, those of all namespaces'),
  label_selectors: z.array(z.string()).default([]).describe('Labels that they have, as kubectl -l takes them'),
  field_selectors: z.array(z.string()).default([]).describe('Fields that they have'),
  ...kubernetesFields,
});
type K8sInfoArgs = z.output<typeof K8sInfoArgs>;

function keyOf(login: KubernetesLogin, args: K8sInfoArgs): ListedKey {
  return { login, apiVersion: args.api_version, kind: args.kind, namespace: args.namespace ?? (args.name === undefined ? undefined : 'default'), name: args.name, labels: args.label_selectors.join(','), fields: args.field_selectors.join(',') };
}

function plan(args: K8sInfoArgs, host: HostView): Plan {
  const login = loginFact(args, host);
  if (login.type !== 'login') {
    if (login.type === 'absent' && host.checkMode) return { type: 'unknown', because: `${args.kubeconfig} is not there yet` };
    return failed(login.type === 'absent' ? `${args.kubeconfig} is not there` : login.msg, NO_LOGIN_REMEDY);
  }
  const fact = host.fact(listed(keyOf(login.login, args)));
  if (fact.ok) return ok({ api_found: true, resources: fact.value.map(objectValues) });
  // As in Ansible: what is not there is no failure.
  if (fact.status === 404) return ok({ api_found: fact.reason !== 'NoKind', resources: [] });
  return failed(`${args.kind}: ${fact.msg}`);
}

export const k8sInfo = defineModule({
  name: 'k8s_info',
  summary: 'Read objects of a Kubernetes cluster',
  description: 'Changes nothing. An object, or a kind, that is not there is no failure: `resources` is empty. Values of Secrets stay secret.',
  args: K8sInfoArgs,
  returns: { resources: 'the objects, a list', api_found: 'whether the API serves the kind' },
  examples: [
    {
      title: 'Wait until a Deployment is available',
      yaml: `k8s_info:
  api_version: apps/v1
  kind: Deployment
  namespace: kube-system
  name: coredns
register: dns
until: dns.resources.exists(d, d.status.?readyReplicas.orValue(0) == d.spec.replicas)
retries: 30
delay: 5`,
    },
  ],
  queries(args, host): readonly AnyQuery[] {
    const login = loginFact(args, host);
    return login.type === 'login' ? [listed(keyOf(login.login, args))] : loginQueries(args);
  },
  plan,
});
