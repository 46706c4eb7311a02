/** From which version to which role kubernetes goes, and the steps on one node, with stand-ins for kubeadm and kubectl; the drill upgrades a real cluster. */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { testProject } from '../run/support.ts';
import { kubernetesProgram, SHELLS, type Programs } from './support/kubernetes-programs.ts';

let its: Programs | undefined;
afterEach(() => { its?.remove(); });

describe('from which version to which', () => {
  const MAY = [['1.36.3', '1.37.2'], ['1.36.3', '1.36.4'], ['1.37.2', '1.37.2'], ['1.9.1', '1.10.0']] as const;
  const MAY_NOT = [['1.36.3', '1.38.0', 'the newest 1.37'], ['1.37.2', '1.36.3', 'never back'], ['1.36.3', '1.36.2', 'never back']] as const;
  const nameOf = (from: string, to: string): string => `from-${from}-to-${to}`;
  const asserted = new Map<string, { readonly status: string; readonly error: string }>();

  // Of one run, whose hosts each stand for a case.
  beforeAll(async () => {
    const project = testProject({
      'inventory.yml': JSON.stringify({ all: { vars: { ansible_connection: 'local', kubernetes_encryption_keys: [] }, children: { kube_control_plane: { hosts: Object.fromEntries([...MAY, ...MAY_NOT].map(([from, to]) => [nameOf(from, to), { kubernetes_version: to, kubernetes_from: from }])) } } } }),
      'playbook.yml': '- hosts: kube_control_plane\n  tasks:\n    - include_role: { name: kubernetes, tasks_from: upgrade_allowed }\n',
    });
    const { events } = await project.run();
    project.remove();
    for (const event of events) if (event.type === 'task' && event.task === 'one minor version at a time') asserted.set(event.host, { status: event.status, error: event.error ?? '' });
  }, 60_000);

  test.each(MAY)('%s may go to %s', (from, to) => {
    expect(asserted.get(nameOf(from, to))).toEqual({ status: 'ok', error: '' });
  });

  test.each(MAY_NOT)('%s may not go to %s', (from, to, told) => {
    expect(asserted.get(nameOf(from, to))).toMatchObject({ status: 'failed', error: expect.stringContaining(told) as string });
  });
});

