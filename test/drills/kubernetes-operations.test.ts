/**
 * What may happen to a Kubernetes cluster in years: keys change, balancers and control planes die, certificates end, versions go by, and all control
 * planes are lost. Each with the longest time without a write. Skipped, by name, where the artefacts are not in the cache. Three quarters of an hour or so.
 */
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
import { copiesTo, OF_PEOPLE, STORE_PORT, storeIsThere, storePlaybook } from './support/backup-store.ts';
import { hostSpecs, kubectl, missing, missingNext, NEXT_VERSION, prepareHosts, VERSION, writeInventory } from './support/kubernetes-lab.ts';
import { longestGap, startWriter } from './support/kubernetes-writer.ts';

const CONTROL_PLANES = ['a1', 'a2', 'b1'] as const;
const HOSTS = [...CONTROL_PLANES, 'b2'];
/** It outlives the control planes. */
const STORE = 'b2';
const CLUSTER = { controlPlanes: CONTROL_PLANES, workers: ['b2'], vars: { base_firewall_allow: [{ port: String(STORE_PORT), comment: 'object storage of the drill' }] } };
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
const SECRET = (text: string): string => `{{ secret "${Buffer.from(text).toString('base64')}" }}`;
const KEY1 = { name: 'key1', key: SECRET('the key of a drill, 32 bytes ---') };
const KEY2 = { name: 'key2', key: SECRET('another key of it, 32 bytes ----') };

let lab: Lab;
let project: LabProject;
let identity = '';
let recipient = '';
/** What later steps go on with. */
let keys = [KEY1];

const run = (playbooks: readonly string[], extraVars: Readonly<Record<string, unknown>> = {}, options: Partial<RunOptions> = {}): Promise<Result> =>
  project.run({ playbooks: playbooks.map(book), extraVars: { kubernetes_encryption_keys: keys, etcd_backup_recipients: [recipient], ...extraVars }, ...options });
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
/** What the control plane says that answers first: the others are not asked any more. */
const refusalOf = (result: Result): string => CONTROL_PLANES.map((name) => troubleOf(result, name)).find((trouble) => trouble !== '') ?? '';
const well = async (result: Result): Promise<void> => {
  expect([troubles(result), result.status]).toEqual(['', 0]);
  for (const host of CONTROL_PLANES) await eventually(() => onHost(lab, host, 'care-kubeadm well').then(() => true, () => false), 120_000, () => `${host} is not well`);
};
/** What there is, and that it is still the same: an object that was made anew has another UID. */
const uids = (host: string): Promise<string> => kubectl(lab, host, "get namespaces,secrets,serviceaccounts,deployments -A -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}={.metadata.uid}{\"\\n\"}{end}' | sort");
const report = (what: string, times: readonly number[]): void => { console.log(`${what}: ${String(times.length)} writes, longest gap ${longestGap(times).toFixed(2)} s`); };
/** Other machines of the same names and addresses, with nothing on them. */
const renew = async (hosts: readonly string[]): Promise<void> => {
  for (const host of hosts) execFileSync('docker', ['rm', '--force', '--volumes', `${lab.state.name}.${host}`], { stdio: 'ignore' });
  lab = await labUp({ ...ownLab('kube-ops'), hosts: hostSpecs(HOSTS) });
  await prepareHosts(lab, hosts);
};
const power = (host: string): ReturnType<typeof labPower> => labPower(host, labHost(lab, host).address);

