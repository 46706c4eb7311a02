/** Whom and what the program of role kubernetes takes away, with stand-ins for etcdctl, kubectl and kubeadm; the drill does it with a real cluster. */
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENDED_CERTIFICATE, validCertificate } from './support/certificates.ts';
import { kubernetesProgram, SHELLS, type Programs } from './support/kubernetes-programs.ts';

const MEMBERS = ['a1, started, k1, https://192.0.2.11:2380, https://192.0.2.11:2379, false', 'b2, started, k2, https://192.0.2.12:2380, https://192.0.2.12:2379, false', 'c3, started, k3, https://192.0.2.13:2380, https://192.0.2.13:2379, false'];
const SILENT = 'echo "context deadline exceeded" >&2; exit 1';
const NOT_FOUND = 'echo "Error from server (NotFound): nodes \\"$3\\" not found" >&2; exit 1';
const TICKET = 'token abc\nca Y2E=\n';

const ETCD = ['spec:', '  containers:', '  - command:', '    - etcd', '    - --advertise-client-urls=https://192.0.2.11:2379', '    - --election-timeout=1000', '    - --heartbeat-interval=100', '    - --initial-cluster=k1=https://192.0.2.11:2380,k2=https://192.0.2.12:2380', '    - --initial-cluster-state=existing', '    image: etcd', ''];
const CLUSTER = ['apiServer:', '  certSANs:', '    - api.internal', '  extraArgs:', '    - { name: profiling, value: "false" }', 'etcd:', '  local:', '    extraArgs:', '      - { name: heartbeat-interval, value: "300" }', '      - { name: election-timeout, value: "3000" }', '      - { name: quota-backend-bytes, value: "8" }', '---', 'kind: KubeProxyConfiguration', ''];

let its: Programs;
beforeEach(() => { its = kubernetesProgram('care-kubeadm'); });
afterEach(() => { its.remove(); });

interface Cluster {
  /** What `etcdctl member list` and `kubectl get node` do; by default three members, and the node is there but not ready. */
  readonly list?: string;
  readonly node?: string;
  readonly members?: readonly string[];
  /** Members that do not answer, by their addresses. */
  readonly ill?: readonly string[];
}
const there = (name: string): boolean => existsSync(path.join(its.directory, name));
const notes = (name: string): readonly string[] => (there(name) ? its.read(name).trim().split('\n') : []);

function cluster({ list = `cat '${its.directory}/members'`, node = 'echo False', members = MEMBERS, ill = [] }: Cluster): void {
  its.file('members', `${members.join('\n')}\n`);
  its.program('etcdctl', `case "$*" in 'member list') ${list} ;; 'member remove '*) echo "member $3" >>'${its.directory}/removed' ;; *health*) case "$*" in ${ill.map((each) => `*${each}*) exit 1 ;; `).join('')}*--cluster*) exit ${ill.length > 0 ? '1' : '0'} ;; esac ;; esac`);
  its.program('kubectl', `while case $1 in --*) true ;; *) false ;; esac; do shift 2; done\ncase "$1 $2" in 'get node') ${node} ;; 'delete node') echo "node $3" >>'${its.directory}/removed' ;; esac`);
  its.program('systemctl', `echo "$*" >>'${its.directory}/units'`);
  its.program('kubeadm', `echo "$*" >>'${its.directory}/kubeadm-calls'`);
}

/** What a control plane is made of. */
function configured(): void {
  for (const each of ['init', 'kubelet']) its.file(`etc/kubeadm/${each}.yaml`, 'a: b');
  its.file('etc/kubeadm/cluster.yaml', CLUSTER.join('\n'));
  for (const each of ['admission', 'audit', 'event-rate-limit', 'pod-security']) its.file(`etc/policies/${each}.yaml`, 'a: b');
  for (const each of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) its.file(`etc/manifests/${each}.yaml`, each);
  its.file('etc/manifests/etcd.yaml', ETCD.join('\n'));
}

describe.each(SHELLS)('care-kubeadm remove, %s', (_name, shell) => {
  const remove = async (told: Cluster): Promise<unknown> => {
    cluster(told);
    return { ...(await its.run(shell, ['remove', 'k3'])), removed: notes('removed') };
  };

  test('takes the member and the node', async () => {
    expect(await remove({})).toMatchObject({ status: 0, removed: ['member c3', 'node k3'] });
  });

  test('takes the member alone when there is no such node any more', async () => {
    expect(await remove({ node: NOT_FOUND })).toMatchObject({ status: 0, removed: ['member c3'] });
  });

  test('takes a member that was added and has never started, which has no name yet', async () => {
    expect(await remove({ node: NOT_FOUND, members: [...MEMBERS.slice(0, 2), 'c3, unstarted, , https://192.0.2.13:2380, , true'] })).toMatchObject({ status: 0, removed: ['member c3'] });
  });

  test('never calls a node gone when etcd or the API has not answered', async () => {
    expect(await remove({ list: SILENT })).toMatchObject({ status: 1, removed: [], stderr: expect.stringContaining('the members of etcd: context deadline exceeded') as string });
    expect(await remove({ node: SILENT })).toMatchObject({ status: 1, removed: [], stderr: expect.stringContaining('node k3: context deadline exceeded') as string });
  });

  test('keeps a member that the others cannot spare', async () => {
    expect(await remove({ ill: ['192.0.2.12'] })).toMatchObject({ status: 1, removed: [], stderr: expect.stringContaining('only 1 of the 2 other members of etcd are well') as string });
  });
});

