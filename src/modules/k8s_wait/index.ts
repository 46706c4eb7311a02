import { z } from 'zod';
import { action, waited, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { KubernetesSilent, kubernetesService } from '../../services/kubernetes/client.ts';
import type { KubernetesLogin } from '../../services/kubernetes/login.ts';
import { listObjects } from '../../services/kubernetes/objects.ts';
import { kubernetesFields, loginQueries, withLogin } from '../common/kubernetes/login.ts';
import { selectionFields, selectionOf } from '../common/kubernetes/selection.ts';
import { objectValues } from '../common/kubernetes/values.ts';
import { defineModule } from '../define.ts';
import { readiness } from './ready.ts';

const WaitCondition = z.strictObject({
  type: z.string().min(1).describe('Such as Available'),
  status: z.enum(['True', 'False', 'Unknown']).default('True').describe('What it is to be'),
  reason: z.string().min(1).optional().describe('With this reason alone'),
});

const K8sWaitArgs = z
  .strictObject({
    ...selectionFields,
    state: z.enum(['present', 'absent']).default('present').describe('present: there is one at least, and all are ready; absent: there is none'),
    wait_condition: WaitCondition.optional().describe('A condition of its status, in place of what its kind means by ready'),
    wait_timeout: z.int().min(1).max(86_400).default(120).describe('Seconds to wait'),
    wait_sleep: z.int().min(1).max(600).default(2).describe('Seconds between two looks'),
    ...kubernetesFields,
  })
  .refine((args) => args.state === 'present' || args.wait_condition === undefined, { path: ['wait_condition'], message: 'goes with state present' })
  .refine((args) => args.name === undefined || (args.label_selectors.length === 0 && args.field_selectors.length === 0), { path: ['name'], message: 'goes without selectors' });
type K8sWaitArgs = z.output<typeof K8sWaitArgs>;

type Object_ = Readonly<Record<string, unknown>>;
type Seen = { readonly type: 'done' | 'waiting' | 'failed'; readonly why: string; readonly objects: readonly Object_[] };

function nameOf(object: Object_): string {
  const metadata = z.looseObject({ metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }) }).safeParse(object).data?.metadata;
  return `${metadata?.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata?.name ?? '?'}`;
}

/** Pure: what objects that were found mean for the wait. */
export function judgeObjects(objects: readonly Object_[], args: Pick<K8sWaitArgs, 'kind' | 'state' | 'wait_condition'>): Seen {
  if (args.state === 'absent') return objects.length === 0 ? { type: 'done', why: '', objects } : { type: 'waiting', why: `${objects.slice(0, 5).map(nameOf).join(', ')} ${objects.length === 1 ? 'is' : 'are'} there`, objects };
  if (objects.length === 0) return { type: 'waiting', why: 'there is none', objects };
  const wanted = args.wait_condition === undefined ? undefined : { type: args.wait_condition.type, status: args.wait_condition.status, reason: args.wait_condition.reason };
  const found = objects.map((object) => ({ name: nameOf(object), ready: readiness(object, wanted) }));
  const words = (type: 'failed' | 'waiting'): readonly string[] => found.flatMap(({ name, ready }) => (ready.type === type ? [`${name}: ${ready.why}`] : []));
  const broken = words('failed');
  const unready = words('waiting');
  if (broken.length > 0) return { type: 'failed', why: broken.slice(0, 5).join('; '), objects };
  return unready.length > 0 ? { type: 'waiting', why: unready.slice(0, 5).join('; '), objects } : { type: 'done', why: '', objects };
}

async function look(port: ActionPort, login: KubernetesLogin, args: K8sWaitArgs): Promise<Seen> {
  try {
    const said = await listObjects(port.service.clients.get(kubernetesService, login), selectionOf(args), port.signal);
    if (said.ok) return judgeObjects(said.value, args);
    // A kind that is not served may be about to be.
    if (said.status === 404) return said.reason === 'NoKind' && args.state === 'present' ? { type: 'waiting', why: said.msg, objects: [] } : judgeObjects([], args);
    return { type: said.status >= 500 || said.status === 429 ? 'waiting' : 'failed', why: said.msg, objects: [] };
  } catch (error) {
    if (!(error instanceof KubernetesSilent)) throw error;
    return { type: 'waiting', why: error.message, objects: [] };
  }
}

async function converse(port: ActionPort, login: KubernetesLogin, args: K8sWaitArgs, checkMode: boolean): Promise<ActionResult> {
  const from = performance.now();
  const title = `${args.kind}${args.name === undefined ? '' : ` ${args.namespace === undefined ? '' : `${args.namespace}/`}${args.name}`}`;
  for (;;) {
    const seen = await look(port, login, args);
    const elapsed = (performance.now() - from) / 1000;
    const values = { resources: seen.objects.map(objectValues), duration: Math.round(elapsed) };
    if (seen.type === 'done') return { changed: false, values };
    const wish = args.state === 'absent' ? 'gone' : (args.wait_condition?.type ?? 'ready');
    if (checkMode) return { changed: false, msg: `${title} is not ${wish} (${seen.why}); check mode does not wait`, values };
    const left = args.wait_timeout - elapsed;
    if (seen.type === 'failed') return { changed: false, failed: true, msg: `${title}: ${seen.why}`, values };
    if (left <= 0) return { changed: false, failed: true, msg: `${title} was not ${wish} within ${String(args.wait_timeout)} s: ${seen.why}`, values };
    await port.sleep(Math.min(args.wait_sleep, left));
  }
}

function planWith(login: KubernetesLogin, args: K8sWaitArgs, host: HostView): Plan {
  return action({
    resource: `${args.kind}${args.name === undefined ? '' : ` ${args.name}`}`,
    what: `wait until it is ${args.state === 'absent' ? 'gone' : (args.wait_condition?.type ?? 'ready')}`,
    mutates: false,
    effects: waited(host),
    timeoutSeconds: args.wait_timeout + 60,
    perform: { type: 'conversation', converse: (port) => converse(port, login, args, host.checkMode) },
  });
}

export const k8sWait = defineModule({
  name: 'k8s_wait',
  summary: 'Wait until objects of a Kubernetes cluster are ready, have a condition, or are gone',
  description: `Ready means what \`kubectl rollout status\` means for Deployments, StatefulSets and DaemonSets; that a Job is complete, a Pod or Node ready, a
CustomResourceDefinition established, an APIService available, a claim bound, a Namespace active; anything else is ready when it is there. A Job or Pod that has failed,
and a Deployment whose deadline is over, end the wait at once. An API server that does not answer is waited for, too. In check mode it looks once and never fails.`,
  args: K8sWaitArgs,
  returns: { resources: 'the objects as they were seen last, a list', duration: 'seconds waited' },
  examples: [
    { title: 'A Deployment that has been applied', yaml: 'k8s_wait:\n  api_version: apps/v1\n  kind: Deployment\n  namespace: kube-system\n  name: coredns\n' },
    { title: 'A condition of an operator’s own kind', yaml: 'k8s_wait:\n  api_version: operator.tigera.io/v1\n  kind: TigeraStatus\n  name: calico\n  wait_condition: { type: Available }\n  wait_timeout: 600\n' },
    { title: 'Until the last pod is gone', yaml: 'k8s_wait:\n  kind: Pod\n  namespace: care\n  label_selectors: [app=worker]\n  state: absent\n' },
  ],
  queries: (args) => loginQueries(args),
  plan: (args, host) => withLogin(args, host, (login) => planWith(login, args, host)),
});
