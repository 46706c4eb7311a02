/** `cluster status`: what is read, what is wrong, what is shown. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { statusJson, statusText } from '../../../src/cli/reporters/cluster-status.ts';
import type { ApiSeen, NodeSeen } from '../../../src/operations/kubernetes/api-look.ts';
import { readKubernetesInventory, type KubernetesCluster } from '../../../src/operations/kubernetes/cluster.ts';
import type { CopiesSeen } from '../../../src/operations/kubernetes/copies.ts';
import { lookScript, readLook, type ControlPlaneSeen, type EtcdMember } from '../../../src/operations/kubernetes/host-look.ts';
import { judge, type KubernetesView } from '../../../src/operations/kubernetes/view.ts';

const NOW = Date.parse('2026-11-26T12:00:00Z') / 1000;
const DAY = 86_400;

function inventory(text: string): KubernetesCluster {
  const dir = mkdtempSync(path.join(tmpdir(), 'care-cluster-'));
  try {
    writeFileSync(path.join(dir, 'i.yml'), text);
    return readKubernetesInventory({ inventory: [path.join(dir, 'i.yml')], extraVars: {} });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
const cluster = inventory('all: { vars: { ansible_connection: local, kubernetes_cluster_name: care1 }, children: { kube_control_plane: { hosts: { k1: , k2: , k3: } }, kube_node: { hosts: { w1: } } } }');

it.each(['dash', 'busybox'])('takes for a backup an archive with its sum, and nothing else that lies there (%s)', (shell) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'care backups-'));
  try {
    const seen = (): string | undefined => readLook(execFileSync(shell, [...(shell === 'busybox' ? ['sh'] : []), '-c', lookScript(dir).text], { encoding: 'utf8', timeout: 20_000 })).backup?.file;
    for (const name of ['a.tar.age', 'a.tar.age.sha256']) writeFileSync(path.join(dir, name), 'x');
    utimesSync(path.join(dir, 'a.tar.age'), NOW, NOW);
    expect(seen()).toBe(path.join(dir, 'a.tar.age'));
    writeFileSync(path.join(dir, 'b.tar.age'), 'half');
    writeFileSync(path.join(dir, 'notes'), 'x');
    expect(seen()).toBe(path.join(dir, 'a.tar.age'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe.each(['dash', 'busybox'])('copies in object storage (%s)', (shell) => {
  /** What is read where care-s3-copy does that. */
  const read = (does: string): ControlPlaneSeen['copies'] => {
    const dir = mkdtempSync(path.join(tmpdir(), 'care copies-'));
    try {
      writeFileSync(path.join(dir, 'care-s3-copy'), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
      writeFileSync(path.join(dir, 'kubernetes-backup.settings'), 'url https://s3.example/b/k1\ndirectory /x\n');
      writeFileSync(path.join(dir, '.s3-copied'), '');
      utimesSync(path.join(dir, '.s3-copied'), NOW, NOW);
      const text = lookScript(dir).text.replaceAll('/etc/care-s3-copy/', `'${dir}'/`);
      return readLook(execFileSync(shell, [...(shell === 'busybox' ? ['sh'] : []), '-c', text], { encoding: 'utf8', timeout: 20_000, env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` } })).copies;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  };
  const NOTED = { url: 'https://s3.example/b/k1', newest: undefined, noted: NOW, trouble: '' };

  it('are what care-s3-copy says of them, and why it says nothing', () => {
    expect(read(`[ "$*" = 'newest kubernetes-backup' ] && echo '${String(NOW)} x.tar.age'`)).toEqual({ ...NOTED, newest: { time: NOW, file: 'x.tar.age' } });
    expect(read('exit 0')).toEqual(NOTED);
    expect(read("echo first; echo 'care-s3-copy: the store does not answer' >&2; exit 1")).toEqual({ ...NOTED, trouble: 'care-s3-copy: the store does not answer' });
    expect(read('exit 124')).toEqual({ ...NOTED, trouble: 'it says nothing in time' });
    expect(read('echo care-s3-copy copy NAME; exit 64')?.trouble).toContain('of an earlier release');
  });

  it('are none where none are made', () => {
    expect(readLook(execFileSync(shell, [...(shell === 'busybox' ? ['sh'] : []), '-c', lookScript('/nonexistent').text], { encoding: 'utf8', timeout: 20_000 })).copies).toBeUndefined();
  });
});

const node = (name: string, more: Partial<NodeSeen> = {}): NodeSeen => ({ name, ready: true, why: '', cordoned: false, version: 'v1.36.3', runtime: 'containerd://2.3.7', controlPlane: name.startsWith('k'), ...more });
const api = (more: Partial<ApiSeen> = {}): ApiSeen => ({ version: 'v1.36.3', nodes: ['k1', 'k2', 'k3', 'w1'].map((name) => node(name)), pending: [], levels: { restricted: ['care'], '': ['default', 'kube-system'] }, ...more });
const member = (name: string, more: Partial<EtcdMember> = {}): EtcdMember => ({ name, endpoint: `https://${name}:2379`, answers: true, leads: name === 'k1', learner: false, version: '3.6.8', size: 5 * 2 ** 20, errors: [], ...more });
const seen = (more: Partial<ControlPlaneSeen> = {}): ControlPlaneSeen => ({ now: NOW, certificates: [{ file: '/etc/kubernetes/pki/apiserver.crt', notAfter: NOW + 300 * DAY }], backup: { file: '/b/x.age', time: NOW - 600 }, copies: undefined, etcd: ['k1', 'k2', 'k3'].map((name) => member(name)), etcdTrouble: '', ...more });
const URL = 'https://s3.example:9443/etcd-backups/care/k1';
const copies = (more: Partial<CopiesSeen> = {}): CopiesSeen => ({ url: URL, newest: { file: 'x.age', time: NOW - 600 }, noted: NOW - 600, trouble: '', ...more });
const AWAY = 'care-s3-copy: the store of it does not answer';
const view = (more: Partial<KubernetesView> = {}, host: Partial<ControlPlaneSeen> = {}): KubernetesView => ({ controlPlanes: ['k1', 'k2', 'k3'].map((name) => ({ name, seen: seen(name === 'k1' ? host : {}), trouble: '' })), api: api(), apiTrouble: '', ...more });

describe('readKubernetesInventory', () => {
  it('knows control planes, nodes and what roles are told', () => {
    expect(cluster).toMatchObject({ name: 'care1', nodes: ['k1', 'k2', 'k3', 'w1'], kubeconfig: '/etc/kubernetes/admin.conf', backupDirectory: '/var/lib/kubernetes-backups', backupMaxHours: 3 });
  });
  it('refuses one without control planes, and says how to go on', () => {
    expect(() => inventory('all: { hosts: { a: } }')).toThrow(/kube_control_plane/);
    expect(() => inventory('all: { vars: { ansible_connection: local, etcd_backup_max_age_hours: soon }, children: { kube_control_plane: { hosts: { k1: } } } }')).toThrow(/etcd_backup_max_age_hours/);
  });
});

describe('readLook', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const members = base64('{"header":{"cluster_id":14841639068965178418},"members":[{"ID":10276657743932975437,"name":"k1","clientURLs":["https://192.0.2.1:2379"]},{"ID":10276657743932975438,"name":"k2","clientURLs":["https://192.0.2.2:2379"],"isLearner":true}]}');
  const status = base64('[{"Endpoint":"https://192.0.2.1:2379","Status":{"header":{"member_id":10276657743932975437},"version":"3.6.8","dbSize":20480,"leader":10276657743932975437,"raftIndex":9}}]');

  it('tells members apart by numbers that JavaScript has not, and those that do not answer', () => {
    const look = readLook(`@now 1000\n@members ${members}\n@status ${status}\n@backup 900 /b/old one\n@backup 950 /b/new\n`);
    expect(look.etcd).toEqual([{ name: 'k1', endpoint: 'https://192.0.2.1:2379', answers: true, leads: true, learner: false, version: '3.6.8', size: 20_480, errors: [] }, { name: 'k2', endpoint: 'https://192.0.2.2:2379', answers: false, leads: false, learner: true, version: '', size: 0, errors: [] }]);
    expect(look.backup).toEqual({ file: '/b/new', time: 950 });
  });

  it('reads when certificates end; what is none is left out', () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'care-cluster-'));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${dir}/k`, '-out', `${dir}/c`, '-subj', '/CN=x', '-days', '10'], { stdio: 'ignore' });
    const text = readFileSync(`${dir}/c`, 'utf8');
    rmSync(dir, { recursive: true });
    const look = readLook(`@now 1\n@cert /etc/kubernetes/pki/a.crt ${base64(text)}\n@cert /etc/kubernetes/b.conf bm9uZQ==\n@trouble context deadline exceeded\n`);
    expect(look.certificates).toHaveLength(1);
    expect(Math.round(((look.certificates[0]?.notAfter ?? 0) * 1000 - Date.now()) / DAY / 1000)).toBe(10);
    expect([look.etcd, look.etcdTrouble, look.backup]).toEqual([undefined, 'context deadline exceeded', undefined]);
  });
});

describe('judge', () => {
  it('finds nothing wrong with a cluster that is well', () => {
    expect(judge(cluster, view())).toEqual({ problems: [], warnings: [] });
  });

  it.each<[string, KubernetesView, string]>([
    ['a control plane that is away', view({ controlPlanes: [...view().controlPlanes.slice(1), { name: 'k1', seen: undefined, trouble: 'timed out' }] }), "k1 can't be looked at: timed out"],
    ['no API', view({ api: undefined, apiTrouble: 'refused' }), 'the API does not answer: refused'],
    ['a node that never came', view({ api: api({ nodes: ['k1', 'k2', 'k3'].map((name) => node(name)) }) }), 'not in the cluster: w1'],
    ['a node that is not ready', view({ api: api({ nodes: [node('k1'), node('k2'), node('k3'), node('w1', { ready: false, why: 'Kubelet stopped posting node status.' })] }) }), 'w1 is not ready: Kubelet stopped posting node status.'],
    ['a kubelet that is newer', view({ api: api({ nodes: [node('k1'), node('k2'), node('k3'), node('w1', { version: 'v1.37.2' })] }) }), "w1 runs kubelet v1.37.2, newer than the API server's v1.36.3"],
    ['a kubelet that is too old', view({ api: api({ nodes: [node('k1'), node('k2'), node('k3'), node('w1', { version: 'v1.32.1' })] }) }), 'more than 3 minor versions older'],
    ['no leader', view({}, { etcd: ['k1', 'k2', 'k3'].map((name) => member(name, { leads: false })) }), 'etcd has no leader'],
    ['a member that is silent', view({}, { etcd: [member('k1'), member('k2'), member('k3', { answers: false })] }), "etcd's member k3 does not answer"],
    ['a member that is missing', view({}, { etcd: [member('k1'), member('k2')] }), 'no member of etcd: k3'],
    ['an alarm', view({}, { etcd: [member('k1', { errors: ['NOSPACE'] }), member('k2'), member('k3')] }), "etcd's member k1: NOSPACE"],
    ['a certificate that is over', view({}, { certificates: [{ file: '/x.crt', notAfter: NOW - 1 }] }), 'k1: /x.crt has expired'],
    ['a certificate that soon is', view({}, { certificates: [{ file: '/x.crt', notAfter: NOW + 3 * DAY }] }), 'k1: /x.crt expires in 3 days'],
    ['an old backup', view({}, { backup: { file: '/b', time: NOW - 5 * 3600 } }), 'k1: the newest backup of etcd is 5 hours old, more than 3'],
    ['an old copy', view({}, { copies: copies({ newest: { file: 'x.age', time: NOW - 5 * 3600 } }) }), `k1: the newest copy of a backup in ${URL} is of 5 hours ago, more than 3`],
    ['an old copy by the host’s own notes, where the store is away', view({}, { copies: copies({ newest: undefined, noted: NOW - 5 * 3600, trouble: AWAY }) }), 'of 5 hours ago, more than 3, as far as is known here'],
    ['a request that waits', view({ api: api({ pending: [{ name: 'csr-1', signer: 'kubernetes.io/kubelet-serving', user: 'system:node:w1', since: NOW - 1800 }] }) }), 'waits since 30 minutes'],
  ])('%s is a problem', (_name, one, text) => {
    expect(judge(cluster, one).problems.join('\n')).toContain(text);
  });

  it.each<[string, KubernetesView, string]>([
    ['a cordoned node', view({ api: api({ nodes: [node('k1'), node('k2'), node('k3'), node('w1', { cordoned: true })] }) }), 'w1 is cordoned'],
    ['a node that nobody knows', view({ api: api({ nodes: [...api().nodes, node('w9')] }) }), 'in the cluster but not in the inventory: w9'],
    ['no backup', view({}, { backup: undefined }), 'k1: there is no backup of etcd'],
    ['a store that is away', view({}, { copies: copies({ newest: undefined, trouble: AWAY }) }), "k1: the store of copies can't be asked: the store of it does not answer"],
    ['a store that has none', view({}, { copies: copies({ newest: undefined, noted: NOW - 5 * 3600 }) }), `k1: there is no copy of a backup in ${URL}`],
    ['a certificate of 20 days', view({}, { certificates: [{ file: '/x.crt', notAfter: NOW + 20 * DAY }] }), 'k1: /x.crt expires in 20 days'],
    ['a version past its end', view({ api: api({ version: 'v1.34.1', nodes: api().nodes.map((each) => ({ ...each, version: 'v1.34.1' })) }) }), 'Kubernetes v1.34.1 gets no more fixes since 2026-10-27'],
  ])('%s is a warning', (_name, one, text) => {
    expect([judge(cluster, one).problems, judge(cluster, one).warnings.join('\n')]).toEqual([[], expect.stringContaining(text) as string]);
  });

  it('an even number of voters is a warning; a learner is none', () => {
    const four = (learner: boolean): KubernetesView => view({}, { etcd: [member('k1'), member('k2'), member('k3'), member('k4', { learner })] });
    expect(judge(cluster, four(false)).warnings.join()).toContain('4 voters');
    expect(judge(cluster, four(true)).warnings).toEqual([]);
  });

  it('a copy that is new is none; a host that makes none is a warning where the inventory wants them', () => {
    expect(judge(cluster, view({}, { copies: copies() }))).toEqual({ problems: [], warnings: [] });
    expect(judge({ ...cluster, copiesUrl: 'https://s3.example/etcd-backups/care' }, view({}, { copies: copies() })).warnings).toEqual(['k2', 'k3'].map((name) => `${name}: no backup is copied to https://s3.example/etcd-backups/care: apply playbooks/kubernetes-backup.yml`));
  });

  it('a request of just now is none', () => {
    expect(judge(cluster, view({ api: api({ pending: [{ name: 'csr-1', signer: 's', user: 'u', since: NOW - 60 }] }) })).problems).toEqual([]);
  });
});

describe('the report', () => {
  it('shows all of it, and what a host says cannot steer the terminal', () => {
    const odd = view({ api: api({ nodes: [node('k1'), node('k2\u001b[31m'), node('k3'), node('w1')] }) });
    const text = statusText(cluster, odd, judge(cluster, odd), (_colour, word) => word);
    expect(text).toContain('cluster care1  NOT HEALTHY  Kubernetes v1.36.3');
    expect(text).toMatch(/k1 +control plane +ready +v1\.36\.3 +containerd:\/\/2\.3\.7/);
    expect(text).toMatch(/k1 +leads +3\.6\.8 +5\.0 MiB/);
    expect(text).toContain('2027-09-22  300   k1 /etc/kubernetes/pki/apiserver.crt');
    expect(text).toContain('backup        k1: 10 min old, /b/x.age');
    expect(text).not.toContain('copy  ');
    const copied = view({}, { copies: copies() });
    expect(statusText(cluster, copied, judge(cluster, copied), (_colour, word) => word)).toContain(`copy          k1: of 10 min ago, x.age, in ${URL}\n`);
    const away = view({}, { copies: copies({ newest: undefined, trouble: AWAY }) });
    expect(statusText(cluster, away, judge(cluster, away), (_colour, word) => word)).toContain(`copy          k1: of 10 min ago, in ${URL} (the store does not answer)\n`);
    expect(text).toContain('pod security  namespaces: restricted 1, by default 2');
    expect(text).not.toContain('\u001b');
  });

  it('is JSON for programs', () => {
    const json = statusJson(cluster, view(), judge(cluster, view()));
    expect(json).toMatchObject({ cluster: 'care1', healthy: true, problems: [], version: 'v1.36.3', pending_requests: [] });
    expect(json['backups']).toContainEqual({ host: 'k1', file: '/b/x.age', time: '2026-11-26T11:50:00.000Z', age_seconds: 600, trouble: null, copy: null });
    expect(statusJson(cluster, view({}, { copies: copies() }), { problems: [], warnings: [] })['backups']).toContainEqual(expect.objectContaining({ host: 'k1', copy: { url: URL, file: 'x.age', time: '2026-11-26T11:50:00.000Z', age_seconds: 600, trouble: null } }));
    expect(statusJson(cluster, view({ api: undefined, apiTrouble: 'x' }), judge(cluster, view({ api: undefined, apiTrouble: 'x' })))).toMatchObject({ healthy: false, nodes: null, api_trouble: 'x' });
  });
});
