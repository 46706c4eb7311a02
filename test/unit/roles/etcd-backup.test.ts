/** What the program of role etcd_backup calls a backup, with stand-ins for etcd's tools and age; the drill takes and restores real ones. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/etcd_backup/templates/care-kubernetes-backup.hbs'), 'utf8');

let directory = '';
function program(name: string, text: string): void {
  writeFileSync(path.join(directory, name), `#!/bin/sh\n${text}\n`);
  chmodSync(path.join(directory, name), 0o755);
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care etcd backup-'));
  for (const each of ['backups', 'etc/pki', 'etc/policies', 'etc/patches', 'etc/kubeadm', 'etc/manifests']) mkdirSync(path.join(directory, each), { recursive: true });
  writeFileSync(path.join(directory, 'etc', 'admin.conf'), 'x');
  const text = renderValue(TEMPLATE, createScope([{ values: { etcd_backup_dir: path.join(directory, 'backups'), etcd_backup_keep: 2, etcd_backup_metrics_dir: '', kubernetes_cluster_name: 'care' }, templated: false }]));
  if (typeof text !== 'string') throw new Error('the program is text');
  writeFileSync(path.join(directory, 'program'), text.replaceAll('/usr/local/sbin/care-kubernetes-etcdctl', 'etcdctl').replaceAll('/opt/kubernetes/etcd', `'${directory}'`).replaceAll('/etc/kubernetes', `'${directory}/etc'`));
  program('etcdctl', 'for last do :; done; [ "$last" != .new/bundle/snapshot.db ] || echo a snapshot >"$last"');
  program('etcdutl', 'case "$2" in status) echo \'{"totalKey":7}\' ;; *) mkdir -p .new/restored/member/snap; echo x >.new/restored/member/snap/db ;; esac');
  program('age', 'echo age-encryption.org/v1; cat');
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function backUp(shell: readonly [string, ...string[]]): Promise<{ readonly status: number; readonly stderr: string; readonly kept: readonly string[] }> {
  const [name, ...first] = shell;
  return new Promise((resolve) => {
    execFile(name, [...first, path.join(directory, 'program')], { env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` }, timeout: 30_000 }, (error, _stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stderr, kept: readdirSync(path.join(directory, 'backups')).filter((file) => file.endsWith('.tar.age')) });
    });
  });
}

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-kubernetes-backup, %s', (_name, shell) => {
  test('keeps what was packed and encrypted', async () => {
    expect(await backUp(shell)).toMatchObject({ status: 0, kept: [expect.stringMatching(/^care-.*\.tar\.age$/) as string] });
  });

  test('never calls half an archive a backup', async () => {
    program('tar', 'case "$*" in *.new/bundle\\ *) echo half; echo "tar: snapshot.db: Read error" >&2; exit 2 ;; *) exec /bin/tar "$@" ;; esac');
    expect(await backUp(shell)).toMatchObject({ status: 1, kept: [], stderr: expect.stringContaining('tar has not packed all') as string });
  });
});
