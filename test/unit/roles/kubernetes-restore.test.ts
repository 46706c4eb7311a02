/** A control plane out of a backup, with stand-ins for etcdutl, crictl and age; the drill restores a real one. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kubernetesProgram, SHELLS, type Programs } from './support/kubernetes-programs.ts';

const FILES = ['ca.crt', 'ca.key', 'etcd/ca.crt', 'etcd/ca.key', 'front-proxy-ca.crt', 'front-proxy-ca.key', 'sa.pub', 'sa.key'];
const keys = (...names: readonly string[]): string => names.map((name) => `            - { name: "${name}", secret: "s-${name}" }\n`).join('');

let its: Programs;
const at = (name: string): string => path.join(its.directory, name);
const there = (name: string): boolean => existsSync(at(name));

/** The archive, as age decrypts it. */
function archive(files: readonly string[] = FILES): void {
  for (const file of files) its.file(`of/pki/${file}`, `backup ${file}`);
  its.file('of/policies/encryption.yaml', keys('key1'));
  its.file('in/snapshot.db', 'snapshot');
  execFileSync('tar', ['-C', at('of'), '-cf', at('in/kubernetes.tar'), '.']);
  execFileSync('tar', ['-C', at('in'), '-cf', at('plain.tar'), '.']);
  its.program('age', `grep -q AGE-SECRET-KEY- "$3" || { echo 'no identity matched any of the recipients' >&2; exit 1; }; cat '${at('plain.tar')}'`);
}

beforeEach(() => {
  its = kubernetesProgram('care-kubernetes-restore');
  mkdirSync(at('restore'));
  writeFileSync(at('restore/backup.tar.age'), 'x');
  its.file('etc/policies/encryption.yaml', keys('key2', 'key1'));
  its.program('tools/etcdutl', `case "$2" in status) echo '{"totalKey":7}' ;; restore) echo "$*" >'${at('restored-with')}'; while [ "$1" != --data-dir ]; do shift; done; mkdir -p "$2/member/snap"; echo restored >"$2/member/snap/db" ;; esac`);
  its.program('chown', 'exit 0');
  its.program('systemctl', 'case "$1" in is-active) exit 3 ;; esac');
  its.program('crictl', `case "$*" in 'pods -q') echo p1 ;; *) echo "$*" >>'${at('calls')}' ;; esac`);
});
afterEach(() => { its.remove(); });

describe.each(SHELLS)('care-kubernetes-restore fetch, %s', (_name, shell) => {
  const LINK = 'https://s3.example:9443/etcd-backups/care/k1/x.tar.age?X-Amz-Signature=0123&X-Amz-Expires=21600';
  const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
  const fetched = (digest: string): ReturnType<Programs['run']> => its.run(shell, ['fetch'], `sha256 ${digest}\nca /etc/care-provision/pki/ca.crt\nurl ${LINK}\n`);
  /** A curl that gives that text to whom it is told of on standard input. */
  const store = (text: string): void => { its.program('curl', `echo "$*" >>'${at('asked')}'; cat >'${at('told')}'; while [ "$1" != -o ]; do shift; done; printf %s '${text}' >"$2"`); };

  test('takes what the link gives, when it is what its sum says, once; the link is in no argument', async () => {
    store('the archive');
    expect(await fetched(sum('the archive'))).toMatchObject({ status: 0, stderr: '' });
    expect([its.read('restore/backup.tar.age'), its.read('told')]).toEqual(['the archive', `url = "${LINK}"\ncacert = "/etc/care-provision/pki/ca.crt"\n`]);
    expect(its.read('asked')).not.toContain('X-Amz');
    expect(await fetched(sum('the archive'))).toMatchObject({ status: 0 });
    expect(its.read('asked').trim().split('\n')).toHaveLength(1);
    expect([statSync(at('restore/backup.tar.age')).mode & 0o777, readdirSync(at('restore'))]).toEqual([0o600, ['backup.tar.age']]);
  });

  test('keeps what is there when the store gives something else, or nothing', async () => {
    store('another');
    expect(await fetched(sum('the archive'))).toMatchObject({ status: 1, stderr: expect.stringContaining('other contents than its sum says') as string });
    its.program('curl', "echo 'curl: (22) The requested URL returned error: 403' >&2; exit 22");
    expect(await fetched(sum('the archive'))).toMatchObject({ status: 1, stderr: 'the store does not give the archive: The requested URL returned error: 403\n' });
    expect([its.read('restore/backup.tar.age'), readdirSync(at('restore'))]).toEqual(['x', ['backup.tar.age']]);
    expect(await its.run(shell, ['fetch'], 'url x\n')).toMatchObject({ status: 1, stderr: 'no link, CA and digest on standard input\n' });
  });
});

describe.each(SHELLS)('care-kubernetes-restore, %s', (_name, shell) => {
  test('an archive is tried before anything is stopped, and the private key does not stay', async () => {
    archive();
    expect(await its.run(shell, ['unpack'], 'AGE-SECRET-KEY-1\n')).toMatchObject({ status: 0, stdout: '7 keys in the snapshot\n' });
    expect([there('run/identity'), there('restore/bundle/snapshot.db')]).toEqual([false, true]);
  });

  test('one that cannot be read, or lacks a key, or whose Secrets this inventory cannot read, is refused', async () => {
    archive();
    expect(await its.run(shell, ['unpack'], 'another')).toMatchObject({ status: 1, stderr: expect.stringContaining('no identity matched') as string });
    expect(there('run/identity')).toBe(false);
    its.file('etc/policies/encryption.yaml', keys('key2'));
    expect(await its.run(shell, ['unpack'], 'AGE-SECRET-KEY-1\n')).toMatchObject({ status: 1, stderr: expect.stringContaining('lacks what Secrets in the backup may be encrypted with: key1') as string });
    expect(there('restore/bundle')).toBe(false);
    execFileSync('rm', ['-r', at('of'), at('in')]);
    archive(FILES.filter((file) => file !== 'sa.key'));
    expect(await its.run(shell, ['unpack'], 'AGE-SECRET-KEY-1\n')).toMatchObject({ status: 1, stderr: expect.stringContaining('no pki/sa.key') as string });
  });

  test('puts aside what was there, and begins with the backup', async () => {
    archive();
    its.file('etc/kubelet.conf', 'former');
    its.file('etc/pki/ca.key', 'former');
    its.file('etc/manifests/etcd.yaml', 'former');
    its.file('data/member/wal', 'former');
    expect(await its.run(shell, ['restore'])).toMatchObject({ status: 1, stderr: 'this control plane was not stopped\n' });
    await its.run(shell, ['unpack'], 'AGE-SECRET-KEY-1\n');
    expect(await its.run(shell, ['stop'])).toMatchObject({ status: 0, stderr: '' });
    const [former = ''] = readdirSync(at('former'));
    expect(readdirSync(at(`former/${former}`)).sort()).toEqual(['etcd-member', 'kubelet.conf', 'manifests', 'pki']);
    expect(its.read('calls')).toBe('stopp p1\nrmp -f p1\n');
    expect(await its.run(shell, ['restore'])).toMatchObject({ status: 0, stderr: '' });
    expect([its.read('etc/pki/ca.key'), its.read('data/member/snap/db'), its.read('etc/kubeadm/unfinished')]).toEqual(['backup ca.key', 'restored\n', 'restored\n']);
    expect(its.read('restored-with')).toContain('--name k1 --initial-cluster k1=https://192.0.2.11:2380 --initial-advertise-peer-urls https://192.0.2.11:2380 --bump-revision 1000000000 --mark-compacted');
  });
});
