import { converge, failed, type Plan, type ServiceChange } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { kubernetesService } from '../../services/kubernetes/client.ts';
import { evictAll, refusalText } from '../../services/kubernetes/evict.ts';
import type { KubernetesLogin } from '../../services/kubernetes/login.ts';
import { podsOn, setCordon, type NodePod } from '../../services/kubernetes/nodes.ts';
import type { ServicePort } from '../../services/port.ts';
import type { ValueMap } from '../../support/value.ts';
import { queriesWithLogin, withLogin } from '../common/kubernetes/login.ts';
import { KUBERNETES_KINDS } from '../common/kubernetes/queries.ts';
import { defineModule } from '../define.ts';
import { decideDrain, podName, type Draining, type DrainRules } from './decide.ts';
import { cordoned, DRAIN_KINDS, evictable, nodePods } from './queries.ts';
import { K8sDrainArgs } from './schema.ts';

const LISTED = 10;

function rulesOf(args: K8sDrainArgs): DrainRules {
  const { force, ignore_daemonsets, delete_emptydir_data, skip_wait_for_delete_timeout } = args.delete_options;
  return { force, ignoreDaemonSets: ignore_daemonsets, deleteEmptyDirData: delete_emptydir_data, skipWaitSeconds: skip_wait_for_delete_timeout };
}

const labelsOf = (args: K8sDrainArgs): string => args.pod_selectors.join(',');

function shown(pods: readonly NodePod[]): string {
  const names = pods.slice(0, LISTED).map(podName).join(', ');
  return pods.length > LISTED ? `${names} and ${String(pods.length - LISTED)} more` : names;
}

/** @param then what comes right after it, when there is anything */
function cordoning(login: KubernetesLogin, node: string, unschedulable: boolean, then: (port: ServicePort) => Promise<void> = () => Promise.resolve()): ServiceChange {
  return {
    resource: `node ${node}`,
    what: unschedulable ? 'cordon: no new pods' : 'uncordon: pods may come again',
    effects: [forgetKinds(...KUBERNETES_KINDS, 'kubernetes-node-pods'), cordoned({ login, node }).is({ ok: true, value: unschedulable })],
    async call(port) {
      const said = await setCordon(port.clients.get(kubernetesService, login), node, unschedulable, port.signal);
      if (!said.ok) throw new Error(`node ${node}: ${said.msg}`);
      await then(port);
    },
  };
}

async function evictNow(login: KubernetesLogin, args: K8sDrainArgs, port: ServicePort): Promise<void> {
  const { disable_eviction, terminate_grace_period, wait_timeout, wait_sleep } = args.delete_options;
  const client = port.clients.get(kubernetesService, login);
  // Others may have come before the node was cordoned.
  const pods = await podsOn(client, args.name, labelsOf(args), port.signal);
  if (!pods.ok) throw new Error(`pods on node ${args.name}: ${pods.msg}`);
  const now = decideDrain(pods.value, rulesOf(args), Date.now() / 1000);
  if (now.forbidden.length > 0) throw new Error(`${now.forbidden.join('; ')}. Nothing was evicted; the node is cordoned`);
  const remaining = await evictAll(client, now.evict, { gracePeriodSeconds: terminate_grace_period, disableEviction: disable_eviction, timeoutSeconds: wait_timeout, sleepSeconds: wait_sleep }, port.signal);
  if (remaining.length === 0) return;
  const whys = remaining.slice(0, LISTED).map(({ pod, why }) => `${podName(pod)}: ${why}`).join('\n');
  throw new Error(`${String(remaining.length)} of ${String(now.evict.length)} pods are still on node ${args.name}, which stays cordoned (state: uncordon lets pods come again):\n${whys}`);
}

function evicting(login: KubernetesLogin, args: K8sDrainArgs, draining: Draining): ServiceChange {
  return {
    resource: `pods on node ${args.name}`,
    what: `${args.delete_options.disable_eviction ? 'delete' : 'evict'} ${String(draining.evict.length)}: ${shown(draining.evict)}`,
    diff: { before: draining.evict.map((pod) => `${podName(pod)}\n`).join(''), after: '' },
    effects: [forgetKinds(...KUBERNETES_KINDS, ...DRAIN_KINDS)],
    timeoutSeconds: args.delete_options.wait_timeout + 60,
    call: (port) => evictNow(login, args, port),
  };
}

