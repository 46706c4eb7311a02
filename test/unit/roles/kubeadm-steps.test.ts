/** Whom the program of role kubernetes takes out of a cluster, with stand-ins for etcdctl and kubectl; the drill does it with a real cluster. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/kubernetes/templates/care-kubeadm.hbs'), 'utf8');
const MEMBERS = ['a1, started, k1, https://192.0.2.11:2380, https://192.0.2.11:2379, false', 'b2, started, k2, https://192.0.2.12:2380, https://192.0.2.12:2379, false', 'c3, started, k3, https://192.0.2.13:2380, https://192.0.2.13:2379, false'];
const SILENT = 'echo "context deadline exceeded" >&2; exit 1';
const NOT_FOUND = 'echo "Error from server (NotFound): nodes \\"$3\\" not found" >&2; exit 1';

let directory = '';
function program(name: string, text: string): void {
  writeFileSync(path.join(directory, name), `#!/bin/sh\n${text}\n`);
  chmodSync(path.join(directory, name), 0o755);
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-kubeadm-'));
  mkdirSync(path.join(directory, 'etc', 'kubeadm'), { recursive: true });
  writeFileSync(path.join(directory, 'etc', 'kubeadm', 'nodes'), '# NAME ADDRESS\nk1 192.0.2.11\nk2 192.0.2.12\nk3 192.0.2.13\n');
  const text = renderValue(TEMPLATE, createScope([{ values: { kubernetes_address: '192.0.2.11', kubernetes_api_port: 6443, kubernetes_step_timeout: 60, kubernetes_cluster_name: 'care', kubernetes_endpoint: 'api.internal:7443' }, templated: false }]));
  if (typeof text !== 'string') throw new Error('the program is text');
  writeFileSync(path.join(directory, 'program'), text.replaceAll('/usr/local/sbin/care-kubernetes-etcdctl', `${directory}/etcdctl`).replaceAll('/etc/kubernetes', `${directory}/etc`).replaceAll('/run/care-kubeadm', `${directory}/run`).replaceAll('/var/lib/etcd', `${directory}/data`).replaceAll('/etc/cni', `${directory}/cni`).replace('PATH=', `PATH=${directory}:`));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Cluster {
  /** What `etcdctl member list` and `kubectl get node` do; by default three members, and the node is there but not ready. */
  readonly list?: string;
  readonly node?: string;
}

/** `removed` are the changes that were asked for, in their order. */
function remove(shell: readonly [string, ...string[]], { list = `cat '${directory}/members'`, node = 'echo False' }: Cluster, members = MEMBERS): Promise<{ readonly status: number; readonly removed: readonly string[]; readonly stderr: string }> {
  writeFileSync(path.join(directory, 'members'), `${members.join('\n')}\n`);
  program('etcdctl', `case "$*" in 'member list') ${list} ;; 'member remove '*) echo "member $3" >>'${directory}/removed' ;; esac`);
  program('kubectl', `while case $1 in --*) true ;; *) false ;; esac; do shift 2; done\ncase "$1 $2" in 'get node') ${node} ;; 'delete node') echo "node $3" >>'${directory}/removed' ;; esac`);
  const [name, ...first] = shell;
  return new Promise((resolve) => {
    execFile(name, [...first, path.join(directory, 'program'), 'remove', 'k3'], { timeout: 30_000 }, (error, _stdout, stderr) => {
      const notes = path.join(directory, 'removed');
      resolve({ status: error === null ? 0 : Number(error.code), removed: existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : [], stderr });
    });
  });
}

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-kubeadm remove, %s', (_name, shell) => {
  test('takes the member and the node', async () => {
    expect(await remove(shell, {})).toMatchObject({ status: 0, removed: ['member c3', 'node k3'] });
  });

  test('takes the member alone when there is no such node any more', async () => {
    expect(await remove(shell, { node: NOT_FOUND })).toMatchObject({ status: 0, removed: ['member c3'] });
  });

  test('takes a member that was added and has never started, which has no name yet', async () => {
    expect(await remove(shell, { node: NOT_FOUND }, [...MEMBERS.slice(0, 2), 'c3, unstarted, , https://192.0.2.13:2380, , true'])).toMatchObject({ status: 0, removed: ['member c3'] });
  });

  test('never calls a node gone when etcd or the API has not answered', async () => {
    expect(await remove(shell, { list: SILENT })).toMatchObject({ status: 1, removed: [], stderr: expect.stringContaining('the members of etcd: context deadline exceeded') as string });
    expect(await remove(shell, { node: SILENT })).toMatchObject({ status: 1, removed: [], stderr: expect.stringContaining('node k3: context deadline exceeded') as string });
  });
});

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-kubeadm reset, %s', (_name, [name, ...first]) => {
  test('leaves no key of the cluster, and no timer that would go on failing', async () => {
    mkdirSync(path.join(directory, 'etc', 'policies'));
    writeFileSync(path.join(directory, 'etc', 'policies', 'encryption.yaml'), 'a key');
    program('kubeadm', 'exit 0');
    program('systemctl', `echo "$*" >>'${directory}/units'`);
    expect(await new Promise((resolve) => { execFile(name, [...first, path.join(directory, 'program'), 'reset'], { timeout: 30_000 }, (error) => { resolve(error); }); })).toBeNull();
    expect([existsSync(path.join(directory, 'etc', 'policies')), existsSync(path.join(directory, 'etc', 'kubeadm'))]).toEqual([false, false]);
    expect(readFileSync(path.join(directory, 'units'), 'utf8').trim().split('\n')).toEqual(['kubelet.service', 'care-kubelet-csr.timer', 'care-kubernetes-backup.timer'].map((unit) => `disable --now ${unit}`));
  });
});
