/**
 * Snapshots of role etcd that are encrypted for people and copied to a real MinIO, on one host: what was there in the clear is encrypted, verify
 * reads the copy back, and a cluster whose data and snapshots are lost comes back from it by what docs/roles/etcd.md says. Role etcd_backup does
 * likewise with that etcd, whose host has empty files where a control plane has its own.
 */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';

const HOST = 's1';
const ROOT = 'RootOfTheDrill2026';
const KEY = 'KeyOfTheSnapshots2026';
const PEOPLE = 'KeyOfThePeople2026';
const DIRECTORY = '/var/lib/etcd-snapshots';
const repository = path.join(import.meta.dirname, '..', '..');
const book = (name: string): string => path.join(repository, 'playbooks', name);
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const sha256 = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';

let lab: Lab;
let project: LabProject;
let identity = '';
let recipient = '';

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: playbooks.map(book), ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.task}|${e.resource}`] : [])))].sort();
const here = (script: string): Promise<string> => onHost(lab, HOST, script);
function well(result: Result): Result {
  expect([troubleOf(result, HOST), result.status]).toEqual(['', 0]);
  return result;
}
/** What follows from options, as the inventory has them: predicted, made, nothing left to do. */
async function converge(vars: NonNullable<RunOptions['extraVars']>): Promise<readonly string[]> {
  const predicted = changes(await run(['etcd.yml'], { mode: 'check', extraVars: vars }));
  const made = changes(well(await run(['etcd.yml'], { extraVars: vars })));
  expect(made).toEqual(predicted);
  expect(changes(well(await run(['etcd.yml'], { extraVars: vars })))).toEqual([]);
  return made;
}
const verify = (vars: NonNullable<RunOptions['extraVars']>): Promise<Result> => run(['etcd.yml'], { mode: 'verify', extraVars: vars });
const kept = async (): Promise<readonly string[]> => (await here(`cd ${DIRECTORY}; ls`)).split('\n').filter((name) => name !== '');
const encrypted = (): NonNullable<RunOptions['extraVars']> => ({ etcd_snapshot_recipients: [recipient] });
const copied = (): NonNullable<RunOptions['extraVars']> => ({ ...encrypted(), etcd_snapshot_s3_url: 'https://127.0.0.1:9000/etcd-backups/patroni', etcd_snapshot_s3_access_key: 'putter', etcd_snapshot_s3_secret_key: `{{ secret "${KEY}" }}` });

const storeIsBack = 'systemctl start store.service; for i in $(seq 100); do curl -q -s -m 2 -f -o /dev/null --cacert /etc/care-provision/pki/ca.crt https://127.0.0.1:9000/minio/health/live && break; sleep 0.2; done';
const LOGIN = { endpoint_url: 'https://127.0.0.1:9000', access_key: 'root-of-the-drill', secret_key: `{{ secret "${ROOT}" }}`, ca_cert: '{{ inventory_dir }}/.care/pki/authority.pem' };
const policy = (statements: readonly (readonly [readonly string[], string])[]): object => ({ Version: '2012-10-17', Statement: statements.map(([actions, resource]) => ({ Effect: 'Allow', Action: actions, Resource: `arn:aws:s3:::${resource}` })) });
const STORE = [{
  hosts: 'all', become: true, tasks: [
    { artifact: { name: 'minio', version: '2026-02-12', dest: '/usr/local/bin/minio', owner: 'root', group: 'root', mode: '0755' } },
    { shell: { cmd: 'mkdir -p /srv/store /etc/store-certs && cp /etc/care-provision/pki/host.crt /etc/store-certs/public.crt && cp /etc/care-provision/pki/host.key /etc/store-certs/private.key', creates: '/etc/store-certs/private.key' } },
    { copy: { dest: '/etc/store.env', content: `MINIO_ROOT_USER=root-of-the-drill\nMINIO_ROOT_PASSWORD=${ROOT}\n`, mode: '0600' } },
    { systemd_unit: { name: 'store.service', content: '[Service]\nEnvironmentFile=/etc/store.env\nExecStart=/usr/local/bin/minio server --quiet --address :9000 --certs-dir /etc/store-certs /srv/store\n' } },
    { systemd: { name: 'store.service', state: 'started' } },
    { wait_for: { port: 9000, timeout: 30 } },
    { s3_bucket: { name: 'etcd-backups', object_lock_enabled: true, object_lock_default_retention: { mode: 'GOVERNANCE', days: 1 }, ...LOGIN } },
    { minio_policy: { name: 'putter', policy: policy([[['s3:PutObject', 's3:GetObject'], 'etcd-backups/patroni/*']]), ...LOGIN } },
    { minio_policy: { name: 'people', policy: policy([[['s3:ListBucket'], 'etcd-backups'], [['s3:GetObject'], 'etcd-backups/*']]), ...LOGIN } },
    { minio_user: { name: 'putter', password: `{{ secret "${KEY}" }}`, policies: ['putter'], ...LOGIN } },
    { minio_user: { name: 'people', password: `{{ secret "${PEOPLE}" }}`, policies: ['people'], ...LOGIN } },
  ],
}];

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), sha256)))('snapshots of etcd, on a MinIO (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    identity = await generateIdentity();
    recipient = await identityToRecipient(identity);
    lab = await labUp({ ...ownLab('etcd-snapshots'), hosts: [{ name: HOST, site: 'kochi', release: 'trixie' }] });
    const variables = hostVariables(lab, HOST);
    project = labProject({
      'inventory.yml': JSON.stringify({ all: { vars: { etcd_address: variables['ansible_host'] ?? '', etcd_firewall: false, etcd_step_timeout: 60, pki_host_extra_names: ['IP:127.0.0.1'] }, hosts: { [HOST]: variables }, children: { etcd: { hosts: { [HOST]: null } }, kube_control_plane: { hosts: { [HOST]: null } } } } }),
      'artifacts.yml': 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }\n',
      'store.yml': JSON.stringify(STORE),
      'backup.yml': JSON.stringify([{ hosts: 'kube_control_plane', become: true, roles: ['etcd_backup'] }]),
    });
    well(await run(['pki.yml', 'etcd.yml']));
    well(await project.run({ playbooks: [path.join(project.dir, 'store.yml')] }));
  });
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('etcd-snapshots'));
  });

  it('what was in the clear is encrypted by the next run, and is as old as it was', async () => {
    await here('care-etcdctl put /care/drill first >/dev/null; systemctl start care-etcd-snapshot.service');
    well(await verify({}));
    const [open = '', sum = ''] = await kept();
    expect([open, sum]).toEqual([expect.stringMatching(/^etcd-care-\d{8}T\d{6}Z\.db$/) as string, `${open}.sha256`]);
    const taken = await here(`stat -c %Y ${DIRECTORY}/${open}`);
    await converge(encrypted());
    well(await verify(encrypted()));
    const now = await kept();
    expect(now).toEqual([`${open}.age`, `${open}.age.sha256`, expect.stringMatching(/\.db\.age$/) as string, expect.stringMatching(/\.db\.age\.sha256$/) as string]);
    expect(await here(`cd ${DIRECTORY}; stat -c %Y ${open}.age; sha256sum --quiet -c *.sha256`)).toBe(taken);
    // The identity is on no host but for this; what was encrypted is a snapshot.
    expect(await here(`cd /run; printf '%s\\n' '${identity}' >identity; age -d -i identity -o snapshot.db ${DIRECTORY}/${open}.age && etcdutl snapshot status snapshot.db -w json; rm identity snapshot.db`)).toMatch(/"totalKey":[1-9]/);
  });

  it('goes to the object storage with the next run, as predicted; verify reads it back, and can fail', async () => {
    const made = await converge(copied());
    expect(made).toContain('what there is of etcd-snapshot by now is copied|command /usr/local/sbin/care-s3-copy copy etcd-snapshot');
    expect(await here('care-s3-copy verify etcd-snapshot 1; cat /etc/care-s3-copy/etcd-snapshot.settings | tail -n 1')).toBe('timer care-etcd-snapshot.timer');
    well(await verify(copied()));
    await here('systemctl stop store.service');
    const away = await run(['etcd.yml'], { mode: 'verify', extraVars: copied() });
    expect([troubleOf(away, HOST), away.status]).toEqual([expect.stringContaining('does not answer') as string, 3]);
    expect(await here('systemctl start care-etcd-snapshot.service || systemctl is-failed care-etcd-snapshot.service')).toBe('failed');
    await here(`${storeIsBack}; systemctl start care-etcd-snapshot.service`);
    well(await verify(copied()));
  });

  it('half of it is refused before the host is touched', async () => {
    await expect(run(['etcd.yml'], { extraVars: { ...copied(), etcd_snapshot_recipients: [] } })).rejects.toThrow('etcd_snapshot_s3_url needs etcd_snapshot_recipients');
    await expect(run(['etcd.yml'], { extraVars: { ...copied(), etcd_snapshot_s3_secret_key: '' } })).rejects.toThrow('etcd_snapshot_s3_secret_key');
    await expect(run(['etcd.yml'], { extraVars: { etcd_snapshot_recipients: [identity] } })).rejects.toThrow('etcd_snapshot_recipients');
  });

  it('a cluster that has lost its data and its snapshots comes back from the store', async () => {
    await here(`care-etcdctl put /care/drill last >/dev/null; systemctl start care-etcd-snapshot.service; systemctl stop care-etcd; mkdir /var/lib/etcd/care/former-lost; mv /var/lib/etcd/care/member /var/lib/etcd/care/former-lost/; rm -rf ${DIRECTORY}/*`);
    const account = Buffer.from(`user = "people:${PEOPLE}"\naws-sigv4 = "aws:amz:us-east-1:s3"\ncacert = "/etc/care-provision/pki/ca.crt"\n`).toString('base64');
    const name = await here(`umask 077; cd /run; echo ${account} | base64 -d >restore.conf; curl -q -fsS -K restore.conf 'https://127.0.0.1:9000/etcd-backups?list-type=2&prefix=patroni%2F' | sed 's/<Key>/\\n/g' | sed -n 's/<.*//; /\\.age$/p' | sort | tail -n 1`);
    expect(name).toMatch(/^patroni\/s1\/etcd-care-.*\.db\.age$/);
    const file = path.basename(name);
    const address = String(hostVariables(lab, HOST)['ansible_host']);
    await here(`umask 077; cd /run; store=https://127.0.0.1:9000/etcd-backups/patroni/s1; curl -q -fsS -K restore.conf -O "$store/${file}" -O "$store/${file}.sha256" && sha256sum --quiet -c ${file}.sha256; printf '%s\\n' '${identity}' >identity; age -d -i identity -o snapshot.db ${file}; rm identity restore.conf
etcdutl snapshot restore snapshot.db --data-dir /var/lib/etcd/restored --name ${HOST} --initial-cluster ${HOST}=https://${address}:2380 --initial-advertise-peer-urls https://${address}:2380 --initial-cluster-token care --bump-revision 1000000000 --mark-compacted >/dev/null 2>&1
mv /var/lib/etcd/restored/member /var/lib/etcd/care/ && rmdir /var/lib/etcd/restored && chown -R etcd:etcd /var/lib/etcd/care && rm snapshot.db && systemctl start care-etcd`);
    expect(await here(`care-etcdctl --endpoints=https://${address}:2379 get /care/drill --print-value-only`)).toBe('last');
    well(await run(['etcd.yml'], { extraVars: copied() }));
    well(await verify(copied()));
  });

  it('backups of role etcd_backup go there likewise, by its unit; while the store is away they stay on the host, and are caught up with', async () => {
    await here('cd /etc && mkdir -p kubernetes/pki kubernetes/policies kubernetes/patches kubernetes/kubeadm kubernetes/manifests /opt/kubernetes/etcd; touch kubernetes/admin.conf; ln -s "$(command -v etcdutl)" /opt/kubernetes/etcd/etcdutl; ln -s care-etcdctl /usr/local/sbin/care-kubernetes-etcdctl; mkdir /var/lib/metrics');
    // The role as it is, but for the cluster that it requires.
    cpSync(path.join(repository, 'roles', 'etcd_backup'), path.join(project.dir, 'roles', 'etcd_backup'), { recursive: true });
    project.write('roles/etcd_backup/role.yml', readFileSync(path.join(repository, 'roles', 'etcd_backup', 'role.yml'), 'utf8').replace('requires: [kubernetes]', ''));
    const vars = { etcd_backup_recipients: [recipient], etcd_backup_metrics_dir: '/var/lib/metrics', etcd_backup_s3_url: 'https://127.0.0.1:9000/etcd-backups/patroni/kube', etcd_backup_s3_access_key: 'putter', etcd_backup_s3_secret_key: `{{ secret "${KEY}" }}` };
    const apply = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [path.join(project.dir, 'backup.yml')], extraVars: vars, ...options });
    const predicted = changes(await apply({ mode: 'check' }));
    // Whether there is a backup yet can't be told before.
    expect(changes(well(await apply())).filter((change) => !change.startsWith('the first backup|'))).toEqual(predicted);
    expect(changes(well(await apply()))).toEqual([]);
    const copy = '/var/lib/kubernetes-backups/.s3-copied';
    const first = await here(`cd /var/lib/kubernetes-backups; stat -c %Y *.tar.age ${copy} | uniq | wc -l; grep -c '^care_kubernetes_backup_offsite_last_success_seconds [0-9]' /var/lib/metrics/kubernetes-backup-offsite.prom`);
    expect(first).toBe('1\n1');
    await here('systemctl stop store.service');
    expect(await here('systemctl start care-kubernetes-backup.service || systemctl is-failed care-kubernetes-backup.service; ls /var/lib/kubernetes-backups/*.tar.age | wc -l; journalctl -u care-kubernetes-backup.service | grep -c "does not answer"')).toBe('failed\n2\n1');
    await here(`${storeIsBack}; systemctl start care-kubernetes-backup.service`);
    // The first was copied by the apply.
    expect(await here('journalctl -u care-kubernetes-backup.service | grep -c "tar.age: copied"; journalctl -u care-kubernetes-backup.service | grep -c "the store has all of 3"')).toBe('2\n1');
    well(await apply({ mode: 'verify' }));
    await here('systemctl stop store.service');
    const away = await apply({ mode: 'verify' });
    expect([troubleOf(away, HOST), away.status]).toEqual([expect.stringMatching(/another backup can't be taken: [^]*does not answer/) as string, 3]);
    // Nothing is copied any more: no account is left, and nobody is told of copies.
    well(await apply({ extraVars: { ...vars, etcd_backup_s3_url: '', etcd_backup_s3_access_key: '', etcd_backup_s3_secret_key: '' } }));
    expect(await here('ls /etc/care-s3-copy | grep kubernetes; systemctl start care-kubernetes-backup.service; ls /var/lib/metrics')).toBe('kubernetes-backup.prom');
    await here(storeIsBack);
  });

  it('without the options nothing is encrypted or copied any more, and no account is left', async () => {
    await converge({});
    expect(await here('ls /etc/care-s3-copy; systemctl start care-etcd-snapshot.service')).toBe('');
    expect((await kept()).at(-2)).toMatch(/\.db$/);
    well(await verify({}));
  });
});