describe.each(SHELLS)('care-kubeadm ticket --replace, %s', (_name, shell) => {
  test('keeps a member that the others cannot spare, too', async () => {
    cluster({ ill: ['192.0.2.12'] });
    expect(await its.run(shell, ['ticket', 'control-plane', 'k3', '--replace'])).toMatchObject({ status: 1, stderr: expect.stringContaining('without k3 there would be no majority') as string });
    expect(notes('removed')).toEqual([]);
  });
});

describe.each(SHELLS)('care-kubeadm ticket in the middle of an upgrade, %s', (_name, shell) => {
  /** What k1 and k2 run, asked for k3 in 1.37.2; k3 is of an earlier life. */
  const ticket = async (k1: string, k2: string, ...words: readonly string[]): Promise<unknown> => {
    cluster({ node: NOT_FOUND, members: MEMBERS.slice(0, 2) });
    its.file('etc/pki/ca.crt', 'ca');
    const text = its.read('kubectl').replace("case \"$1 $2\" in ", `case "$1 $2" in 'get nodes') printf 'k1 ${k1}\\nk2 ${k2}\\nk3 v1.36.3\\n' ;; `);
    its.program('kubectl', text.split('\n').slice(1).join('\n'));
    its.program('kubeadm', 'echo abc.def');
    return its.run(shell, ['ticket', 'node', 'k3', ...words]);
  };

  test('is refused while a control plane is left behind, before anything of the former node is taken away', async () => {
    expect(await ticket('v1.37.2', 'v1.36.3', '--replace')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('k2 runs v1.36.3, and k3 would join in v1.37.2: end the upgrade first') as string });
    expect(notes('removed')).toEqual([]);
  });

  test('is given when all have come as far, and in a cluster that was restored', async () => {
    expect(await ticket('v1.37.2', 'v1.37.2')).toMatchObject({ status: 0, stdout: expect.stringContaining('token abc.def\n') as string });
    expect(await ticket('v1.37.2', 'v1.36.3', '--restored')).toMatchObject({ status: 0 });
  });
});

describe.each(SHELLS)('care-kubeadm lives, %s', (_name, shell) => {
  /** Of three members k3 is ill, so the cluster is not well; writes and reads by the quorum go as told. */
  const lives = async (write: string, quorum: string): Promise<number> => {
    cluster({});
    its.program('etcdctl', `case "$*" in *--cluster*) exit 1 ;; 'endpoint health') ${quorum} ;; esac`);
    its.program('kubectl', `case "$*" in *configmap*) ${write} ;; esac`);
    return (await its.run(shell, ['lives'])).status;
  };

  test('while a write goes through, or a majority of etcd is there, though a member is ill', async () => {
    expect(await lives('exit 0', SILENT)).toBe(0);
    expect(await lives(SILENT, 'exit 0')).toBe(0);
    expect((await its.run(shell, ['well'])).status).toBe(1);
  }, 60_000);

  test('not when neither is so, and no answer is no such answer', async () => {
    expect(await lives(SILENT, SILENT)).toBe(3);
    its.program('flock', 'exit 1');
    expect((await its.run(shell, ['lives'])).status).toBe(1);
  }, 60_000);

  test.each(['apiserver.crt', 'etcd/peer.crt'])('can’t be told when %s has ended: that is silence, no loss', async (name) => {
    its.file('etc/pki/etcd/server.crt', 'no certificate: lost, and no reason to wait for it');
    expect(await lives(SILENT, SILENT)).toBe(3);
    its.file(`etc/pki/${name}`, ENDED_CERTIFICATE);
    expect(await its.run(shell, ['lives'])).toMatchObject({ status: 4, stderr: expect.stringContaining(`${name} has ended: playbooks/kubernetes-certs-renew.yml first`) as string });
    its.file(`etc/pki/${name}`, validCertificate(2));
    expect((await its.run(shell, ['lives'])).status).toBe(3);
  }, 60_000);
});

describe.each(SHELLS)('care-kubeadm in turns, %s', (_name, shell) => {
  test('one that gets no turn leaves the files of the step that runs', async () => {
    cluster({});
    its.program('flock', 'exit 1');
    its.file('run/config.yaml', 'of the step that runs');
    expect(await its.run(shell, ['current'])).toMatchObject({ status: 1, stderr: expect.stringContaining('another step of Kubernetes runs on this node') as string });
    expect(its.read('run/config.yaml')).toBe('of the step that runs');
  });
});

