/** Roles whose work is in the API of Kubernetes, against a real API server without a cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunOptions } from '../../src/run/options.ts';
import { bareKubernetes, bareMissing, type BareKubernetes } from '../support/bare-kubernetes.ts';
import { testProject, type Result, type TestProject } from '../unit/run/support.ts';

let api: BareKubernetes;
let project: TestProject;
const signal = AbortSignal.timeout(900_000);

async function ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', at: string, body?: unknown): Promise<Readonly<Record<string, unknown>>> {
  const answer = await api.client.request({ method, path: at, body }, signal);
  if (answer.status >= 300) throw new Error(`${method} ${at}: ${String(answer.status)} ${JSON.stringify(answer.body)}`);
  return answer.body as Readonly<Record<string, unknown>>;
}

const troubles = (result: Result): string => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [JSON.stringify(e)] : [])).join('\n');
const changes = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'change' ? [`${e.resource}: ${e.what}`] : []));
const run = (role: string, vars: Readonly<Record<string, unknown>>, options: Partial<RunOptions> = {}): Promise<Result> => {
  project.write('playbook.yml', JSON.stringify([{ hosts: 'all', roles: [{ role, vars }] }]));
  return project.run({ diff: false, ...options });
};

/** A change of policies is heard of by the API server's own watch, a moment later. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come about within 60 s');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe.skipIf(bareMissing.length > 0)(`roles of Kubernetes' API${bareMissing.length > 0 ? ` (not in the artefact cache: ${bareMissing.join(', ')})` : ''}`, () => {
  beforeAll(async () => {
    api = await bareKubernetes(['serviceaccount-controller', 'namespace-controller', 'resourcequota-controller', 'certificatesigningrequest-signing-controller', 'certificatesigningrequest-approving-controller']);
    project = testProject({}, ['control']);
  });
  afterAll(async () => {
    project.remove();
    await api.stop();
  });

  describe('kubernetes_policies', () => {
    const care = { name: 'care', patient_data: true, allow_within: true, quota: { 'requests.cpu': '8', pods: '50' }, limits: [{ type: 'Container', default: { memory: '256Mi' }, defaultRequest: { cpu: '50m', memory: '64Mi' } }], network_policies: { 'from-gateway': { podSelector: { matchLabels: { app: 'backend' } }, ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'gateway' } } }], ports: [{ port: 9000 }] }], policyTypes: ['Ingress'] } } };
    const vars = (spaces: readonly unknown[], more: object = {}): Readonly<Record<string, unknown>> => ({ kubernetes_policies_kubeconfig: `${api.dir}/admin.conf`, kubernetes_policies_registries: ['registry.care.example/'], kubernetes_policies_namespaces: spaces, ...more });
    const both = [care, { name: 'gateway', pod_security: 'baseline' }];

    it('is applied as predicted; a second apply changes nothing', async () => {
      await ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'by-hand' } });
      const predicted = await run('kubernetes_policies', vars(both), { mode: 'check' });
      expect(troubles(predicted)).toBe('');
      const made = await run('kubernetes_policies', vars(both));
      expect([troubles(made), made.status]).toEqual(['', 0]);
      expect([...changes(made)].sort()).toEqual([...changes(predicted)].sort());
      expect(changes(made)).toContain('NetworkPolicy by-hand/care-default-deny: create');
      expect(changes(await run('kubernetes_policies', vars(both)))).toEqual([]);
    });

    it('refuses each bad pod by the policy that is there for it, and admits a clean one', async () => {
      const verified = await run('kubernetes_policies', vars(both), { mode: 'verify' });
      expect([troubles(verified), verified.status]).toEqual(['', 0]);
      expect(verified.tasks.filter((each) => each.endsWith('|ok'))).toHaveLength(5);
    });

    it('lets the break-glass group, and nobody else, into pods with patients’ data', async () => {
      await ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'shells' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'User', name: 'ravi', apiGroup: 'rbac.authorization.k8s.io' }] });
      const connect = { namespace: 'care' };
      project.write('playbook.yml', JSON.stringify([{ hosts: 'all', tasks: [{ k8s_admission: { kubeconfig: `${api.dir}/admin.conf`, cases: [{ name: 'ravi', connect, refused_by: 'care-no-exec', as: { user: 'ravi' } }, { name: 'ravi, break-glass', connect, as: { user: 'ravi', group: 'care:break-glass' } }] } }] }]));
      const tried = await project.run();
      expect([troubles(tried), tried.status]).toEqual(['', 0]);
    });

    it('pins images by tag where that is wished, warns where that is, and refuses a registry without its slash before anything', async () => {
      const tagged = vars(both, { kubernetes_policies_image_pinning: 'tag' });
      expect((await run('kubernetes_policies', tagged)).status).toBe(0);
      const verified = await run('kubernetes_policies', tagged, { mode: 'verify' });
      expect([troubles(verified), verified.status]).toEqual(['', 0]);
      const warning = vars(both, { kubernetes_policies_enforcement: 'warn' });
      expect(troubles(await run('kubernetes_policies', warning))).toBe('');
      await eventually(async () => (await api.client.request({ method: 'POST', path: '/api/v1/namespaces/by-hand/pods?dryRun=All', body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { automountServiceAccountToken: false, containers: [{ name: 'x', image: 'x' }] } } }, signal)).status === 201);
      await expect(run('kubernetes_policies', vars(both, { kubernetes_policies_registries: ['registry.care.example'] }))).rejects.toThrow(/kubernetes_policies_registries/);
      expect((await run('kubernetes_policies', vars(both))).status).toBe(0);
    });

    it('verify finds a policy that is not bound, and a namespace without its network policy; apply mends both', async () => {
      await ask('DELETE', '/apis/networking.k8s.io/v1/namespaces/by-hand/networkpolicies/care-default-deny');
      expect(troubles(await run('kubernetes_policies', vars(both), { mode: 'verify' }))).toContain('a namespace has no policy that denies all');
      await ask('DELETE', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/care-resources');
      await eventually(async () => troubles(await run('kubernetes_policies', vars(both), { mode: 'verify' })).includes('no limit of memory: to be refused by care-resources, and admitted'));
      expect(changes(await run('kubernetes_policies', vars(both)))).toEqual(['NetworkPolicy by-hand/care-default-deny: create', 'ValidatingAdmissionPolicyBinding care-resources: create']);
    });

    it('deletes what is declared no more, but no namespace', async () => {
      const less = [{ name: 'care', patient_data: true, quota: { pods: '50' } }];
      const made = await run('kubernetes_policies', vars(less));
      expect(troubles(made)).toBe('');
      expect([...changes(made)].sort()).toEqual(['LimitRange care/care-limits: delete: it is in the definition no more', 'NetworkPolicy care/care-allow-within: delete: it is in the definition no more', 'NetworkPolicy care/from-gateway: delete: it is in the definition no more', 'ResourceQuota care/care-quota: change spec.hard.requests.cpu']);
      expect(changes(await run('kubernetes_policies', vars(less)))).toEqual([]);
      await ask('GET', '/api/v1/namespaces/gateway');
    });
  });
});