describe.skipIf(missing.length > 0)(`operations of kubernetes ${VERSION}${missing.length > 0 ? ` (not in the artefact cache: ${missing.join(', ')})` : ''}`, () => {
  beforeAll(async () => {
    identity = await generateIdentity();
    recipient = await identityToRecipient(identity);
    lab = await labUp({ ...ownLab('kube-ops'), hosts: hostSpecs(HOSTS) });
    project = labProject({});
    writeInventory(project, lab, CLUSTER);
    await prepareHosts(lab, HOSTS);
    await well(await run(['base.yml', 'kubernetes.yml']));
  }, 1_800_000);
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('kube-ops'));
  });

  it('keys of Secrets change, and no Secret needs the former one', async () => {
    await kubectl(lab, 'a1', '-n default create secret generic word --from-literal word=kept');
    const inEtcd = (): Promise<string> => onHost(lab, 'a1', 'care-kubernetes-etcdctl get /registry/secrets/default/word --print-value-only | head -c 30');
    expect(await inEtcd()).toContain('k8s:enc:secretbox:v1:key1:');
    keys = [KEY2, KEY1];
    const refused = await run(['kubernetes.yml']);
    expect([refused.status, troubleOf(refused, 'a1')]).toEqual([3, expect.stringContaining('kubernetes-encryption-rotate.yml') as string]);
    await well(await run(['kubernetes-encryption-rotate.yml']));
    expect(await inEtcd()).toContain('k8s:enc:secretbox:v1:key2:');
    keys = [KEY2];
    await well(await run(['kubernetes-encryption-rotate.yml']));
    expect(await onHost(lab, 'b1', 'grep -c key1 /etc/kubernetes/policies/encryption.yaml || true')).toBe('0');
    expect(await kubectl(lab, 'b1', "-n default get secret word -o 'jsonpath={.data.word}'")).toBe(Buffer.from('kept').toString('base64'));
    expect((await run(['kubernetes.yml'])).status).toBe(0);
  });

  it('a balancer that is killed is back within seconds', async () => {
    const writer = await startWriter(lab, 'a1', 'b2', 20);
    await eventually(() => writer.times.length > 20, 20_000, () => 'nothing is written');
    await onHost(lab, 'b2', 'kill -9 $(systemctl show --value -p MainPID care-kubernetes-api-lb.service)');
    await writer.ended;
    report('the balancer of a node killed', writer.times);
    expect(longestGap(writer.times)).toBeLessThan(8);
  });

  it('with two of three control planes dead nothing is written; with them it is again, and nothing is lost', async () => {
    const writer = await startWriter(lab, 'a1', 'b2', 180);
    await eventually(() => writer.times.length > 20, 30_000, () => 'nothing is written');
    const before = await uids('a1');
    const powers = [await power('a2'), await power('b1')];
    await Promise.all(powers.map((each) => each.cut()));
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    const last = writer.times.length;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(writer.times.length).toBe(last);
    const on = Date.now() / 1000;
    await Promise.all(powers.map((each) => each.on()));
    await eventually(() => writer.times.length > last + 20, 150_000, () => 'nothing is written again').finally(() => writer.stop());
    console.log(`two of three control planes dead for 25 s: ${String(writer.times.length)} writes, written again ${((writer.times[last] ?? Infinity) - on).toFixed(1)} s after they were on`);
    expect(writer.times.length).toBeGreaterThan(last + 20);
    await eventually(() => onHost(lab, 'a1', 'care-kubeadm well').then(() => true, () => false), 180_000, () => 'the control plane does not get well');
    expect((await uids('a1')).split('\n')).toEqual(expect.arrayContaining(before.split('\n').filter((each) => !/^Secret\/kube-system\/bootstrap-token/.test(each))));
  });

  it('certificates that have ended everywhere are renewed, kubelets’ logins too', async () => {
    for (const host of CONTROL_PLANES) {
      await onHost(lab, host, `cd /etc/kubernetes/kubeadm && { cat init.yaml; echo ---; sed 's/^kind: ClusterConfiguration/&\\ncertificateValidityPeriod: 1m0s/' cluster.yaml; echo ---; cat kubelet.yaml; } >/run/short.yaml && kubeadm certs renew all --config /run/short.yaml`);
    }
    for (const host of HOSTS) {
      const pair = await onHost(lab, 'a1', `cd /run && umask 077 && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k.pem -out r.pem -subj '/O=system:nodes/CN=system:node:${host}' 2>/dev/null && openssl x509 -req -in r.pem -CA /etc/kubernetes/pki/ca.crt -CAkey /etc/kubernetes/pki/ca.key -not_before 20260101000000Z -not_after 20260102000000Z 2>/dev/null && cat k.pem && rm k.pem r.pem`);
      await onHost(lab, host, `systemctl stop kubelet && rm -f /var/lib/kubelet/pki/kubelet-client-* && umask 077 && printf '%s\\n' '${pair}' >/var/lib/kubelet/pki/kubelet-client-current.pem`);
    }
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    for (const host of CONTROL_PLANES) await onHost(lab, host, 'crictl stop --timeout 5 $(crictl ps -q --name "etcd|kube-apiserver") >/dev/null; systemctl start kubelet || true');
    expect(await onHost(lab, 'a1', 'care-kubernetes-certs fresh 0 2>&1 || true')).toContain('ends in less than 0 days');
    await expect(onHost(lab, 'a1', 'care-kubeadm well')).rejects.toThrow();
    const silent = await run(['kubernetes-etcd-restore.yml'], { kubernetes_restore_backup: path.join(project.dir, 'any.tar.age'), kubernetes_restore_identity: '{{ secret "any" }}', kubernetes_restore_confirm: 'care' });
    expect([silent.status, refusalOf(silent)]).toEqual([3, expect.stringContaining('has ended: playbooks/kubernetes-certs-renew.yml first') as string]);
    const began = Date.now();
    await well(await run(['kubernetes-certs-renew.yml']));
    console.log(`certificates that had ended on three control planes and a worker renewed in ${((Date.now() - began) / 1000).toFixed(0)} s`);
    await eventually(async () => (await kubectl(lab, 'a1', "get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status}'")) === 'True True True True', 120_000, () => 'nodes are not ready');
    await well(await run(['kubernetes.yml']));
  });

  it.skipIf(missingNext.length > 0)(`goes to ${NEXT_VERSION}${missingNext.length > 0 ? ` (not in the artefact cache: ${missingNext.join(', ')})` : ''} while it is written to, and keeps patches`, async () => {
    for (const host of HOSTS) await onHost(lab, host, "printf 'maxPods: 77\\n' >/etc/kubernetes/patches/kubeletconfiguration+strategic.yaml");
    writeInventory(project, lab, CLUSTER, NEXT_VERSION);
    const refused = await run(['kubernetes.yml']);
    expect([refused.status, troubleOf(refused, 'a1')]).toEqual([3, expect.stringContaining('playbooks/kubernetes-upgrade.yml') as string]);
    const writer = await startWriter(lab, 'a1', 'b2', 1500);
    const began = Date.now();
    await well(await run(['kubernetes-upgrade.yml'])).finally(() => writer.stop());
    console.log(`an upgrade of three control planes and a worker took ${((Date.now() - began) / 1000).toFixed(0)} s`);
    report(`from ${VERSION} to ${NEXT_VERSION}`, writer.times);
    expect(await kubectl(lab, 'b1', "get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}'")).toBe(HOSTS.map(() => `v${NEXT_VERSION}`).join(' '));
    expect(await kubectl(lab, 'b1', "get nodes -o 'jsonpath={.items[*].spec.unschedulable}'")).toBe('');
    for (const host of HOSTS) expect(await onHost(lab, host, 'grep maxPods /var/lib/kubelet/config.yaml')).toBe('maxPods: 77');
    const after = await run(['base.yml', 'kubernetes.yml']);
    expect([troubles(after), after.summary?.total.changed]).toEqual(['', 0]);
    const verified = await run(['base.yml', 'kubernetes.yml'], {}, { mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  }, 1_800_000);

  it('the first control plane comes back empty: refused until it is said that it was replaced, then it joins as a new one under a writing client', async () => {
    const peer = async (): Promise<string> => (await onHost(lab, 'b1', "care-kubernetes-etcdctl member list | awk -F ', ' '$3 == \"a1\" { print $1 }'"));
    const former = await peer();
    const uid = (): Promise<string> => kubectl(lab, 'b1', "get node a1 -o 'jsonpath={.metadata.uid}'");
    const formerNode = await uid();
    const living = await run(['kubernetes-node-replace.yml'], { kubernetes_replace: 'a1' });
    expect([living.status, troubleOf(living, 'a1')]).toEqual([3, expect.stringContaining('is still one of the cluster') as string]);
    expect([await peer(), await uid()]).toEqual([former, formerNode]);
    const writer = await startWriter(lab, 'b1', 'b2', 1500);
    try {
      await renew(['a1']);
      const refused = await run(['base.yml', 'kubernetes.yml']);
      expect([refused.status, troubleOf(refused, 'a1')]).toEqual([3, expect.stringContaining('kubernetes_replace=a1') as string]);
      expect([await peer(), await uid()]).toEqual([former, formerNode]);
      const began = Date.now();
      await well(await run(['kubernetes-node-replace.yml'], { kubernetes_replace: 'a1' }));
      console.log(`the first control plane replaced in ${((Date.now() - began) / 1000).toFixed(0)} s`);
    } finally {
      await writer.stop();
    }
    report('the first control plane lost and replaced', writer.times);
    expect(longestGap(writer.times)).toBeLessThan(15);
    expect(await peer()).toMatch(/^[0-9a-f]+$/);
    expect([await peer() === former, await uid() === formerNode]).toEqual([false, false]);
    expect((await onHost(lab, 'b1', 'care-kubernetes-etcdctl member list')).split('\n')).toHaveLength(3);
    const verified = await run(['base.yml', 'kubernetes.yml'], {}, { mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });

  /** A backup that is of now: where it can be restored from, and the playbooks and variables for that. */
  async function backUp(): Promise<{ readonly books: readonly string[]; readonly vars: Readonly<Record<string, unknown>>; readonly from: string }> {
    if (!storeIsThere) {
      await well(await run(['kubernetes-backup.yml']));
      await onHost(lab, 'a1', 'care-kubernetes-backup');
      const archive = path.join(project.dir, 'backup.tar.age');
      execFileSync('docker', ['cp', '--quiet', `${lab.state.name}.a1:${await onHost(lab, 'a1', 'ls /var/lib/kubernetes-backups/*.tar.age | tail -n 1')}`, archive]);
      return { books: ['base.yml'], vars: {}, from: archive };
    }
    const { address } = labHost(lab, STORE);
    const vars = { ...copiesTo(address), pki_host_extra_names: [`IP:${address}`] };
    await well(await run(['pki.yml'], vars));
    project.write('store.yml', storePlaybook(STORE));
    const store = await project.run({ playbooks: [path.join(project.dir, 'store.yml')] });
    expect([troubleOf(store, STORE), store.status]).toEqual(['', 0]);
    await well(await run(['kubernetes-backup.yml'], vars));
    await onHost(lab, 'a1', 'care-kubernetes-backup');
    for (const host of CONTROL_PLANES) expect(await onHost(lab, host, 'care-s3-copy newest kubernetes-backup')).toMatch(/^\d+ care-\S+\.tar\.age$/);
    // The hosts' account may not list: nobody can tell by it which is the newest.
    return { books: ['base.yml', 'pki.yml'], vars: { ...vars, ...OF_PEOPLE }, from: 's3:newest' };
  }

  it(`all control planes are lost, and come back on new machines from ${storeIsThere ? 'the newest copy of a backup in object storage' : 'a backup (its copy, where minio is in the artefact cache)'}, with what was in it`, async () => {
    const { books, vars, from } = await backUp();
    const before = await uids('a1');
    const restore = { ...vars, kubernetes_restore_backup: from, kubernetes_restore_identity: `{{ secret "${identity}" }}`, kubernetes_restore_confirm: 'care' };
    const alive = await run(['kubernetes-etcd-restore.yml'], restore);
    expect([alive.status, refusalOf(alive)]).toEqual([3, expect.stringContaining('this cluster lives') as string]);
    await renew(CONTROL_PLANES);
    const began = Date.now();
    await well(await run([...books, 'kubernetes-etcd-restore.yml'], restore));
    console.log(`all control planes restored on new machines in ${((Date.now() - began) / 1000).toFixed(0)} s`);
    const after = (await uids('a2')).split('\n');
    expect(before.split('\n').filter((each) => !after.includes(each) && !/^Secret\/kube-system\/(bootstrap-token|kubeadm-certs)/.test(each))).toEqual([]);
    // New machines have no timer of backups yet.
    await well(await run(['kubernetes-backup.yml'], vars));
    for (const host of CONTROL_PLANES) expect(await onHost(lab, host, 'systemctl is-active care-kubernetes-backup.timer')).toBe('active');
    expect(await kubectl(lab, 'b1', "-n default get secret word -o 'jsonpath={.data.word}'")).toBe(Buffer.from('kept').toString('base64'));
    expect((await onHost(lab, 'b1', 'care-kubernetes-etcdctl member list')).split('\n')).toHaveLength(3);
    const verified = await run(['base.yml', 'kubernetes.yml'], {}, { mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });
});
