/** Where playbooks/kubernetes-etcd-restore.yml takes the backup from, as far as it can be told before a host is touched. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { validateProject } from '../../../src/run/validate-project.ts';
import { Secret } from '../../../src/support/secret.ts';

const SECRET = (text: string): string => `{{ secret "${text}" }}`;
const URL = { etcd_backup_s3_url: 'https://s3.example:9443/etcd-backups/care' };
const COPIES = { ...URL, etcd_backup_s3_access_key: 'etcd-backup-care', etcd_backup_s3_secret_key: SECRET('key-of-the-hosts') };
const PEOPLE = { kubernetes_restore_s3_access_key: 'etcd-restore', kubernetes_restore_s3_secret_key: SECRET('key-of-the-people') };

/** What is wrong with a cluster whose control planes say that, each its own; one look at the whole playbook for all. */
function problems(hosts: Readonly<Record<string, object>>): readonly string[] {
  const directory = mkdtempSync(path.join(tmpdir(), 'care-restore-'));
  try {
    const inventory = path.join(directory, 'hosts.yml');
    const all = Object.fromEntries(Object.entries(hosts).map(([name, vars], i) => [name, { ansible_host: `192.0.2.${String(i + 1)}`, ...vars }]));
    writeFileSync(inventory, JSON.stringify({ all: { vars: { ansible_connection: 'local', kubernetes_encryption_keys: [{ name: 'a', key: SECRET(Buffer.alloc(32, 1).toString('base64')) }] }, children: { kube_control_plane: { hosts: all } } } }, null, 1));
    const { problems: found } = validateProject({ inventory: [inventory], playbooks: [path.join(import.meta.dirname, '../../../playbooks/kubernetes-etcd-restore.yml')], limit: undefined, extraVars: { kubernetes_restore_confirm: 'care', kubernetes_restore_identity: new Secret('AGE-SECRET-KEY-1') } });
    return found.map((each) => each.format());
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('a file without copies; the newest copy, by the account of the hosts or of people; one by its name, and its host', () => {
  expect(problems({
    k1: { kubernetes_restore_backup: '/srv/care-k1-20261127T010300Z.tar.age' },
    k2: { kubernetes_restore_backup: 's3:newest', ...COPIES },
    k3: { kubernetes_restore_backup: 's3:newest', ...COPIES, ...PEOPLE },
    k4: { kubernetes_restore_backup: 's3:care-k1-20261127T010300Z.tar.age', ...COPIES },
    k5: { kubernetes_restore_backup: 's3:k1/care-k1-20261127T010300Z.tar.age', ...URL, ...PEOPLE },
  })).toEqual([]);
});

test('copies that are configured not at all, or by half, and names that are none: refused, and no key is shown', () => {
  const said = problems({
    none: { kubernetes_restore_backup: 's3:newest' },
    account: { kubernetes_restore_backup: 's3:newest', ...URL },
    half: { kubernetes_restore_backup: 's3:newest', ...URL, kubernetes_restore_s3_access_key: 'etcd-restore' },
    word: { kubernetes_restore_backup: 's3:latest', ...COPIES },
    outside: { kubernetes_restore_backup: 's3:../other/care-k1-20261127T010300Z.tar.age', ...COPIES },
    archive: { kubernetes_restore_backup: 's3:k1/care-k1-20261127T010300Z.db', ...COPIES, ...PEOPLE },
    sound: { kubernetes_restore_backup: 's3:newest', ...COPIES, ...PEOPLE },
  });
  const wanted = [
    'kubernetes_restore_backup s3:newest is a copy in object storage (etcd_backup_s3_url of role etcd_backup), and kubernetes_restore_s3_url is empty',
    'kubernetes_restore_s3_url needs kubernetes_restore_s3_access_key',
    'kubernetes_restore_s3_url needs kubernetes_restore_s3_secret_key',
    'kubernetes_restore_backup": "s3:latest"', 'kubernetes_restore_backup": "s3:../other/care-k1-20261127T010300Z.tar.age"', 'kubernetes_restore_backup": "s3:k1/care-k1-20261127T010300Z.db"',
  ];
  expect(said).toHaveLength(wanted.length);
  for (const text of wanted) expect(said.filter((each) => each.includes(text)), `${text} in ${said.join('\n')}`).not.toEqual([]);
  expect(said.join('\n')).not.toContain('key-of-the');
});
