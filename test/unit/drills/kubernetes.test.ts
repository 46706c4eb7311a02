import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { administrator, certain, isSilence } from '../../../src/drills/kubernetes/api.ts';
import { majorityOf, nodeForClient, siteToCut, victimsOfQuorum } from '../../../src/drills/kubernetes/choose.ts';
import { readDrilledCluster, type DrilledCluster } from '../../../src/drills/kubernetes/installation.ts';
import { lookScript, readLook } from '../../../src/drills/kubernetes/look.ts';
import { tokenKubeconfig } from '../../../src/drills/kubernetes/stage.ts';
import { changesBetween, leaderOf, troubleOf, type ClusterLook, type ControlPlaneView } from '../../../src/drills/kubernetes/view.ts';
import { configMapOf, numberOf, startWriter } from '../../../src/drills/kubernetes/writer.ts';
import { kubernetes } from '../../../src/drills/kubernetes/service.ts';
import type { HostAccess } from '../../../src/operations/hosts.ts';
import type { NodeSeen } from '../../../src/operations/kubernetes/api-look.ts';
import { clusterOf } from '../../../src/modules/k8s_kubeconfig/decide.ts';
import { KubernetesClient, KubernetesSilent } from '../../../src/services/kubernetes/client.ts';
import { Diagnostic, failure } from '../../../src/support/diagnostic.ts';
import { Secret } from '../../../src/support/secret.ts';

