/** Modules of Kubernetes against a real API server; the test takes a kubelet's part, and says that pods are ready or have ended. */
import path from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testProject, type Result, type TestProject } from '../unit/run/support.ts';
import { readKubernetesInventory } from '../../src/operations/kubernetes/cluster.ts';
import { kubernetesView } from '../../src/operations/kubernetes/status.ts';
import { judge } from '../../src/operations/kubernetes/view.ts';
import { hostAccess } from '../../src/operations/hosts.ts';
import { bareKubernetes, bareMissing, signCertificate, type BareKubernetes } from '../support/bare-kubernetes.ts';

const CONTROLLERS = ['disruption-controller', 'replicaset-controller', 'deployment-controller', 'serviceaccount-controller'];
let api: BareKubernetes;
let project: TestProject;
const signal = AbortSignal.timeout(600_000);

async function ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, contentType?: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await api.client.request({ method, path, body, ...(contentType === undefined ? {} : { contentType }) }, signal);
  if (answer.status >= 300 && !(method === 'DELETE' && answer.status === 404)) throw new Error(`${method} ${path}: ${String(answer.status)} ${JSON.stringify(answer.body)}`);
  return answer.body as Readonly<Record<string, unknown>>;
}

interface Pod { readonly metadata: { readonly name: string; readonly namespace: string; readonly deletionTimestamp?: string } }
async function pods(): Promise<readonly Pod[]> {
  return (await ask('GET', '/api/v1/pods'))['items'] as readonly Pod[];
}
const named = async (): Promise<readonly string[]> => (await pods()).map((pod) => pod.metadata.name.replace(/-[a-z0-9]{5}$/, '')).sort();

/** A pod's status as its kubelet would write it. */
async function report(pod: Pod, ready: boolean): Promise<void> {
  await ask('PATCH', `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/status`, { status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } }, 'application/strategic-merge-patch+json');
}

/** Ends pods that are being deleted, as the kubelet would, and calls new ones ready. */
function kubelet(): { stop(): Promise<void> } {
  const end = new AbortController();
  const loop = (async (): Promise<void> => {
    const known = new Set<string>();
    while (!end.signal.aborted) {
      for (const pod of await pods()) {
        if (pod.metadata.deletionTimestamp !== undefined) await ask('DELETE', `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`, { gracePeriodSeconds: 0 });
        else if (!known.has(pod.metadata.name)) await report(pod, true).catch(() => undefined);
        known.add(pod.metadata.name);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  return { stop: async () => { end.abort(); await loop; } };
}

const container = { name: 'main', image: 'registry.example.org/pause:1', securityContext: {} };
const template = (more: object = {}): object => ({ metadata: { labels: { app: 'web' } }, spec: { nodeName: 'n1', tolerations: [{ operator: 'Exists' }], containers: [container], ...more } });
async function replicas(name: string, count: number, more: object = {}): Promise<void> {
  await ask('POST', '/apis/apps/v1/namespaces/default/replicasets', { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name }, spec: { replicas: count, selector: { matchLabels: { app: 'web' } }, template: template(more) } });
}
async function unschedulable(): Promise<unknown> {
  return ((await ask('GET', '/api/v1/nodes/n1'))['spec'] as Readonly<Record<string, unknown>>)['unschedulable'];
}
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come about within 60 s');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function task(text: object, mode: 'apply' | 'check' = 'apply'): Promise<Result> {
  project.write('playbook.yml', JSON.stringify([{ hosts: 'all', gather_facts: false, tasks: [text] }]));
  return project.run({ mode });
}
const drain = (more: object = {}, mode: 'apply' | 'check' = 'apply'): Promise<Result> => task({ k8s_drain: { name: 'n1', kubeconfig: `${api.dir}/admin.conf`, ...more } }, mode);
const messages = (result: Result): string => result.events.flatMap((e) => (e.type === 'task' ? [JSON.stringify(e)] : [])).join('\n');
const summaries = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'change' ? [`${e.resource}: ${e.what}`] : []));

