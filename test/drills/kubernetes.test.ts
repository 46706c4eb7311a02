/** Kubernetes from bare hosts: three control planes and a worker. Skipped, by name, where the artefacts are not in the cache. Fifteen minutes or so. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labHost, labUp, type Lab } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { hostSpecs, kubectl, missing, prepareHosts, VERSION, writeInventory } from './support/kubernetes-lab.ts';
import { longestGap, startWriter } from './support/kubernetes-writer.ts';

const CONTROL_PLANES = ['a1', 'a2', 'b1'] as const;
const WORKERS = ['b2'] as const;
const HOSTS = [...CONTROL_PLANES, ...WORKERS];
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
const PLAYBOOKS = ['base.yml', 'kubernetes.yml'].map(book);

const OBJECTS = `- hosts: kube_control_plane
  become: true
  tasks:
    - k8s:
        definition:
          - { apiVersion: v1, kind: Namespace, metadata: { name: care, labels: { pod-security.kubernetes.io/enforce: restricted } } }
          - { apiVersion: v1, kind: ConfigMap, metadata: { name: settings, namespace: care, labels: { care-provision/set: drill } }, data: { MODE: "{{ mode }}", WORD: plain-word-of-the-drill } }
          - { apiVersion: v1, kind: Secret, metadata: { name: word, namespace: care }, stringData: { word: hidden-word-of-the-drill } }
          - { apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: deny, namespace: care }, spec: { podSelector: {}, policyTypes: [Ingress, Egress] } }
        prune: { labels: care-provision/set=drill, kinds: [{ api_version: v1, kind: ConfigMap, namespace: care }] }
      run_once: true
    - k8s_info: { api_version: apps/v1, kind: Deployment, namespace: kube-system, name: coredns }
      register: dns
      until: dns.resources.exists(d, d.status.?readyReplicas.orValue(0) == d.spec.replicas)
      retries: 30
      run_once: true
`;

let lab: Lab;
let project: LabProject;

const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: PLAYBOOKS, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
const isReady = async (host: string): Promise<boolean> => (await kubectl(lab, 'a1', `get node ${host} -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'`).catch(() => '')) === 'True';

describe.skipIf(missing.length > 0)(`kubernetes ${VERSION}${missing.length > 0 ? ` (not in the artefact cache: ${missing.join(', ')})` : ''}`, () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('kubernetes'), hosts: hostSpecs(HOSTS) });
    project = labProject({});
    writeInventory(project, lab, { controlPlanes: CONTROL_PLANES, workers: WORKERS });
    await prepareHosts(lab, HOSTS);
  });
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('kubernetes'));
  });

  it('is made by one apply, as predicted; a second changes nothing; verify passes', async () => {
    const predicted = await run({ mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.failed]).toEqual(['', 0]);
    const made = await run();
    if (made.status !== 0) console.log(await onHost(lab, 'a1', 'journalctl -u kubelet -n 40 --no-pager; crictl ps -a'));
    expect([troubles(made), made.status]).toEqual(['', 0]);
    // Whether images are there, and what the API server says of a manifest, could not be told before there was a containerd and a cluster.
    const untold = changes(made).filter((each) => !changes(predicted).includes(each));
    // The kernel of a container lets nobody load modules, or set what is not of its network: that shows when it is tried.
    expect(changes(predicted).filter((each) => !changes(made).includes(each) && !/\|(kernel module br_netfilter|sysctl fs\.)/.test(each))).toEqual([]);
    expect(untold.filter((each) => !/\|command (\/usr\/local\/sbin\/care-image-import|kubectl) /.test(each))).toEqual([]);
    const again = await run();
    expect([again.status, changes(again)]).toEqual([0, []]);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    const zones = await kubectl(lab, 'b1', "get nodes -o 'jsonpath={range .items[*]}{.metadata.name}={.metadata.labels.topology\\.kubernetes\\.io/zone} {end}'");
    expect(zones.trim()).toBe('a1=kochi a2=kochi b1=delhi b2=delhi');
  });

  it('objects are applied as a dry run of the server says, and only when they differ', async () => {
    const objects = (mode: string, options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [path.join(project.dir, 'objects.yml')], extraVars: { mode }, ...options });
    project.write('objects.yml', OBJECTS);
    const made = await objects('a');
    expect([troubles(made), made.status]).toEqual(['', 0]);
    expect(changes(await objects('a'))).toEqual([]);
    await kubectl(lab, 'a1', '-n care create configmap old');
    await kubectl(lab, 'a1', '-n care label configmap old care-provision/set=drill');
    const drifted = await objects('b', { mode: 'check' });
    expect(changes(drifted)).toEqual(['a1|ConfigMap care/old', 'a1|ConfigMap care/settings']);
    expect(changes(await objects('b'))).toEqual(changes(drifted));
    expect(await kubectl(lab, 'b1', "-n care get configmap settings -o 'jsonpath={.data.MODE}'")).toBe('b');
    expect(JSON.stringify(drifted.events)).not.toContain('hidden-word-of-the-drill');
  });

  it('what is in a Secret is in no file of etcd, nor in the audit log', async () => {
    for (const host of CONTROL_PLANES) {
      const found = (word: string, places: string): Promise<string> => onHost(lab, host, `grep -rlaF -e ${word} -e ${Buffer.from(word).toString('base64')} ${places} | wc -l`);
      expect(await found('hidden-word-of-the-drill', '/var/lib/etcd /var/log/kubernetes')).toBe('0');
      // The same search finds what nobody encrypts.
      expect(await found('plain-word-of-the-drill', '/var/lib/etcd')).not.toBe('0');
      expect(await onHost(lab, host, 'grep -c . /var/log/kubernetes/audit/audit.log')).not.toBe('0');
    }
  });

  it('a changed option reaches the API servers, one after another', async () => {
    const changed = { extraVars: { kubernetes_audit_max_backups: 20, kubernetes_api_extra_names: ['api.drill.example', '192.0.2.7'] } };
    const made = await run(changed);
    expect([troubles(made), made.status]).toEqual(['', 0]);
    for (const host of CONTROL_PLANES) expect(await onHost(lab, host, "tr '\\0' '\\n' <\"/proc/$(pgrep -x kube-apiserver)/cmdline\" | grep maxbackup")).toBe('--audit-log-maxbackup=20');
    for (const host of CONTROL_PLANES) expect(await onHost(lab, host, 'openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -checkhost api.drill.example -checkip 192.0.2.7')).not.toContain('NOT');
    expect(changes(await run(changed))).toEqual([]);
    const back = await run();
    expect([troubles(back), back.status]).toEqual(['', 0]);
  });

  it('is written to while a control plane is lost, without a gap of 15 seconds; apply goes on with the others', async () => {
    const writer = await startWriter(lab, 'a1', 'b2', 60);
    await eventually(() => writer.times.length > 20, 30_000, () => 'nothing is written');
    const a2 = await labPower('a2', labHost(lab, 'a2').address);
    await a2.cut();
    await writer.ended;
    console.log(`a control plane cut off: ${String(writer.times.length)} writes, longest gap ${longestGap(writer.times).toFixed(2)} s`);
    expect(writer.times.length).toBeGreaterThan(100);
    expect(longestGap(writer.times)).toBeLessThan(15);
    const without = await run();
    expect([without.status, changes(without)]).toEqual([4, []]);
    expect(troubleOf(without, 'a2')).toContain('unreachable');
    await a2.on();
    await eventually(() => isReady('a2'), 240_000, () => 'a2 does not come back');
  });

  it('a host that lost all it had is refused, and joins as a new one when it is said that it was reinstalled', async () => {
    execFileSync('docker', ['rm', '--force', '--volumes', `${lab.state.name}.a2`], { stdio: 'ignore' });
    lab = await labUp({ ...ownLab('kubernetes'), hosts: hostSpecs(HOSTS) });
    await prepareHosts(lab, ['a2']);
    const refused = await run();
    expect(refused.status).toBe(3);
    expect(troubleOf(refused, 'a2')).toContain('the cluster has a node a2');
    const replaced = await run({ extraVars: { kubernetes_replace: 'a2' } });
    expect([troubles(replaced), replaced.status]).toEqual(['', 0]);
    expect((await onHost(lab, 'b1', 'care-kubernetes-etcdctl member list')).split('\n')).toHaveLength(3);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });

  it('certificates are made anew, one control plane after another', async () => {
    const serial = (host: string): Promise<string> => onHost(lab, host, 'openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -serial');
    const before = await Promise.all(CONTROL_PLANES.map(serial));
    const renewed = await project.run({ playbooks: [book('kubernetes-certs-renew.yml')] });
    expect([troubles(renewed), renewed.status]).toEqual(['', 0]);
    const after = await Promise.all(CONTROL_PLANES.map(serial));
    expect(after.filter((each, i) => each === before[i])).toEqual([]);
  });

  it('etcd is backed up with the keys, for somebody elsewhere, who can read it', async () => {
    const identity = await generateIdentity();
    const recipient = await identityToRecipient(identity);
    const backup = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [book('kubernetes-backup.yml')], extraVars: { etcd_backup_recipients: [recipient] }, ...options });
    const made = await backup();
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const verified = await backup({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    const inside = await onHost(lab, 'a1', `cd /var/lib/kubernetes-backups && printf '%s\\n' '${identity}' >/root/identity && age -d -i /root/identity "$(ls *.tar.age | tail -n 1)" | tar -tf -; rm /root/identity`);
    expect(inside.split('\n').sort()).toEqual(['./', './kubernetes.tar', './snapshot.db', './snapshot.json']);
  });

  it('a worker leaves the cluster, and nothing of it stays on the host', async () => {
    const left = await project.run({ playbooks: [book('kubernetes-node-remove.yml')], extraVars: { kubernetes_remove: 'b2' } });
    expect([troubles(left), left.status]).toEqual(['', 0]);
    expect(await kubectl(lab, 'a1', 'get nodes -o name')).toBe('node/a1\nnode/a2\nnode/b1');
    expect(await onHost(lab, 'b2', 'ls /etc/kubernetes/kubelet.conf 2>&1 || true; systemctl is-active kubelet || true')).toMatch(/No such file[^]*inactive/);
  });
});
