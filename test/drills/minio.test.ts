/** MinIO on four fresh hosts with the real program, built from source into the artefact cache beforehand; without it these are skipped. Three to six minutes. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['s1', 's2', 's3', 's4'] as const;
const PASSWORD = 'RootOfTheDrill2026';
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const sha256 = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
const PLAYBOOKS = ['base.yml', 'pki.yml', 'artifact-mirror.yml', 'minio.yml'].map(book);

let lab: Lab;
let project: LabProject;

/** Memory stands for disks: a file system each, empty after a power cut. */
const DRIVES = 'for n in 1 2; do mkdir -p /srv/minio/drive$n; mountpoint -q /srv/minio/drive$n || mount -t tmpfs -o size=2g minio$n /srv/minio/drive$n; done';
const addressOf = (host: string): string => String(hostVariables(lab, host)['ansible_host']);

const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: PLAYBOOKS, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');

/** An S3 client on a host: curl's own signing. The account is in a file of root's there. */
async function s3(host: string, args: string): Promise<string> {
  return onHost(lab, host, `printf 'user = "care-root:${PASSWORD}"\\naws-sigv4 = "aws:amz:us-east-1:s3"\\n' >/root/account; chmod 600 /root/account; curl -q -s -m 20 -K /root/account --cacert /etc/care-provision/pki/ca.crt ${args} || true`);
}

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), sha256)))('minio 2026-02-12 (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('minio'), hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    project = labProject({});
    project.write('artifacts.yml', 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }\n');
    const vars = {
      base_time_control_clock: false, base_time_servers: [], base_time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
      artifact_mirrors: [`https://${addressOf('s1')}:8444`], minio_drives: 2, minio_filesystems: ['tmpfs'], minio_root_password: `{{ secret "${PASSWORD}" }}`,
    };
    const hosts = Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)]));
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { minio: { hosts: Object.fromEntries(HOSTS.map((h) => [h, null])) }, artifact_mirror: { hosts: { s1: null } } } } }));
  });
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('minio'));
  });

  it('refuses drives that are none, before anything of the store is there', async () => {
    const refused = await run();
    expect(refused.status).toBe(3);
    expect(troubles(refused)).toContain('/srv/minio/drive1 is not there');
    await onHost(lab, 's1', 'mkdir -p /srv/minio/drive1 /srv/minio/drive2');
    expect(troubles(await run({ limit: 's1' }))).toContain('/srv/minio/drive1 is on the root file system');
    expect(await onHost(lab, 's1', 'ls /usr/local/bin/minio 2>&1 || true')).toContain('No such file');
    for (const host of HOSTS) await onHost(lab, host, DRIVES);
    await onHost(lab, 's2', 'mount -o remount,size=1g /srv/minio/drive2');
    expect(troubles(await run({ limit: 's2', mode: 'check' }))).toContain('drives are of different sizes');
    await onHost(lab, 's2', 'mount -o remount,size=2g /srv/minio/drive2');
  });

  it('is made as predicted; a second apply changes nothing; verify passes on every node', async () => {
    const predicted = await run({ mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.failed]).toEqual(['', 0]);
    const made = await run();
    if (made.status !== 0) console.log(await onHost(lab, 's1', 'journalctl -u care-minio -n 40 --no-pager'));
    expect([troubles(made), made.status]).toEqual(['', 0]);
    expect(changes(made)).toEqual(changes(predicted));
    const again = await run();
    expect([again.status, changes(again)]).toEqual([0, []]);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    for (const host of HOSTS) expect(await onHost(lab, host, 'stat -c "%a %U" /etc/minio/minio.env; ps -o user= -C minio')).toBe('600 root\nminio');
  });

  it('serves on with one node of four cut off, without a failed request; the node heals its empty drives', async () => {
    expect(await s3('s2', `-o /dev/null -w '%{http_code}' -X PUT https://${addressOf('s2')}:9000/drill`)).toBe('200');
    await onHost(lab, 's2', 'dd if=/dev/urandom of=/root/object bs=1M count=5 2>/dev/null');
    const put = (name: string): Promise<string> => s3('s2', `-o /dev/null -w '%{http_code}' --retry 5 --retry-all-errors --retry-delay 1 -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -T /root/object https://${addressOf('s2')}:9000/drill/${name}`);
    const get = async (name: string, from: string): Promise<string> => (await s3('s2', `--retry 5 --retry-all-errors --retry-delay 1 https://${addressOf(from)}:9000/drill/${name} | sha256sum`)).split(' ')[0] ?? '';
    const sum = (await onHost(lab, 's2', 'sha256sum /root/object')).split(' ')[0] ?? '';
    expect(await put('before')).toBe('200');
    const s4 = await labPower('s4', addressOf('s4'));
    await s4.cut();
    const answers: string[] = [];
    for (let n = 0; n < 10; n += 1) answers.push(await put(`during${String(n)}`), await get('before', n % 2 === 0 ? 's2' : 's3'));
    expect(answers).toEqual(Array.from({ length: 10 }, () => ['200', sum]).flat());
    await s4.on();
    await eventually(async () => (await onHost(lab, 's4', 'systemctl is-system-running || true').catch(() => '')) !== '', 60_000, () => 's4 is not up');
    await onHost(lab, 's4', DRIVES);
    const back = await run();
    expect([troubles(back), back.status]).toEqual(['', 0]);
    // MinIO looks for empty drives by itself, and puts onto them what they are to hold.
    await eventually(async () => (await onHost(lab, 's4', 'find /srv/minio/drive*/drill -name xl.meta 2>/dev/null | wc -l')) !== '0', 180_000, () => 'nothing was healed on s4');
    expect((await run({ mode: 'verify' })).status).toBe(0);
    expect(await get('during9', 's4')).toBe(sum);
  });

  it('a root password that has changed is set on all nodes together', async () => {
    const other = { extraVars: { minio_root_password: '{{ secret "AnotherOfTheDrill26" }}' } };
    const changed = await run(other);
    expect([troubles(changed), changed.status]).toEqual(['', 0]);
    const verified = await run({ mode: 'verify', ...other });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    expect(await s3('s2', `-o /dev/null -w '%{http_code}' https://${addressOf('s2')}:9000/drill/before`)).toBe('403');
  });
});
