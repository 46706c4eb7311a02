/** Pods of a cluster of the lab that answer, and whether one reaches another: by programs of its node in the pod's own network, so no image needs any. */
import type { Lab } from '../../../src/lab/index.ts';
import { eventually, onHost } from '../../integration/support/lab-project.ts';
import { kubectl } from './kubernetes-lab.ts';

export interface ProbePod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
}

/** What is tried, from a pod: TCP is an answer by HTTP, UDP one by DNS. */
export type Target =
  | { readonly type: 'tcp' | 'udp'; readonly to: ProbePod }
  | { readonly type: 'dns' }
  /** An sshd of a host, in the cluster or outside. */
  | { readonly type: 'host'; readonly address: string; readonly port: number };

const COREFILE = '.:5353 {\n health :8080 {\n lameduck 0s\n }\n hosts {\n 192.0.2.99 probe.example\n }\n}\n';

/** Makes pods of CoreDNS' image, which every node has, and waits until they run. */
export async function makePods(lab: Lab, host: string, pods: readonly ProbePod[]): Promise<void> {
  const image = await kubectl(lab, host, "-n kube-system get deployment coredns -o 'jsonpath={.spec.template.spec.containers[0].image}'");
  const namespaces = [...new Set(pods.map((pod) => pod.namespace))].flatMap((name) => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'corefile', namespace: name }, data: { Corefile: COREFILE } },
  ]);
  const made = pods.map(({ namespace, name, node }) => ({
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: name } },
    spec: {
      nodeName: node, automountServiceAccountToken: false, dnsPolicy: 'Default', terminationGracePeriodSeconds: 1, tolerations: [{ operator: 'Exists' }],
      containers: [{ name: 'answer', image, imagePullPolicy: 'Never', args: ['-conf', '/etc/coredns/Corefile'], readinessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 1 }, volumeMounts: [{ name: 'corefile', mountPath: '/etc/coredns' }] }],
      volumes: [{ name: 'corefile', configMap: { name: 'corefile' } }],
    },
  }));
  await applyObjects(lab, host, [...namespaces, ...made]);
  for (const { namespace, name } of pods) await onHost(lab, host, `KUBECONFIG=/etc/kubernetes/admin.conf timeout 130 kubectl -n ${namespace} wait --for=condition=Ready pod/${name} --timeout=120s`);
}

/** kubectl apply, or delete, of objects. */
export function applyObjects(lab: Lab, host: string, objects: readonly unknown[], verb: 'apply' | 'delete' = 'apply'): Promise<string> {
  const text = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })).toString('base64');
  return onHost(lab, host, `printf %s ${text} | base64 -d | KUBECONFIG=/etc/kubernetes/admin.conf timeout 60 kubectl ${verb} -f -`);
}

export interface Prober {
  /** Whether the target answers the pod, now. */
  reaches(from: ProbePod, target: Target): Promise<boolean>;
  /** Waits until the pod reaches just those targets of a table that it should: policies take a moment. @throws Error naming those that differ */
  expectMatrix(what: string, rows: readonly (readonly [from: ProbePod, target: Target, open: boolean])[]): Promise<void>;
}

const titleOf = (from: ProbePod, target: Target): string =>
  `${from.namespace}/${from.name} → ${target.type === 'dns' ? 'DNS' : target.type === 'host' ? `${target.address}:${String(target.port)}` : `${target.to.namespace}/${target.to.name} ${target.type}`}`;

export async function makeProber(lab: Lab, host: string): Promise<Prober> {
  const dns = await kubectl(lab, host, "-n kube-system get service kube-dns -o 'jsonpath={.spec.clusterIP}'");
  const addresses = new Map<string, string>();
  const addressOf = async ({ namespace, name }: ProbePod): Promise<string> => {
    const key = `${namespace}/${name}`;
    const known = addresses.get(key) ?? (await kubectl(lab, host, `-n ${namespace} get pod ${name} -o 'jsonpath={.status.podIP}'`));
    addresses.set(key, known);
    return known;
  };
  const commandOf = async (target: Target): Promise<string> => {
    switch (target.type) {
      case 'tcp': return `curl -fs -m 2 -o /dev/null http://${await addressOf(target.to)}:8080/health`;
      case 'udp': return `sh -c 'timeout 5 host -W 2 -p 5353 probe.example ${await addressOf(target.to)} </dev/null | grep -q "has address 192.0.2.99"'`;
      case 'dns': return `sh -c 'timeout 8 host -W 2 kubernetes.default.svc.cluster.local ${dns} </dev/null | grep -q "has address"'`;
      case 'host': return `sh -c 'curl -s --http0.9 -m 2 http://${target.address}:${String(target.port)}/ 2>/dev/null | grep -aq SSH'`;
    }
  };
  const reaches = async (from: ProbePod, target: Target): Promise<boolean> => {
    const said = await onHost(lab, from.node, `pod=$(crictl pods --namespace ${from.namespace} --name ${from.name} --state Ready -q | head -n 1); pid=$(crictl inspectp -o go-template --template '{{.info.pid}}' "$pod"); test "$pid" -gt 1 && { nsenter -t "$pid" -n -- ${await commandOf(target)} && echo open || echo closed; }`);
    if (said !== 'open' && said !== 'closed') throw new Error(`${titleOf(from, target)}: ${said}`);
    return said === 'open';
  };
  return {
    reaches,
    async expectMatrix(what, rows) {
      let wrong: readonly string[] = [];
      await eventually(async () => {
        const seen: string[] = [];
        for (const [from, target, open] of rows) if ((await reaches(from, target)) !== open) seen.push(`${titleOf(from, target)} is ${open ? 'closed' : 'open'}`);
        wrong = seen;
        return seen.length === 0;
      }, 60_000, () => `${what}: ${wrong.join('; ')}`);
    },
  };
}