function inventory<T>(text: string, read: (request: Parameters<typeof readDrilledCluster>[0]) => T): T {
  const directory = mkdtempSync(path.join(tmpdir(), 'care-drill-'));
  try {
    writeFileSync(path.join(directory, 'i.yml'), text);
    return read({ inventory: [path.join(directory, 'i.yml')], extraVars: {} });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
const read = (text: string): DrilledCluster => inventory(text, readDrilledCluster);
const sites = (controlPlanes: Readonly<Record<string, string>>, workers: Readonly<Record<string, string>> = {}): DrilledCluster => read(JSON.stringify({
  all: { vars: { ansible_connection: 'local' }, hosts: Object.fromEntries(Object.entries({ ...controlPlanes, ...workers }).map(([name, site]) => [name, site === '' ? {} : { site }])) },
  kube_control_plane: { hosts: Object.fromEntries(Object.keys(controlPlanes).map((name) => [name, null])) }, kube_node: { hosts: Object.fromEntries(Object.keys(workers).map((name) => [name, null])) },
}));
const lab = sites({ a1: 'kochi', a2: 'kochi', b1: 'delhi' }, { b2: 'delhi' });

describe('an inventory', () => {
  test('says which hosts drills touch, and how clients reach the API', () => {
    const cluster = read('all: { vars: { ansible_connection: local, drills: allowed, kubernetes_version: 1.36.3, kubernetes_api_port: 7000 } }\nkube_control_plane: { hosts: { k1: { kubernetes_address: 192.0.2.1 }, k2: } }\nkube_node: { hosts: { k2: , w1: } }');
    expect(cluster).toMatchObject({ name: 'care', balancer: 'local', apiPort: 7000, version: '1.36.3', nodes: ['k1', 'k2', 'w1'] });
    expect([cluster.hosts.map((host) => host.name), cluster.workers.map((host) => host.name), cluster.hosts[0]?.address]).toEqual([['k1', 'k2', 'w1'], ['w1'], '192.0.2.1']);
    expect(inventory('all: { vars: { ansible_connection: local } }\nkube_control_plane: { hosts: { k1: } }\nkube_node: { hosts: { w1: } }', (request) => kubernetes.read(request).installation)).toMatchObject({ name: 'care', hosts: [{ name: 'k1', drillsAllowed: false }, { name: 'w1' }], powered: [{ name: 'k1' }] });
  });
  test('without control planes has nothing for these drills; a bad port is refused', () => {
    expect(() => read('all: { hosts: { a: } }')).toThrow(expect.objectContaining({ code: 'no-kubernetes', exitStatus: 65 }) as Error);
    expect(inventory('all: { hosts: { a: } }', (request) => kubernetes.readIfThere(request))).toBeUndefined();
    expect(() => read('all: { vars: { ansible_connection: local, kubernetes_api_port: x } }\nkube_control_plane: { hosts: { k1: } }')).toThrow(expect.objectContaining({ code: 'bad-port' }) as Error);
  });
});

describe('who is hurt', () => {
  test('the client is on a worker where there is one, and never on a node that is hurt', () => {
    expect(nodeForClient(lab, [])?.name).toBe('b2');
    expect(nodeForClient(lab, ['b2'])?.name).toBe('b1');
    expect(nodeForClient(lab, ['b1', 'b2'])?.name).toBe('a2');
    expect(nodeForClient(lab, ['a1', 'a2', 'b1', 'b2'])).toBeUndefined();
  });
  test('a quorum is lost with as few as it takes, the leader among them, the node of the client not', () => {
    expect([1, 2, 3, 4, 5].map(majorityOf)).toEqual([1, 2, 2, 3, 3]);
    const names = (cluster: DrilledCluster, leader: string, client: string): readonly string[] => victimsOfQuorum(cluster, leader, client).map((host) => host.name);
    expect(names(lab, 'b1', 'b2')).toEqual(['b1', 'a1']);
    expect(names(lab, 'a2', 'a1')).toEqual(['a2', 'b1']);
    expect(names(sites({ a: 'x', b: 'x', c: 'y', d: 'y' }), 'a', 'b')).toEqual(['a', 'c']);
    expect(names(sites({ a: 'x', b: 'x', c: 'y', d: 'y', e: 'z' }), 'e', 'z9')).toEqual(['e', 'a', 'b']);
  });
  test('a site is cut off without which there is a majority, the largest of those; else it is said why not', () => {
    const cut = (cluster: DrilledCluster): unknown => {
      const chosen = siteToCut(cluster);
      return typeof chosen === 'string' ? chosen : [chosen.site, chosen.inside.map((host) => host.name), chosen.outside.map((host) => host.name)];
    };
    expect(cut(lab)).toEqual(['delhi', ['b1', 'b2'], ['a1', 'a2']]);
    expect(cut(sites({ a: 'x', b: 'y', c: 'y', d: 'z', e: 'z' }, { w: 'y' }))).toEqual(['y', ['b', 'c', 'w'], ['a', 'd', 'e']]);
    expect(cut(sites({ a: 'x', b: 'x', c: 'x' }, { w: 'y' }))).toContain('no site with a control plane');
    expect(cut(sites({ a: 'x', b: 'x', c: 'x' }))).toBe('all nodes are in one site, x');
    expect(cut(sites({ a: 'x', b: '', c: 'y' }, { w: '' }))).toBe('the inventory does not say the site of b, w');
  });
});

const controlPlane = (name: string, more: Partial<ControlPlaneView> = {}): ControlPlaneView => ({ name, reachable: true, ready: true, etcd: name === 'a1' ? 'leads' : 'follows', ...more });
const node = (name: string, more: Partial<NodeSeen> = {}): NodeSeen => ({ name, ready: true, why: '', cordoned: false, version: 'v1.36.3', runtime: '', controlPlane: false, ...more });
const look = (controlPlanes: readonly ControlPlaneView[] = ['a1', 'a2', 'b1'].map((name) => controlPlane(name)), nodes: readonly NodeSeen[] | undefined = ['a1', 'a2', 'b1', 'b2'].map((name) => node(name))): ClusterLook => ({ controlPlanes, nodes });

describe('a look at the cluster', () => {
  test('is healthy, or says what is wrong', () => {
    expect(troubleOf(lab, look())).toEqual([]);
    expect(troubleOf(lab, look([controlPlane('a1', { reachable: false, ready: false, etcd: 'silent' }), controlPlane('a2', { etcd: 'leads' }), controlPlane('b1', { ready: false })]))).toEqual(['a1 does not answer', 'the API server of b1 is not ready']);
    expect(troubleOf(lab, look([controlPlane('a1', { etcd: 'alone' }), controlPlane('a2', { etcd: 'silent' })]))).toEqual(["a1: etcd's member knows of no leader", "a2: etcd's member does not answer", 'etcd has no leader']);
    expect(troubleOf(lab, { ...look(), nodes: undefined })).toEqual(['the API does not answer']);
    expect(troubleOf(lab, look(undefined, [node('a1'), node('a2', { ready: false, why: 'Kubelet stopped posting node status.' }), node('b1')]))).toEqual(['node a2 is not ready: Kubelet stopped posting node status.', 'the cluster has no node b2']);
  });
  test('is told as it changes, once; of a host that is gone nothing else is told', () => {
    const gone = look([controlPlane('a1', { reachable: false, ready: false, etcd: 'silent' }), controlPlane('a2', { etcd: 'leads' }), controlPlane('b1', { etcd: 'alone' })], [node('a1', { ready: false }), node('a2'), node('b1'), node('b2')]);
    expect(changesBetween(look(), gone)).toEqual([
      { kind: 'seen', what: 'a1 does not answer' }, { kind: 'leader', what: 'a2 leads etcd' }, { kind: 'seen', what: "b1: etcd's member knows of no leader" }, { kind: 'seen', what: 'node a1 is not ready' },
    ]);
    expect(changesBetween(gone, gone)).toEqual([]);
    expect(changesBetween({ ...look(), nodes: undefined }, look()).map((each) => each.what)).toEqual(['the API answers']);
    expect(changesBetween(look(), { ...look(), nodes: undefined }).map((each) => each.what)).toEqual(['the API does not answer']);
    expect([leaderOf(gone), leaderOf(look([controlPlane('b1')]))]).toEqual(['a2', undefined]);
  });
  test.each(['dash', 'busybox'])('is one script that ends well where there is nothing, too (%s)', (shell) => {
    const output = execFileSync(shell, [...(shell === 'busybox' ? ['sh'] : []), '-c', lookScript('127.0.0.1', 9).text], { encoding: 'utf8', timeout: 20_000 });
    expect(readLook('a1', output)).toEqual({ name: 'a1', reachable: true, ready: false, etcd: 'silent' });
  });
  test('is read of what the API server and etcd say', () => {
    expect(readLook('a1', '@ready ok\n@is_leader 1\n@has_leader 1\n')).toEqual({ name: 'a1', reachable: true, ready: true, etcd: 'leads' });
    expect(readLook('a1', '@ready [-]etcd failed\n@has_leader 1\n@is_leader 0\n')).toMatchObject({ ready: false, etcd: 'follows' });
    expect(readLook('a1', '@ready ok\n@is_leader 0\n@has_leader 0\n')).toMatchObject({ ready: true, etcd: 'alone' });
  });
});

test('the administrator asks the control plane that is preferred, then the others, each past all balancers, and says why none answers', async () => {
  const asked: string[] = [];
  const never = (): Promise<never> => Promise.reject(new Error('nothing is run'));
  const hosts: HostAccess = {
    run: never, text: never, drop: () => undefined, close: () => Promise.resolve(),
    forward: (host, _address, port) => {
      asked.push(`${host.name} ${String(port)}`);
      return Promise.reject(new Diagnostic({ kind: 'unreachable', code: 'connection-lost', summary: `${host.name} is gone` }));
    },
  };
  const admin = administrator(lab, hosts, tokenKubeconfig(ADMINISTRATORS, new Secret('a-token-of-the-drill')));
  const nodes = admin.as((client, signal) => client.request({ method: 'GET', path: '/api/v1/nodes' }, signal), { prefer: 'b1' });
  await expect(nodes).rejects.toMatchObject({ code: 'api-silent', detail: 'b1: b1 is gone\na1: a1 is gone\na2: a2 is gone' });
  expect(asked).toEqual(['b1 6443', 'a1 6443', 'a2 6443']);
  await expect(admin.as(() => Promise.reject(failure('kubernetes-refused', 'it may not')))).rejects.toMatchObject({ code: 'kubernetes-refused' });
  await admin.close();
});

const ADMINISTRATORS = JSON.stringify({ 'current-context': 'x', contexts: [{ name: 'x', context: { cluster: 'care', user: 'admin' } }], clusters: [{ name: 'care', cluster: { server: 'https://kubernetes-api.internal:7443', 'certificate-authority-data': Buffer.from('the CA').toString('base64') } }], users: [{ name: 'admin', user: { 'client-key-data': 'a-key-of-the-administrator' } }] });

describe('the client', () => {
  test('knows its ConfigMaps again, and none that hold something else', () => {
    const made = (client: string, sequence: number): Parameters<typeof numberOf>[0] => configMapOf(client, sequence) as Parameters<typeof numberOf>[0];
    expect([numberOf(made('writer', 12)), numberOf(made('at-a1', 3))]).toEqual([{ client: 'writer', sequence: 12 }, { client: 'at-a1', sequence: 3 }]);
    expect([numberOf({ metadata: { name: 'kube-root-ca.crt' } }), numberOf({ metadata: { name: 'writer-12' }, data: { n: '11' } }), numberOf({ metadata: { name: 'writer-12' } })]).toEqual([undefined, undefined, undefined]);
  });

  test('logs in at the same cluster by a token alone', () => {
    const own = tokenKubeconfig(ADMINISTRATORS, new Secret('a-token-of-the-drill')).reveal();
    expect(clusterOf(own)).toEqual({ name: 'care', server: 'https://kubernetes-api.internal:7443', ca: 'the CA' });
    expect([own.includes('a-token-of-the-drill'), own.includes('a-key-of-the-administrator')]).toEqual([true, false]);
    expect(() => tokenKubeconfig('nothing', new Secret('a-token-of-the-drill'))).toThrow(expect.objectContaining({ code: 'no-kubeconfig' }) as Error);
  });

  test('counts what the API confirms, goes on after what it refuses, and makes its connection anew after silence', async () => {
    let opened = 0;
    let closed = 0;
    let time = 0;
    const answers = [201, 409, 'silent', 201] as const;
    let asked = 0;
    const open = (config: Secret): KubernetesClient => {
      opened += 1;
      const client = new KubernetesClient({ path: 'x', config }, () => Promise.reject(new Error('never')));
      vi.spyOn(client, 'request').mockImplementation(({ method, path: where }) => {
        if (where === '/api') return Promise.resolve({ status: 200, body: { serverAddressByClientCIDRs: [{ serverAddress: '192.0.2.1:6443' }] } });
        expect([method, where]).toEqual(['POST', '/api/v1/namespaces/care-drill/configmaps']);
        const answer = answers[asked++] ?? 201;
        return answer === 'silent' ? Promise.reject(new KubernetesSilent('no answer')) : Promise.resolve({ status: answer, body: answer === 201 ? {} : { reason: 'AlreadyExists', message: 'it is there' } });
      });
      vi.spyOn(client, 'close').mockImplementation(() => { closed += 1; return Promise.resolve(); });
      return client;
    };
    const place = { label: 'b2', open };
    const writer = startWriter({ client: 'writer', place: () => place, login: new Secret('a-login-of-the-drill'), everyMs: 1, now: () => (time += 1) });
    await vi.waitUntil(() => writer.recording().acknowledged.length >= 3, { timeout: 5000 });
    expect(writer.servedBy()).toBe('192.0.2.1:6443');
    const { acknowledged, errors } = await writer.stop();
    expect(acknowledged.slice(0, 2).map((row) => [row.client, row.sequence, row.server])).toEqual([['writer', 1, 'b2'], ['writer', 4, 'b2']]);
    expect(errors.map((each) => [each.sequence, each.code])).toEqual([[2, 'AlreadyExists'], [3, 'silent']]);
    expect([opened, closed]).toEqual([2, 2]);
  });

  test('takes for silence what another API server may know, and for a refusal what none does', () => {
    const gone = new Diagnostic({ kind: 'unreachable', code: 'connection-lost', summary: 'y' });
    expect([new KubernetesSilent('x'), gone, failure('forward-failed', 'nobody listens'), failure('x', 'y'), new TypeError('defect')].map(isSilence)).toEqual([true, true, true, false, false]);
    expect(certain({ ok: true, value: 7 }, 'it')).toBe(7);
    expect(() => certain({ ok: false, status: 503, reason: 'x', msg: 'etcd is away' }, 'it')).toThrow(KubernetesSilent);
    expect(() => certain({ ok: false, status: 403, reason: 'Forbidden', msg: 'you may not' }, 'it')).toThrow(expect.objectContaining({ code: 'kubernetes-refused' }) as Error);
  });
});
