/** A MinIO on one host of a drill, outside of what is drilled, with a bucket for backups of etcd and the accounts that docs/roles/s3_copy.md asks for. */
import { existsSync } from 'node:fs';
import { cacheDirectory, cachedPath } from '../../../src/artifacts/cache.ts';
import { findArtifact } from '../../../src/artifacts/catalogue.ts';
import { loadCatalogue } from '../../../src/language/artifact-catalogue.ts';

const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const program = cachedPath(cacheDirectory(), found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '');

/** Whether there can be one: the program was built from its source into the artefact cache beforehand (care-provision artifacts fetch minio). */
export const storeIsThere = existsSync(program);

/** What the firewall of its host must let in (`base_firewall_allow`). */
export const STORE_PORT = 9125;
const secret = (text: string): string => `{{ secret "${text}" }}`;
const ROOT = { endpoint_url: `https://127.0.0.1:${String(STORE_PORT)}`, access_key: 'root-of-the-drill', secret_key: secret('RootOfTheDrill2026'), ca_cert: '{{ inventory_dir }}/.care/pki/authority.pem' };
const policy = (statements: readonly (readonly [readonly string[], string])[]): object => ({ Version: '2012-10-17', Statement: statements.map(([actions, resource]) => ({ Effect: 'Allow', Action: actions, Resource: `arn:aws:s3:::${resource}` })) });

/**
 * A playbook that starts it, after pki.yml with `pki_host_extra_names` for its address: it has the host's certificate.
 *
 * @param host of the inventory
 */
export function storePlaybook(host: string): string {
  return JSON.stringify([{
    hosts: host, become: true, tasks: [
      { copy: { src: program, dest: '/usr/local/bin/store', mode: '0755' } },
      { shell: { cmd: 'mkdir -p /srv/store /etc/store-certs && cp /etc/care-provision/pki/host.crt /etc/store-certs/public.crt && cp /etc/care-provision/pki/host.key /etc/store-certs/private.key', creates: '/etc/store-certs/private.key' } },
      { copy: { dest: '/etc/store.env', content: 'MINIO_ROOT_USER=root-of-the-drill\nMINIO_ROOT_PASSWORD=RootOfTheDrill2026\n', mode: '0600' } },
      { systemd_unit: { name: 'store.service', content: `[Service]\nEnvironmentFile=/etc/store.env\nExecStart=/usr/local/bin/store server --quiet --address :${String(STORE_PORT)} --certs-dir /etc/store-certs /srv/store\n` } },
      { systemd: { name: 'store.service', state: 'started' } },
      { wait_for: { port: STORE_PORT, timeout: 60 } },
      { s3_bucket: { name: 'etcd-backups', object_lock_enabled: true, object_lock_default_retention: { mode: 'GOVERNANCE', days: 1 }, ...ROOT } },
      { minio_policy: { name: 'etcd-backup-care', policy: policy([[['s3:PutObject', 's3:GetObject'], 'etcd-backups/care/*']]), ...ROOT } },
      { minio_policy: { name: 'etcd-restore', policy: policy([[['s3:ListBucket'], 'etcd-backups'], [['s3:GetObject'], 'etcd-backups/*']]), ...ROOT } },
      { minio_user: { name: 'etcd-backup-care', password: secret('KeyOfTheHosts2026'), policies: ['etcd-backup-care'], ...ROOT } },
      { minio_user: { name: 'etcd-restore', password: secret('KeyOfThePeople2026'), policies: ['etcd-restore'], ...ROOT } },
    ],
  }]);
}

/** What role etcd_backup is told, for copies there. */
export function copiesTo(address: string): Readonly<Record<string, unknown>> {
  return { etcd_backup_s3_url: `https://${address}:${String(STORE_PORT)}/etcd-backups/care`, etcd_backup_s3_access_key: 'etcd-backup-care', etcd_backup_s3_secret_key: secret('KeyOfTheHosts2026') };
}

/** What a restore is told besides: the account that may list, which is on no host. */
export const OF_PEOPLE = { kubernetes_restore_s3_access_key: 'etcd-restore', kubernetes_restore_s3_secret_key: secret('KeyOfThePeople2026') };
