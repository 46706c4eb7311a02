/** What the program of role etcd_backup calls a backup, with stand-ins for etcd's tools and age; the drill takes and restores real ones. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';
import { validateProject } from '../../../src/run/validate-project.ts';
import { Secret } from '../../../src/support/secret.ts';
import type { ValueMap } from '../../../src/support/value.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/etcd_backup/templates/care-kubernetes-backup.hbs'), 'utf8');

let directory = '';
function program(name: string, text: string): void {
  writeFileSync(path.join(directory, name), `#!/bin/sh\n${text}\n`);
  chmodSync(path.join(directory, name), 0o755);
}

function render(more: ValueMap): void {
  const values = { etcd_backup_dir: path.join(directory, 'backups'), etcd_backup_keep: 2, etcd_backup_metrics_dir: '', etcd_backup_s3_url: '', kubernetes_cluster_name: 'care', ...more };
  const text = renderValue(TEMPLATE, createScope([{ values, templated: false }]));
  if (typeof text !== 'string') throw new Error('the program is text');
  writeFileSync(path.join(directory, 'program'), text.replaceAll('/usr/local/sbin/care-kubernetes-etcdctl', 'etcdctl').replaceAll('/usr/local/sbin/care-s3-copy', 'care-s3-copy').replaceAll('/opt/kubernetes/etcd', `'${directory}'`).replaceAll('/etc/kubernetes', `'${directory}/etc'`));
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care etcd backup-'));
  for (const each of ['backups', 'etc/pki', 'etc/policies', 'etc/patches', 'etc/kubeadm', 'etc/manifests']) mkdirSync(path.join(directory, each), { recursive: true });
  writeFileSync(path.join(directory, 'etc', 'admin.conf'), 'x');
  render({});
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

describe('before any host is touched', () => {
  const RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';
  const problems = (extraVars: ValueMap): readonly string[] => {
    const inventory = path.join(directory, 'hosts.yml');
    writeFileSync(inventory, JSON.stringify({ all: { vars: { ansible_connection: 'local', etcd_backup_recipients: [RECIPIENT], kubernetes_encryption_keys: [{ name: 'a', key: `{{ secret "${Buffer.alloc(32, 1).toString('base64')}" }}` }] }, children: { kube_control_plane: { hosts: Object.fromEntries(['k1', 'k2', 'k3'].map((name, i) => [name, { ansible_host: `192.0.2.${String(i + 1)}` }])) } } } }));
    return validateProject({ inventory: [inventory], playbooks: [path.join(import.meta.dirname, '../../../playbooks/kubernetes-backup.yml')], limit: undefined, extraVars }).problems.map((p) => p.message);
  };
  const URL = { etcd_backup_s3_url: 'https://s3.example:9443/etcd-backups/care' };
  const ACCOUNT = { etcd_backup_s3_access_key: 'putter', etcd_backup_s3_secret_key: new Secret('key-of-the-test') };

  test('copies that are said of as a whole, or not at all, are taken', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ ...URL, ...ACCOUNT })).toEqual([]);
  });

  test.each<[string, ValueMap, string]>([
    ['no account', URL, 'etcd_backup_s3_url needs etcd_backup_s3_access_key'],
    ['no address', ACCOUNT, 'etcd_backup_s3_access_key and etcd_backup_s3_secret_key without etcd_backup_s3_url'],
    ['http', { etcd_backup_s3_url: 'http://s3.example/etcd-backups', ...ACCOUNT }, 'not encrypted on its way'],
    ['no bucket', { etcd_backup_s3_url: 'https://s3.example', ...ACCOUNT }, 'must be the https address of a bucket'],
  ])('%s is refused', (_what, vars, text) => {
    const said = problems(vars).join('\n');
    expect(said).toContain(text);
    expect(said).not.toContain('key-of-the-test');
  });
});

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-kubernetes-backup, %s', (_name, shell) => {
  test('keeps what was packed and encrypted', async () => {
    expect(await backUp(shell)).toMatchObject({ status: 0, kept: [expect.stringMatching(/^care-.*\.tar\.age$/) as string] });
  });

  test('never calls half an archive a backup', async () => {
    program('tar', 'case "$*" in *.new/bundle\\ *) echo half; echo "tar: snapshot.db: Read error" >&2; exit 2 ;; *) exec /bin/tar "$@" ;; esac');
    expect(await backUp(shell)).toMatchObject({ status: 1, kept: [], stderr: expect.stringContaining('tar has not packed all') as string });
  });

  describe('with copies in object storage', () => {
    const told = (name: string): string => (existsSync(path.join(directory, 'metrics', name)) ? readFileSync(path.join(directory, 'metrics', name), 'utf8') : '');
    beforeEach(() => {
      mkdirSync(path.join(directory, 'metrics'));
      render({ etcd_backup_s3_url: 'https://s3.example/etcd-backups/care', etcd_backup_metrics_dir: path.join(directory, 'metrics') });
    });

    test('copies when the backup is whole, and says when the store had all', async () => {
      program('care-s3-copy', `[ "$*" = 'copy kubernetes-backup' ] && sha256sum --quiet -c *.sha256 && ls >'${directory}/seen'`);
      expect((await backUp(shell)).status).toBe(0);
      expect(readFileSync(path.join(directory, 'seen'), 'utf8')).toMatch(/^care-\S+\.tar\.age\ncare-\S+\.tar\.age\.sha256\n$/);
      expect([told('kubernetes-backup.prom'), told('kubernetes-backup-offsite.prom')]).toEqual([expect.stringMatching(/^care_kubernetes_backup_bytes \d+$/m) as string, expect.stringMatching(/^care_kubernetes_backup_offsite_last_success_seconds \d+$/m) as string]);
      // Nobody is told of copies that are made no more.
      render({ etcd_backup_metrics_dir: path.join(directory, 'metrics') });
      expect((await backUp(shell)).status).toBe(0);
      expect(told('kubernetes-backup-offsite.prom')).toBe('');
    });

    test('fails when the copy does, and keeps the backup', async () => {
      program('care-s3-copy', "echo 'care-s3-copy: the store does not answer' >&2; exit 1");
      expect(await backUp(shell)).toMatchObject({ status: 1, kept: [expect.stringMatching(/\.tar\.age$/) as string], stderr: 'care-s3-copy: the store does not answer\n' });
      expect([told('kubernetes-backup.prom'), told('kubernetes-backup-offsite.prom')]).toEqual([expect.stringContaining('care_kubernetes_backup_last_success_seconds') as string, '']);
    });
  });
});
