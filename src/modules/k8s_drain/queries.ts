/** What draining asks of the API. */
import { defineServiceQuery } from '../../host/define-query.ts';
import { kubernetesLoginId, type KubernetesLogin } from '../../services/kubernetes/login.ts';
import { evictPod, podsOn, readCordon, type NodePod } from '../../services/kubernetes/nodes.ts';
import { each, type Heard } from '../common/kubernetes/queries.ts';

interface NodeKey {
  readonly login: KubernetesLogin;
  readonly node: string;
}

/** Whether new pods are kept off a node. */
export const cordoned = defineServiceQuery<NodeKey, Heard<boolean>>({
  name: 'kubernetes-cordoned',
  id: (key) => `${kubernetesLoginId(key.login)} ${key.node}`,
  describe: (key) => `node ${key.node}`,
  answer: (keys, port) => each(keys, port, (client, key) => readCordon(client, key.node, port.signal)),
  show: (fact) => (fact.ok ? (fact.value ? 'cordoned' : 'schedulable') : fact.msg),
  after: ['unit', 'kubernetes-applied'],
  volatile: true,
  passing: (fact) => !fact.ok,
});

/** Pods on a node, at this moment. */
export const nodePods = defineServiceQuery<NodeKey & { readonly labels: string }, Heard<readonly NodePod[]>>({
  name: 'kubernetes-node-pods',
  id: (key) => `${kubernetesLoginId(key.login)} ${key.node} ${key.labels}`,
  describe: (key) => `pods on node ${key.node}`,
  answer: (keys, port) => each(keys, port, (client, key) => podsOn(client, key.node, key.labels, port.signal)),
  show: (fact) => (fact.ok ? `${String(fact.value.length)} pods` : fact.msg),
  after: ['unit', 'kubernetes-applied', 'kubernetes-cordoned'],
  volatile: true,
  passing: () => true,
});

/** Whether a pod's budget would let it go now: a dry run, which takes nothing off the budget. */
export const evictable = defineServiceQuery<{ readonly login: KubernetesLogin; readonly pod: Pick<NodePod, 'namespace' | 'name' | 'uid'> }, Heard<unknown>>({
  name: 'kubernetes-evictable',
  id: (key) => `${kubernetesLoginId(key.login)} ${key.pod.namespace}/${key.pod.name} ${key.pod.uid}`,
  describe: (key) => `whether pod ${key.pod.namespace}/${key.pod.name} may be evicted`,
  answer: (keys, port) => each(keys, port, (client, key) => evictPod(client, key.pod, { gracePeriodSeconds: undefined, dryRun: true }, port.signal)),
  show: (fact) => (fact.ok ? 'evictable' : fact.msg),
  volatile: true,
  passing: () => true,
});

export const DRAIN_KINDS = ['kubernetes-cordoned', 'kubernetes-node-pods', 'kubernetes-evictable'] as const;
