/**
 * pgBackRest's second repository in a real MinIO, with an account of its own that may do what backups need and nothing else:
 * four fresh hosts that are the store, three of which are the database as well, and one the first repository. About ten minutes.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { Secret } from '../../src/support/secret.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['sb1', 'sb2', 'sb3', 'sb4'] as const;
const KEY = 'KeyOfTheBackups2026';
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const SITE = ['base', 'pki', 'etcd', 'minio', 'postgres', 'postgres-backup'].map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', `${name}.yml`));
const SECRETS = {
  postgres_admin_password: new Secret('admin-password-of-the-drill'),
  postgres_rest_password: new Secret('rest-password-of-the-drill'),
  postgres_backup_passphrase: new Secret('passphrase-of-the-drill-of-backups'),
  postgres_backup_s3_secret: new Secret(KEY),
  minio_root_password: new Secret('RootOfTheDrill2026'),
};

let lab: Lab;
let project: LabProject;

const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: SITE, ...options, extraVars: { ...SECRETS, ...options.extraVars } });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
/** What curl is answered with the account of the backups. */
const status = (args: string): Promise<string> => onHost(lab, 'sb4', `printf 'user = "pgbackrest:${KEY}"\\naws-sigv4 = "aws:amz:us-east-1:s3"\\n' >/root/account; chmod 600 /root/account; curl -q -s -m 20 -K /root/account -o /dev/null -w '%{http_code}' --cacert /etc/care-provision/pki/ca.crt ${args}; rm -f /root/account`);

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)))('backups in minio 2026-02-12 (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('s3backup'), hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    project = labProject({ 'artifacts.yml': 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }\n' });
    const hosts = Object.fromEntries(HOSTS.map((name) => {
      const variables = hostVariables(lab, name);
      const address = String(variables['ansible_host']);
      return [name, { ...variables, etcd_address: address, postgres_address: address, pki_host_address: address }];
    }));
    const group = (...names: readonly string[]): object => ({ hosts: Object.fromEntries(names.map((name) => [name, null])) });
    const vars = {
      time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
      postgres_shared_buffers_mb: 64, postgres_client_networks: ['172.16.0.0/12'],
      minio_drives: 1, minio_filesystems: ['tmpfs'],
      minio_buckets: [{ name: 'pgbackrest', versioning: false, lifecycle: [] }, { name: 'care-patient' }],
      minio_policies: [{ name: 'pgbackrest', policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:ListBucket'], Resource: 'arn:aws:s3:::pgbackrest' }, { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], Resource: 'arn:aws:s3:::pgbackrest/*' }] } }],
      minio_users: [{ name: 'pgbackrest', password: '{{ postgres_backup_s3_secret }}', policies: ['pgbackrest'] }],
      // Each host asks its own node, which has `localhost` in its certificate.
      postgres_backup_s3: { endpoint: 'localhost', bucket: 'pgbackrest', port: 9000, ca_file: '/etc/care-provision/pki/ca.crt' }, postgres_backup_s3_key: '{{ secret "pgbackrest" }}',
    };
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { minio: group(...HOSTS), etcd: group('sb1', 'sb2', 'sb3'), postgres: group('sb1', 'sb2', 'sb3'), postgres_backup: group('sb4') } } }));
    for (const host of HOSTS) await onHost(lab, host, 'mkdir -p /srv/minio/drive1 && mount -t tmpfs -o size=1g minio1 /srv/minio/drive1');
  });
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('s3backup'));
  });

  it('the whole site is made, with a first backup in both repositories; a second apply changes nothing', async () => {
    const made = await run();
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const again = await run();
    expect([troubles(again), changes(again)]).toEqual(['', []]);
    const told = await onHost(lab, 'sb4', `runuser -u pgbackrest -- pgbackrest --stanza=care --output=json info 2>/dev/null || runuser -u postgres -- pgbackrest --stanza=care --output=json info`);
    const [stanza] = JSON.parse(told) as readonly { readonly backup: readonly { readonly database: { readonly 'repo-key': number }; readonly error?: boolean }[] }[];
    expect([...new Set(stanza?.backup.map((b) => b.database['repo-key']))].sort()).toEqual([1, 2]);
    expect(stanza?.backup.some((b) => b.error === true)).toBe(false);
  });

  it('is verified, with a restore of what is in the store', async () => {
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    expect(await onHost(lab, 'sb4', "jq -c '[.ok, .checksums]' /var/lib/care-postgres-backup/restore-proof-2.json")).toBe('[true,"verified"]');
  });

  it('the account of the backups gets into no other bucket, and what is in its own is encrypted', async () => {
    expect(await status("'https://localhost:9000/pgbackrest/?list-type=2&max-keys=1'")).toBe('200');
    expect(await status("'https://localhost:9000/care-patient/?list-type=2&max-keys=1'")).toBe('403');
    expect(await status("-X PUT -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -T /etc/hostname https://localhost:9000/care-patient/x")).toBe('403');
    expect(await status("-X PUT 'https://localhost:9000/another-bucket'")).toBe('403');
    // "Salted__" begins what openssl's format encrypts: pgBackRest does it before the store sees anything.
    expect(await onHost(lab, 'sb4', `printf 'user = "pgbackrest:${KEY}"\\naws-sigv4 = "aws:amz:us-east-1:s3"\\n' >/root/account; curl -q -s -m 20 -K /root/account --cacert /etc/care-provision/pki/ca.crt https://localhost:9000/pgbackrest/pgbackrest/backup/care/backup.info | head -c 8; rm -f /root/account`)).toBe('Salted__');
  });
});
