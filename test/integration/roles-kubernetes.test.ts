/** Roles whose work is in the API of Kubernetes, against a real API server without a cluster. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KubernetesInventoryArgs } from '../../src/modules/kubernetes_inventory/schema.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { bareKubernetes, bareMissing, clientOf, signCertificate, type BareKubernetes } from '../support/bare-kubernetes.ts';
import { authenticationConfiguration, oidcProvider } from '../support/oidc-provider.ts';
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

/** The status of a GET with a bearer token, or without a name. */
function answered(at: string, token?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${api.server}${at}`, { ca: api.ca, agent: false, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once('error', reject);
  });
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
      await ask('DELETE', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/shells');
      expect([troubles(tried), tried.status]).toEqual(['', 0]);
    });

    it('lets verify of role kubernetes run its pods, and nobody else’s like them; Pod Security comes before the policies', async () => {
      const pod = (more: object = {}): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { automountServiceAccountToken: false, containers: [{ name: 'x', image: 'registry.k8s.io/coredns/coredns:v1.14.2', ...more }] } });
      const tried = async (space: string, one: object): Promise<string> => JSON.stringify((await api.client.request({ method: 'POST', path: `/api/v1/namespaces/${space}/pods?dryRun=All`, body: one }, signal)).body);
      await ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'care-verify-4711' } });
      expect(await tried('care-verify-4711', pod())).toContain('"kind":"Pod"');
      expect(await tried('by-hand', pod())).toContain('care-');
      expect(await tried('gateway', pod({ securityContext: { privileged: true } }))).toContain('violates PodSecurity');
      await ask('DELETE', '/api/v1/namespaces/care-verify-4711');
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

  describe('kubernetes_access', () => {
    const grants = [{ group: 'care:viewers', role: 'care-viewer', namespaces: ['care', 'gateway'] }, { group: 'care:deployers', role: 'care-viewer', namespaces: ['care'] }, { group: 'care:deployers', role: 'care-deployer', namespaces: ['care'] }, { group: 'care:auditors', role: 'care-auditor' }];
    const people = [{ name: 'asha', groups: ['care:viewers'] }, { name: 'ravi', groups: ['care:deployers'] }, { name: 'meera', groups: ['care:auditors', 'care:viewers'] }, { name: 'other', groups: ['care:viewers'] }];
    const vars = (more: object = {}): Readonly<Record<string, unknown>> => ({ kubernetes_access_kubeconfig: `${api.dir}/admin.conf`, kubernetes_access_grants: grants, kubernetes_access_people: people, kubernetes_access_matrix_namespaces: ['kube-system'], kubernetes_access_matrix_verbs: ['get', 'create', 'impersonate'], ...more });
    const rbac = '/apis/rbac.authorization.k8s.io/v1';

    it('is applied as predicted; a second apply changes nothing; everybody may do what was declared, and nothing else', async () => {
      await Promise.all(['care', 'gateway'].map((name) => api.client.request({ method: 'POST', path: '/api/v1/namespaces', body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } }, signal)));
      const predicted = await run('kubernetes_access', vars(), { mode: 'check' });
      const made = await run('kubernetes_access', vars());
      expect([troubles(made), made.status, [...changes(made)].sort()]).toEqual(['', 0, [...changes(predicted)].sort()]);
      // Roles, bindings of namespaces, bindings of the cluster, the policy and its binding.
      expect(changes(made)).toHaveLength(5 + 4 + 2 + 2);
      expect(changes(await run('kubernetes_access', vars()))).toEqual([]);
      const verified = await run('kubernetes_access', vars(), { mode: 'verify' });
      expect([troubles(verified), verified.status]).toEqual(['', 0]);
    });

    it('verify names rights that somebody has beyond what was declared, and the binding; apply deletes it where that is wished', async () => {
      const stray = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'by-hand', namespace: 'care' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'everything-of-care' }, subjects: [{ kind: 'Group', name: 'care:viewers', apiGroup: 'rbac.authorization.k8s.io' }] };
      await ask('POST', `${rbac}/clusterroles`, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'everything-of-care' }, rules: [{ apiGroups: ['', 'apps'], resources: ['*'], verbs: ['*'] }] });
      await ask('POST', `${rbac}/namespaces/care/rolebindings`, stray);
      const found = troubles(await run('kubernetes_access', vars(), { mode: 'verify' }));
      expect(found).toContain('asha may create deployments.apps in care');
      expect(found).toContain('meera may get secrets in care');
      expect(found).not.toContain('ravi may');
      const review = { k8s_rbac_review: { declared: 'care-provision/set=access', kubeconfig: `${api.dir}/admin.conf` }, register: 'review', failed_when: 'size(review.stray) > 0' };
      project.write('playbook.yml', JSON.stringify([{ hosts: 'all', tasks: [review] }]));
      expect(troubles(await project.run())).toContain('nobody declared it for group care:viewers; it gives all verbs on all resources (5.1.3)');
      const gone = await run('kubernetes_access', vars({ kubernetes_access_stray: 'delete' }));
      expect([troubles(gone), changes(gone)]).toEqual(['', ['RoleBinding care/by-hand: delete']]);
      await ask('POST', `${rbac}/clusterrolebindings`, { ...stray, kind: 'ClusterRoleBinding', metadata: { name: 'masters' }, roleRef: { ...stray.roleRef, name: 'cluster-admin' }, subjects: [{ kind: 'Group', name: 'system:masters', apiGroup: 'rbac.authorization.k8s.io' }] });
      project.write('playbook.yml', JSON.stringify([{ hosts: 'all', tasks: [review] }]));
      expect(troubles(await project.run())).toContain('it gives cluster-admin (5.1.1); it is for system:masters');
      await ask('DELETE', `${rbac}/clusterrolebindings/masters`);
    });

    it('takes rights away that are granted no more', async () => {
      const less = vars({ kubernetes_access_grants: grants.slice(0, 3), kubernetes_access_people: people });
      expect(changes(await run('kubernetes_access', less))).toEqual(['ClusterRoleBinding care-auditor--care:auditors: delete: it is in the definition no more']);
    });

    it('keeps kubeconfigs with certificates of the cluster for people, for a while, and makes them anew in time', async () => {
      const dir = path.join(project.dir, 'kubeconfigs');
      const file = path.join(dir, 'asha.conf');
      const certified = (more: object = {}): Readonly<Record<string, unknown>> => vars({ kubernetes_access_grants: grants.slice(0, 3), kubernetes_access_people: [{ name: 'asha', groups: ['care:viewers', 'care:b'], kubeconfig: true }, { name: 'ravi', groups: ['care:deployers'] }], kubernetes_access_kubeconfig_dir: dir, ...more });
      expect(changes(await run('kubernetes_access', certified(), { mode: 'check' }))).toContainEqual(expect.stringContaining('make it for asha, for 90 days: it is not there'));
      expect(existsSync(dir)).toBe(false);
      expect(troubles(await run('kubernetes_access', certified()))).toBe('');
      expect([statSync(file).mode & 0o777, readdirSync(dir)]).toEqual([0o600, ['asha.conf']]);
      const asha = clientOf(readFileSync(file, 'utf8'));
      const answer = await asha.request({ method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } }, signal);
      expect(answer.body).toMatchObject({ status: { userInfo: { username: 'asha', groups: ['care:b', 'care:viewers', 'system:authenticated'] } } });
      expect((await asha.request({ method: 'GET', path: '/api/v1/namespaces/care/pods' }, signal)).status).toBe(200);
      expect((await asha.request({ method: 'GET', path: '/api/v1/namespaces/care/secrets' }, signal)).status).toBe(403);
      await asha.close();
      expect(changes(await run('kubernetes_access', certified()))).toEqual([]);
      expect((await ask('GET', '/apis/certificates.k8s.io/v1/certificatesigningrequests'))['items']).toEqual([]);
      const before = readFileSync(file, 'utf8');
      const renewed = await run('kubernetes_access', certified({ kubernetes_access_certificate_days: 100, kubernetes_access_renew_before_days: 95 }));
      expect(changes(renewed)).toEqual([expect.stringMatching(/it expires in \d+ days/)]);
      expect(readFileSync(file, 'utf8')).not.toBe(before);
      expect(JSON.stringify(renewed.events)).not.toContain('client-key-data');
    });

    it('what break-glass changes is warned of', async () => {
      project.write('playbook.yml', JSON.stringify([{ hosts: 'all', tasks: [{ k8s_admission: { kubeconfig: `${api.dir}/admin.conf`, cases: [{ name: 'a ConfigMap', definition: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'care' } }, as: { user: 'asha', group: 'care:break-glass' } }] } }] }]));
      expect(troubles(await project.run())).toBe('');
      const counted = await api.client.request({ method: 'GET', path: '/metrics' }, signal);
      expect(String(counted.body)).toMatch(/apiserver_validating_admission_policy_check_total\{[^}]*policy="care-break-glass-used"[^}]*\} [1-9]/);
    });

    it('refuses groups of Kubernetes’ own, and roles that there are not', async () => {
      await expect(run('kubernetes_access', vars({ kubernetes_access_grants: [{ group: 'system:masters', role: 'care-viewer' }] }))).rejects.toThrow(/kubernetes_access_grants/);
      expect(troubles(await run('kubernetes_access', vars({ kubernetes_access_grants: [{ group: 'a', role: 'care-viewr' }] })))).toContain('care-viewr');
    });
  });

  describe('kubernetes: providers of OpenID Connect', () => {
    it('say who somebody is, for whom they were asked, and never somebody of Kubernetes’ own', async () => {
      signCertificate(api.dir, 'oidc', '/CN=localhost', 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth');
      const read = (name: string): string => readFileSync(path.join(api.dir, name), 'utf8');
      const provider = await oidcProvider({ cert: read('oidc.crt'), key: read('oidc.key') });
      try {
        const issuer = { url: provider.url, audiences: ['kubernetes', 'care'], ca: api.ca, username_claim: 'name', username_prefix: 'login:', groups_claim: 'roles', groups_prefix: 'care:', required_claims: { hospital: 'kochi' } };
        expect(KubernetesInventoryArgs.shape.oidc_issuers.parse([issuer])).toEqual([{ ...issuer, discovery_url: '' }]);
        const asha = { aud: 'care', name: 'asha', roles: ['viewers', 'night'], hospital: 'kochi' };
        const as = (claims: Readonly<Record<string, unknown>>, at: string): Promise<number> => answered(at, provider.token(claims));
        expect(await as(asha, '/api/v1/namespaces/care/pods')).toBe(401);
        writeFileSync(path.join(api.dir, 'authentication.yaml'), authenticationConfiguration([issuer]));
        await eventually(async () => (await as(asha, '/api/v1/namespaces/care/pods')) === 200);
        expect(await as(asha, '/api/v1/namespaces/care/secrets')).toBe(403);
        expect(await as({ ...asha, roles: ['night'] }, '/api/v1/namespaces/care/pods')).toBe(403);
        const now = Math.floor(Date.now() / 1000);
        for (const wrong of [{ aud: 'another' }, { hospital: 'delhi' }, { exp: now - 60 }, { iss: `${provider.url}/other` }, { name: undefined }]) expect([wrong, await as({ ...asha, ...wrong }, '/api/v1/namespaces/care/pods')]).toEqual([wrong, 401]);
        const open = { ...issuer, username_prefix: '', groups_prefix: '' };
        writeFileSync(path.join(api.dir, 'authentication.yaml'), authenticationConfiguration([open]));
        await eventually(async () => (await as({ ...asha, roles: ['care:viewers'] }, '/api/v1/namespaces/care/pods')) === 200);
        for (const wrong of [{ roles: ['care:viewers', 'system:masters'] }, { roles: ['kubeadm:cluster-admins'] }, { name: 'system:kube-controller-manager' }]) expect([wrong, await as({ ...asha, ...wrong }, '/api/v1/namespaces/kube-system/secrets')]).toEqual([wrong, 401]);
        // What verify of the role asks for.
        const hash = createHash('sha256').update(authenticationConfiguration([open])).digest('hex');
        expect(String((await api.client.request({ method: 'GET', path: '/metrics' }, signal)).body)).toMatch(new RegExp(`^apiserver_authentication_config_controller_last_config_info\\{.*hash="sha256:${hash}"`, 'm'));
      } finally {
        await provider.stop();
      }
    });

    it('somebody without a name gets the paths of health, and nothing else', async () => {
      expect([await answered('/readyz'), await answered('/version'), await answered('/api')]).toEqual([200, 401, 401]);
    });
  });
});
