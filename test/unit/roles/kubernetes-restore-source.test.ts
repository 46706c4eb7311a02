/** Where playbooks/kubernetes-etcd-restore.yml takes the backup from, as far as it can be told before a host is touched. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { validateProject } from '../../../src/run/validate-project.ts';
import { Secret } from '../../../src/support/secret.ts';
import type { ValueMap } from '../../../src/support/value.ts';

let directory = '';
beforeEach(() => { directory = mkdtempSync(path.join(tmpdir(), 'care-restore-')); });
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

const COPIES = { etcd_backup_s3_url: 'https://s3.example:9443/etcd-backups/care', etcd_backup_s3_access_key: 'etcd-backup-care', etcd_backup_s3_secret_key: new Secret('key-of-the-hosts') };
const PEOPLE = { kubernetes_restore_s3_access_key: 'etcd-restore', kubernetes_restore_s3_secret_key: new Secret('key-of-the-people') };

function problems(backup: string, more: ValueMap = {}): string {
  const inventory = path.join(directory, 'hosts.yml');
  writeFileSync(inventory, JSON.stringify({ all: { vars: { ansible_connection: 'local', kubernetes_encryption_keys: [{ name: 'a', key: `{{ secret "${Buffer.alloc(32, 1).toString('base64')}" }}` }] }, children: { kube_control_plane: { hosts: Object.fromEntries(['k1', 'k2', 'k3'].map((name, i) => [name, { ansible_host: `192.0.2.${String(i + 1)}` }])) } } } }));
  return validateProject({ inventory: [inventory], playbooks: [path.join(import.meta.dirname, '../../../playbooks/kubernetes-etcd-restore.yml')], limit: undefined, extraVars: { kubernetes_restore_backup: backup, kubernetes_restore_confirm: 'care', kubernetes_restore_identity: new Secret('AGE-SECRET-KEY-1'), ...more } }).problems.map((p) => p.format()).join('\n');
}

test.each<[string, string, ValueMap]>([
  ['a file, without copies', '/srv/care-k1-20261127T010300Z.tar.age', {}],
  ['the newest copy', 's3:newest', COPIES],
  ['by the account of people', 's3:newest', { ...COPIES, ...PEOPLE }],
  ['one that is named', 's3:care-k1-20261127T010300Z.tar.age', COPIES],
  ['one of a host', 's3:k1/care-k1-20261127T010300Z.tar.age', COPIES],
])('%s: taken', (_what, backup, more) => {
  expect(problems(backup, more)).toBe('');
});

test.each<[string, string, ValueMap, string]>([
  ['copies, and none are configured', 's3:newest', {}, 'kubernetes_restore_backup s3:newest is a copy in object storage (etcd_backup_s3_url of role etcd_backup), and kubernetes_restore_s3_url is empty'],
  ['copies without an account', 's3:newest', { etcd_backup_s3_url: COPIES.etcd_backup_s3_url }, 'kubernetes_restore_s3_url needs kubernetes_restore_s3_access_key'],
  ['half of the account of people', 's3:newest', { etcd_backup_s3_url: COPIES.etcd_backup_s3_url, kubernetes_restore_s3_access_key: 'etcd-restore' }, 'needs kubernetes_restore_s3_secret_key'],
  ['no such word', 's3:latest', COPIES, 'kubernetes_restore_backup'],
  ['a way out of the folder', 's3:../other/care-k1-20261127T010300Z.tar.age', COPIES, 'kubernetes_restore_backup'],
  ['no archive', 's3:k1/care-k1-20261127T010300Z.db', COPIES, 'kubernetes_restore_backup'],
])('%s: refused, and no key is shown', (_what, backup, more, text) => {
  const said = problems(backup, more);
  expect(said).toContain(text);
  expect(said).not.toContain('key-of-the');
});