describe.skipIf(bareMissing.length > 0)(`modules of Kubernetes${bareMissing.length > 0 ? ` (not in the artefact cache: ${bareMissing.join(', ')})` : ''}`, () => {
  beforeAll(async () => {
    api = await bareKubernetes(CONTROLLERS);
    project = testProject({}, ['control']);
    await ask('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  });
  afterAll(async () => {
    project.remove();
    await api.stop();
  });

  it('k8s_drain cordons and uncordons, once', async () => {
    expect(summaries(await drain({ state: 'cordon' }, 'check'))).toEqual(['node n1: cordon: no new pods']);
    expect(await unschedulable()).toBeUndefined();
    expect([(await drain({ state: 'cordon' })).status, await unschedulable()]).toEqual([0, true]);
    expect(summaries(await drain({ state: 'cordon' }))).toEqual([]);
    expect([summaries(await drain({ state: 'uncordon' })), await unschedulable()]).toEqual([['node n1: uncordon: pods may come again'], undefined]);
    expect(messages(await task({ k8s_drain: { name: 'n9', kubeconfig: `${api.dir}/admin.conf` } }))).toContain('the cluster has no node n9');
  });

  it('k8s_drain does nothing at all where a pod forbids it, and names what would allow it', async () => {
    await ask('POST', '/api/v1/namespaces/default/pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'alone' }, spec: { nodeName: 'n1', containers: [container], volumes: [{ name: 'scratch', emptyDir: {} }] } });
    const refused = await drain();
    expect(refused.status).toBe(3);
    expect(messages(refused)).toContain('default/alone would lose its emptyDir scratch (delete_emptydir_data allows that)');
    expect(messages(await drain({ delete_options: { delete_emptydir_data: true } }))).toContain('default/alone has no controller');
    expect([await named(), await unschedulable()]).toEqual([['alone'], undefined]);
    const ends = kubelet();
    const done = await drain({ delete_options: { delete_emptydir_data: true, force: true } });
    await ends.stop();
    expect([done.status, summaries(done), await named()]).toEqual([0, ['node n1: cordon: no new pods', 'pods on node n1: evict 1: default/alone'], []]);
  });

  it('k8s_drain asks PodDisruptionBudgets: check mode tells, a budget that stays shut ends it with the reason, one that opens lets it through', async () => {
    await drain({ state: 'uncordon' });
    await replicas('web', 2);
    await ask('POST', '/apis/policy/v1/namespaces/default/poddisruptionbudgets', { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'web' }, spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } } });
    await eventually(async () => (await pods()).length === 2);
    for (const pod of await pods()) await report(pod, true);
    await eventually(async () => ((await ask('GET', '/apis/policy/v1/namespaces/default/poddisruptionbudgets/web'))['status'] as Readonly<Record<string, unknown>>)['currentHealthy'] === 2);
    const predicted = await drain({}, 'check');
    expect(predicted.status).toBe(2);
    expect(JSON.stringify(predicted.events)).toMatch(/default\/web-[a-z0-9]{5} would have to wait: .*The disruption budget web needs 2 healthy pods and has 2 currently/);
    expect((await pods()).every((pod) => pod.metadata.deletionTimestamp === undefined)).toBe(true);
    const kept = await drain({ delete_options: { wait_timeout: 4, wait_sleep: 1 } });
    expect([kept.status, await unschedulable()]).toEqual([3, true]);
    expect(messages(kept)).toMatch(/2 of 2 pods are still on node n1, which stays cordoned .*The disruption budget web needs 2 healthy pods/);
    expect((await pods()).every((pod) => pod.metadata.deletionTimestamp === undefined)).toBe(true);
    // Of now on the replacements count: another node has them, which tolerates nothing and so is not drained.
    const before = new Set((await pods()).map((pod) => pod.metadata.name));
    await ask('PATCH', '/apis/apps/v1/namespaces/default/replicasets/web', { spec: { replicas: 3, template: { spec: { nodeName: 'n2' } } } }, 'application/merge-patch+json');
    const ends = kubelet();
    const done = await drain({ delete_options: { wait_timeout: 60, wait_sleep: 1 } });
    await ends.stop();
    expect([done.status, messages(done).includes('failed')]).toEqual([0, false]);
    expect((await pods()).filter((pod) => before.has(pod.metadata.name))).toEqual([]);
    expect(summaries(await drain())).toEqual([]);
  });

  it('cluster status reads nodes, requests and levels through a control plane, and says what does not answer', async () => {
    await ask('PATCH', '/api/v1/nodes/n1/status', { status: { conditions: [{ type: 'Ready', status: 'False', message: 'no kubelet here' }], nodeInfo: { kubeletVersion: 'v1.37.0', containerRuntimeVersion: 'containerd://2' } } }, 'application/merge-patch+json');
    signCertificate(api.dir, 'asha', '/CN=asha');
    await ask('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'asha' }, spec: { request: readFileSync(`${api.dir}/asha.csr`).toString('base64'), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] } });
    // An archive with its sum beside it; the sum and half an archive are none.
    project.write('care-1.tar.age', 'x');
    project.write('care-1.tar.age.sha256', 'x');
    project.write('care-2.tar.age', 'half');
    project.write('cluster.yml', JSON.stringify({ all: { vars: { ansible_connection: 'local', kubernetes_kubeconfig: `${api.dir}/admin.conf`, etcd_backup_dir: project.dir }, children: { kube_control_plane: { hosts: { n1: null } } } } }));
    const cluster = readKubernetesInventory({ inventory: [`${project.dir}/cluster.yml`], extraVars: {} });
    const hosts = hostAccess();
    const view = await kubernetesView(cluster, hosts, signal).finally(() => hosts.close());
    expect(view.apiTrouble).toBe('');
    expect(view.api?.nodes).toEqual([expect.objectContaining({ name: 'n1', ready: false, why: 'no kubelet here', version: 'v1.37.0' })]);
    expect(view.api?.pending).toEqual([expect.objectContaining({ name: 'asha', signer: 'kubernetes.io/kube-apiserver-client', user: 'bare-admin' })]);
    expect(view.api?.levels['']).toContain('default');
    expect(view.controlPlanes[0]?.seen?.backup?.file).toBe(path.join(project.dir, 'care-1.tar.age'));
    const { problems } = judge(cluster, view);
    expect(problems).toContain('n1 is not ready: no kubelet here');
    expect(problems.join()).toContain('etcd does not answer: there is no care-kubernetes-etcdctl');
  });

  it('k8s_wait waits for a Deployment by what its status says, and for a pod to be gone', async () => {
    const wait = (more: object): Promise<Result> => task({ k8s_wait: { kubeconfig: `${api.dir}/admin.conf`, wait_sleep: 1, ...more } });
    await ask('DELETE', '/apis/apps/v1/namespaces/default/replicasets/web', { propagationPolicy: 'Orphan' });
    await ask('POST', '/apis/apps/v1/namespaces/default/deployments', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'api' }, spec: { replicas: 1, selector: { matchLabels: { app: 'api' } }, template: { metadata: { labels: { app: 'api' } }, spec: { nodeName: 'n2', containers: [container] } } } });
    const deployment = { api_version: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'api' };
    const early = await wait({ ...deployment, wait_timeout: 3 });
    expect(early.status).toBe(3);
    expect(messages(early)).toMatch(/was not ready within 3 s: default\/api: 0 of 1 (updated|available)/);
    const ends = kubelet();
    expect((await wait({ ...deployment, wait_timeout: 60 })).status).toBe(0);
    expect((await wait({ ...deployment, wait_timeout: 60, wait_condition: { type: 'Available', reason: 'MinimumReplicasAvailable' } })).status).toBe(0);
    await ask('DELETE', '/apis/apps/v1/namespaces/default/deployments/api', { propagationPolicy: 'Foreground' });
    await ask('DELETE', '/api/v1/namespaces/default/pods?labelSelector=app%3Dweb');
    expect((await wait({ kind: 'Pod', namespace: 'default', label_selectors: ['app=web'], state: 'absent', wait_timeout: 60 })).status).toBe(0);
    await ends.stop();
  });
});