function valuesOf(draining: Draining): ValueMap {
  return { evicted: draining.evict.map(podName), left: draining.leave.map(({ pod, why }) => ({ pod: podName(pod), why })) };
}

/** Check mode: what budgets say at this moment. Later they may say otherwise, so it is no failure. */
function kept(login: KubernetesLogin, draining: Draining, host: HostView): readonly string[] {
  return draining.evict.filter((pod) => !pod.isFinished && pod.deletedAt === undefined).flatMap((pod) => {
    const { namespace, name, uid } = pod;
    const fact = host.fact(evictable({ login, pod: { namespace, name, uid } }));
    return fact.ok || fact.status === 404 ? [] : [`${podName(pod)} would have to wait: ${refusalText(fact)}`];
  });
}

function planWith(login: KubernetesLogin, args: K8sDrainArgs, host: HostView): Plan {
  const now = host.fact(cordoned({ login, node: args.name }));
  if (!now.ok) {
    if (now.status === 404) return failed(`the cluster has no node ${args.name}`, '`kubectl get nodes` lists them');
    return failed(`node ${args.name}: ${now.msg}`);
  }
  const wanted = args.state !== 'uncordon';
  if (args.state !== 'drain') return converge(now.value === wanted ? [] : [cordoning(login, args.name, wanted)]);
  const pods = host.fact(nodePods({ login, node: args.name, labels: labelsOf(args) }));
  if (!pods.ok) return failed(`pods on node ${args.name}: ${pods.msg}`);
  const draining = decideDrain(pods.value, rulesOf(args), host.base.epoch);
  if (draining.forbidden.length > 0) return failed(`node ${args.name} can't be drained, and nothing was done: ${draining.forbidden.join('; ')}`, 'set what is named in delete_options, or take the pods away');
  const changes: ServiceChange[] = [];
  // Pods may come until it is cordoned.
  if (!now.value) changes.push(draining.evict.length > 0 ? cordoning(login, args.name, true) : { ...cordoning(login, args.name, true, (port) => evictNow(login, args, port)), timeoutSeconds: args.delete_options.wait_timeout + 60 });
  if (draining.evict.length > 0) changes.push(evicting(login, args, draining));
  const made = converge(changes, valuesOf(draining));
  const warnings = host.checkMode && !args.delete_options.disable_eviction ? kept(login, draining, host) : [];
  return made.type === 'changes' && warnings.length > 0 ? { ...made, warnings } : made;
}

export const k8sDrain = defineModule({
  name: 'k8s_drain',
  summary: 'Keep pods off a node of Kubernetes, evict those that it has, or let them come again',
  description: `By the rules of \`kubectl drain\`: pods are evicted all at once, each asked for again while its PodDisruptionBudget says no, until none is left
or \`wait_timeout\` is over. Mirror pods stay; pods of DaemonSets, pods without a controller and pods with emptyDir volumes forbid it unless
\`delete_options\` allows them, and then nothing at all has been done. A node whose pods did not go stays cordoned, and the message names them with what kept them.

Check mode names the pods that would be evicted, and warns of those that their budget would keep at this moment (a dry run of each eviction).
A pod that tolerates a cordoned node may come back to it: the next run evicts it again.`,
  args: K8sDrainArgs,
  returns: { evicted: 'namespace/name of the pods that were there to be evicted, a list', left: 'the others: pod, why' },
  examples: [
    { title: 'Before a node is taken away', yaml: 'k8s_drain:\n  name: b2\n  delete_options: { ignore_daemonsets: true, delete_emptydir_data: true, wait_timeout: 600 }\n' },
    { title: 'When it is back', yaml: 'k8s_drain:\n  name: b2\n  state: uncordon\n' },
  ],
  queries: (args, host) => queriesWithLogin(args, host, (login) => {
    const key = { login, node: args.name };
    return args.state === 'drain' ? [cordoned(key), nodePods({ ...key, labels: labelsOf(args) })] : [cordoned(key)];
  }),
  plan: (args, host) => withLogin(args, host, (login) => planWith(login, args, host)),
});
