import { z } from 'zod';
import { failed, ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { KubernetesLogin } from '../../services/kubernetes/login.ts';
import { kubernetesFields, queriesWithLogin, withLogin } from '../common/kubernetes/login.ts';
import { listed } from '../common/kubernetes/queries.ts';
import { selectionFields, selectionOf } from '../common/kubernetes/selection.ts';
import { objectValues } from '../common/kubernetes/values.ts';
import { defineModule } from '../define.ts';

const K8sInfoArgs = z.strictObject({
  ...selectionFields,
  ...kubernetesFields,
});
type K8sInfoArgs = z.output<typeof K8sInfoArgs>;

function planWith(login: KubernetesLogin, args: K8sInfoArgs, host: HostView): Plan {
  const fact = host.fact(listed({ login, ...selectionOf(args) }));
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
  queries: (args, host) => queriesWithLogin(args, host, (login) => [listed({ login, ...selectionOf(args) })]),
  plan: (args, host) => withLogin(args, host, (login) => planWith(login, args, host)),
});