describe.each(SHELLS)('care-kubeadm init and join, %s', (_name, shell) => {
  test('a join that was cut off is no ground for a new cluster over its data', async () => {
    cluster({});
    its.file('etc/kubeadm/unfinished', 'join\n');
    its.file('data/member/wal', 'all there is');
    expect(await its.run(shell, ['init'])).toMatchObject({ status: 1, stderr: expect.stringContaining('is of a cluster that this host was joining') as string });
    expect([there('data/member/wal'), notes('kubeadm-calls')]).toEqual([true, []]);
  });

  test('an init that was cut off is begun anew', async () => {
    cluster({});
    configured();
    its.file('etc/kubeadm/unfinished', 'init\n');
    its.file('data/member/wal', 'half');
    expect(await its.run(shell, ['init'])).toMatchObject({ status: 0 });
    expect(there('data/member')).toBe(false);
    expect(notes('kubeadm-calls').map((call) => call.split(' ')[0])).toEqual(['reset', 'init']);
    expect([there('etc/kubeadm/unfinished'), there('etc/kubeadm/finishing')]).toEqual([false, false]);
  });

  test('data of another life is never joined over', async () => {
    cluster({});
    its.file('data/member/wal', 'somebody else’s');
    expect(await its.run(shell, ['join', 'control-plane'], TICKET)).toMatchObject({ status: 1, stderr: expect.stringContaining('data of another life') as string });
  });

  test('a control plane that kubeadm has made stays joined when it is not well yet, and is finished later', async () => {
    cluster({ ill: ['192.0.2.12'] });
    configured();
    its.file('etc/kubeadm/join.yaml', 'key: @CERTIFICATE_KEY@\n');
    expect(await its.run(shell, ['join', 'control-plane'], TICKET)).toMatchObject({ status: 1, stderr: expect.stringContaining('this control plane is not well') as string });
    expect([there('etc/kubeadm/unfinished'), there('etc/kubeadm/finishing')]).toEqual([false, true]);
    cluster({});
    expect(await its.run(shell, ['finish'])).toMatchObject({ status: 0 });
    expect([there('etc/kubeadm/finishing'), there('etc/kubeadm/applied'), notes('kubeadm-calls').length]).toEqual([false, true, 1]);
  }, 30_000);
});

describe.each(SHELLS)('care-kubeadm reconfigure, %s', (_name, shell) => {
  test('changes the options of a running member of etcd, and nothing else of its manifest', async () => {
    cluster({});
    configured();
    // Each look finds another container.
    its.program('crictl', `case "$*" in ps*) n=$(cat '${its.directory}/n' 2>/dev/null || echo 0); n=$((n + 1)); echo $n >'${its.directory}/n'; echo container$n ;; esac`);
    its.program('openssl', 'echo does match');
    its.program('curl', 'printf ok');
    its.file('kubelet/config.yaml', 'kind: KubeletConfiguration');
    expect(await its.run(shell, ['reconfigure'])).toMatchObject({ status: 0, stderr: '' });
    expect(its.read('etc/manifests/etcd.yaml').split('\n')).toEqual(ETCD.toSpliced(5, 2, '    - --election-timeout=3000', '    - --heartbeat-interval=300').toSpliced(9, 0, '    - --quota-backend-bytes=8'));
    its.file('n', '0');
    const made = its.read('etc/manifests/etcd.yaml');
    expect(await its.run(shell, ['reconfigure'])).toMatchObject({ status: 0 });
    expect(its.read('etc/manifests/etcd.yaml')).toBe(made);
  });
});

describe.each(SHELLS)('care-kubeadm reset, %s', (_name, shell) => {
  test('leaves no key of the cluster, and no timer that would go on failing', async () => {
    cluster({});
    its.file('etc/policies/encryption.yaml', 'a key');
    expect(await its.run(shell, ['reset'])).toMatchObject({ status: 0 });
    expect([there('etc/policies'), there('etc/kubeadm')]).toEqual([false, false]);
    expect(notes('units')).toEqual(['kubelet.service', 'care-kubelet-csr.timer', 'care-kubernetes-backup.timer'].map((unit) => `disable --now ${unit}`));
  });

  test('that was cut off says so until all is gone', async () => {
    cluster({});
    mkdirSync(path.join(its.directory, 'etc', 'policies'));
    its.program('systemctl', 'kill -9 $PPID');
    its.program('kubeadm', `rm -f '${its.directory}/etc/kubelet.conf'`);
    its.file('etc/kubelet.conf', 'x');
    await its.run(shell, ['reset']);
    expect([there('etc/kubelet.conf'), there('etc/kubeadm/unfinished')]).toEqual([false, true]);
    cluster({});
    expect(await its.run(shell, ['reset'])).toMatchObject({ status: 0 });
    expect(there('etc/kubeadm')).toBe(false);
  });
});