describe.each(SHELLS)('care-kubernetes-upgrade, %s', (_name, shell) => {
  /** A control plane of 1.36.3 in a cluster whose configuration says so, or another version. */
  function plane(ofCluster: string, closed = ''): Programs {
    const made = kubernetesProgram('care-kubernetes-upgrade', 60);
    its = made;
    mkdirSync(path.join(made.directory, 'bin'));
    for (const each of ['init', 'cluster', 'kubelet', 'upgrade']) made.file(`etc/kubeadm/${each}.yaml`, 'a: b');
    for (const each of ['admission', 'audit', 'event-rate-limit', 'pod-security']) made.file(`etc/policies/${each}.yaml`, 'a: b');
    made.file('etc/manifests/etcd.yaml', 'x');
    for (const each of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) made.file(`etc/manifests/${each}.yaml`, `    image: registry.k8s.io/${each}:v1.36.3\n`);
    made.file('kubelet/config.yaml', 'x');
    for (const each of ['kubelet', 'kubectl']) made.file(`new/${each}`, 'x');
    const call = `echo "\${0##*/} $1 $2 $3" >>'${made.directory}/calls'`;
    made.program('new/kubeadm', `${call}\nsed -i 's/v1.36.3/v1.37.2/' '${made.directory}'/etc/manifests/kube-*.yaml`);
    made.program('kubeadm', call);
    made.program('systemctl', call);
    made.program('etcdctl', 'exit 0');
    made.program('curl', 'printf ok');
    made.program('crictl', 'echo container1');
    made.program('kubectl', `while case $1 in --*) true ;; *) false ;; esac; do shift 2; done
case "$*" in
  *kubeadm-config*) echo 'kubernetesVersion: v${ofCluster}' ;;
  *spec.unschedulable*) echo '${closed}' ;;
  *annotations*) cat '${made.directory}/mark' 2>/dev/null || true ;;
  *nodeInfo*) echo 'v1.37.2 True' ;;
  'get --raw /version') echo '"gitVersion": "v1.37.2"' ;;
  annotate*) echo "$*" >>'${made.directory}/calls'; case "$*" in *-) rm '${made.directory}/mark' ;; *) echo 1.37.2 >'${made.directory}/mark' ;; esac ;;
  drain*|uncordon*) echo "$1 $2" >>'${made.directory}/calls' ;;
esac`);
    return made;
  }
  const calls = (of: Programs): readonly string[] => of.read('calls').trim().split('\n');

  test('kubeadm makes its copy of the former kubelet configuration in another second than before, for it ends when there is one', async () => {
    const made = plane('1.37.2');
    made.program('sleep', `echo >>'${made.directory}/clock'`);
    made.file('clock', '');
    const copy = `mkdir "${made.directory}/copy-$(wc -l <'${made.directory}/clock')"`;
    made.program('new/kubeadm', `sed -i 's/v1.36.3/v1.37.2/' '${made.directory}'/etc/manifests/kube-*.yaml\n${copy}`);
    made.program('kubeadm', `case "$1 $2 $3" in 'upgrade node phase') ${copy} ;; esac`);
    expect(await made.run(shell, ['step'])).toMatchObject({ status: 0, stderr: '' });
  });

  test('the first control plane takes the cluster to the version, the others follow it', async () => {
    const first = plane('1.36.3');
    expect(await first.run(shell, ['step'])).toMatchObject({ status: 0, stderr: '' });
    expect(calls(first)[0]).toBe('kubeadm upgrade apply --yes');
    first.remove();
    const second = plane('1.37.2');
    expect(await second.run(shell, ['step'])).toMatchObject({ status: 0, stderr: '' });
    expect(calls(second)[0]).toBe('kubeadm upgrade node --config');
    expect(existsSync(path.join(second.directory, 'etc/kubeadm/upgrading'))).toBe(false);
  });

  test('says whether it is done', async () => {
    const node = plane('1.36.3');
    symlinkSync(path.join(node.directory, 'new/kubelet'), path.join(node.directory, 'bin/kubelet'));
    expect(await node.run(shell, ['done'])).toMatchObject({ status: 1, stderr: 'kube-apiserver is 1.36.3\n' });
    await node.run(shell, ['step']);
    expect(await node.run(shell, ['done'])).toMatchObject({ status: 0 });
    node.file('etc/kubeadm/upgrading', '');
    expect(await node.run(shell, ['done'])).toMatchObject({ status: 1, stderr: 'an upgrade was begun here\n' });
  });

  test('opens a node that it has closed, and leaves one that a person has', async () => {
    const node = plane('1.36.3');
    await node.run(shell, ['empty', 'w1']);
    expect(await node.run(shell, ['open', 'w1'])).toMatchObject({ status: 0 });
    expect(calls(node)).toEqual(['annotate node w1 care-provision/upgrading=1.37.2 --overwrite', 'drain w1', 'uncordon w1', 'annotate node w1 care-provision/upgrading-']);
    node.remove();
    const closed = plane('1.36.3', 'true');
    await closed.run(shell, ['empty', 'w1']);
    expect(await closed.run(shell, ['open', 'w1'])).toMatchObject({ status: 0 });
    expect(calls(closed)).toEqual(['drain w1']);
  });

  test('opens it also when the API is silent for a moment', async () => {
    const node = plane('1.36.3');
    await node.run(shell, ['empty', 'w1']);
    node.program('kubectl', node.read('kubectl').replace(/^#!.*\n/, '').replace('drain*|uncordon*)', `uncordon*) if [ ! -e '${node.directory}/asked' ]; then : >'${node.directory}/asked'; echo 'connection refused' >&2; exit 1; fi; echo "$1 $2" >>'${node.directory}/calls' ;;\n  drain*)`));
    expect(await node.run(shell, ['open', 'w1'])).toMatchObject({ status: 0, stderr: '' });
    expect([existsSync(path.join(node.directory, 'asked')), calls(node).slice(-2)]).toEqual([true, ['uncordon w1', 'annotate node w1 care-provision/upgrading-']]);
    node.program('kubectl', node.read('kubectl').replace(/^#!.*\n/, '').replace('uncordon*) if', 'uncordon*) echo refused for good >&2; exit 1; if'));
    await node.run(shell, ['empty', 'w1']);
    expect(await node.run(shell, ['open', 'w1'])).toMatchObject({ status: 1, stderr: expect.stringMatching(/refused for good\nnode w1 stays closed/) as string });
  }, 30_000);

  test('a step is not over while the new kubelet makes the API server anew', async () => {
    const node = plane('1.36.3');
    node.program('crictl', `case "$*" in ps*) n=$(cat '${node.directory}/n' 2>/dev/null || echo 0); echo $((n + 1)) >'${node.directory}/n'; if [ "$n" -lt 3 ]; then echo "container$n"; else echo last; fi ;; esac`);
    expect(await node.run(shell, ['step'])).toMatchObject({ status: 0, stderr: '' });
    expect(Number(node.read('n'))).toBeGreaterThanOrEqual(5);
    node.program('crictl', `case "$*" in ps*) date +%N ;; esac`);
    expect(await node.run(shell, ['step'])).toMatchObject({ status: 1, stderr: expect.stringContaining('was made anew just now') as string });
    expect(existsSync(path.join(node.directory, 'etc/kubeadm/upgrading'))).toBe(true);
  }, 30_000);

  test('touches nothing while a write does not go through', async () => {
    const node = plane('1.36.3');
    node.program('etcdctl', 'echo "no leader" >&2; exit 1');
    expect(await node.run(shell, ['empty', 'w1'])).toMatchObject({ status: 1, stderr: expect.stringContaining('w1 is left as it is') as string });
    expect(await node.run(shell, ['step'])).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing is upgraded here') as string });
    expect(existsSync(path.join(node.directory, 'calls'))).toBe(false);
  }, 30_000);
});
