/**
 * Object storage as a watcher sees it: four nodes with the real program (in the artefact cache beforehand; without it this is skipped), metrics by
 * the token of a user that may do nothing else, and a node that is lost. About ten minutes.
 */
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { Secret } from '../../src/support/secret.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { smtpSink, type SmtpSink } from '../support/smtp-sink.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['s1', 's2', 's3', 's4'] as const;
const PASSWORD = 'password-of-the-metrics';
const repository = path.join(import.meta.dirname, '..', '..');
const book = (name: string): string => path.join(repository, 'playbooks', `${name}.yml`);
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';

/** What `mc admin prometheus generate` makes: a JSON Web Token (RFC 7519), HS512 by the user's password. */
function token(user: string, password: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS512', typ: 'JWT' })}.${part({ exp: 4_102_444_800, sub: user, iss: 'prometheus' })}`;
  return `${text}.${createHmac('sha512', password).update(text).digest('base64url')}`;
}

let lab: Lab;
let project: LabProject;
let mail: SmtpSink;
const addressOf = (host: string): string => String(hostVariables(lab, host)['ansible_host']);
const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: playbooks.map(book), ...options });
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
const ask = (what: string, jq: string): Promise<string> => onHost(lab, 's1', `curl -s -G http://127.0.0.1:9090/prometheus/api/v1/${what} | jq -r '${jq}' | sort -u`);
const firing = async (): Promise<readonly string[]> => (await ask('alerts', '.data.alerts[] | select(.state == "firing") | .labels.alertname')).split('\n');

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)))('minio 2026-02-12 (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('watched'), hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    const gateway = (await onHost(lab, 's1', 'ip -4 route show default')).split(' ')[2] ?? '';
    mail = await smtpSink({ address: gateway });
    project = labProject({ 'artifacts.yml': 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }\n' });
    const vars = {
      time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
      minio_drives: 1, minio_filesystems: ['tmpfs'], minio_root_password: '{{ secret "RootOfTheDrill1" }}',
      minio_policies: [{ name: 'metrics', policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['admin:Prometheus'], Resource: ['arn:aws:s3:::*'] }] } }],
      minio_users: [{ name: 'metrics', password: `{{ secret "${PASSWORD}" }}`, policies: ['metrics'] }], monitoring_minio_token: `{{ secret "${token('metrics', PASSWORD)}" }}`, monitoring_expect_runs: false,
      monitoring_mail: { server: `${gateway}:${String(mail.port)}`, from: 'watch@care.test', to: ['ops@care.test'], starttls: 'never' }, monitoring_webhooks: [{ url: `{{ secret "http://${gateway}:9/hook" }}` }],
    };
    const hosts = Object.fromEntries(HOSTS.map((name) => [name, { ...hostVariables(lab, name), pki_host_address: addressOf(name) }]));
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { minio: { hosts: Object.fromEntries(HOSTS.map((h) => [h, null])) }, monitoring: { hosts: { s1: null } } } } }));
    // Memory stands for a disk.
    for (const host of HOSTS) await onHost(lab, host, 'mkdir -p /srv/minio/drive1 && mount -t tmpfs -o size=1g drive1 /srv/minio/drive1');
    const below = await run(['base', 'pki', 'minio']);
    expect([troubles(below), below.status]).toEqual(['', 0]);
  });
  afterAll(async () => {
    project.remove();
    await mail.close();
    await labDown(ownLab('watched'));
  });

  it('a token that is none is refused before anything is touched', async () => {
    expect(troubles(await run(['monitoring'], { mode: 'check', extraVars: { monitoring_minio_token: new Secret('no token') } }))).toContain('a token of three parts');
  });

  it('each node is watched, by a user that may do nothing else, and the token is open to nobody', async () => {
    const made = await run(['monitoring']);
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const verified = await run(['monitoring'], { mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    expect((await ask('targets?state=active', '.data.activeTargets[] | select(.labels.job | startswith("minio")) | "\\(.labels.job) \\(.labels.instance) \\(.health)"')).split('\n')).toEqual(['minio', 'minio_drive', 'minio_replication'].flatMap((job) => HOSTS.map((host) => `${job} ${host} up`)).sort());
    expect(await onHost(lab, 's2', 'stat -c "%a %U:%G" /etc/care-monitoring/tokens; grep -c eyJ /etc/care-monitoring/front.cfg || true')).toBe('640 root:haproxy\n0');
    expect(await onHost(lab, 's1', 'grep -rl eyJ /etc/prometheus || true')).toBe('');
  });

  it('what the rules ask for is what MinIO has, but for what is 0; a node that is lost is told of', async () => {
    const there = new Set((await ask('label/__name__/values', '.data[]')).split('\n'));
    const rules = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ expr: z.string() })) })) }).parse(parse(readFileSync(path.join(repository, 'roles', 'monitoring', 'files', 'rules', 'minio.yml'), 'utf8')));
    const missing = (names: ReadonlySet<string>): readonly string[] => [...new Set(rules.groups.flatMap((g) => g.rules.flatMap(({ expr }) => expr.replaceAll(/\{[^}]*\}/g, '').match(/\bminio_\w+/g) ?? [])))].filter((name) => !names.has(name)).sort();
    // Values of 0 are left out.
    const quiet = ['minio_cluster_erasure_set_healing_drives_count', 'minio_cluster_health_drives_offline_count', 'minio_cluster_health_nodes_offline_count', 'minio_replication_last_minute_queued_count', 'minio_replication_recent_backlog_count', 'minio_system_drive_availability_errors_total'];
    expect(missing(there).filter((name) => !quiet.includes(name))).toEqual([]);
    expect((await firing()).filter((name) => name.startsWith('Minio'))).toEqual([]);
    const s4 = await labPower('s4', addressOf('s4'));
    const begun = Date.now();
    await s4.cut();
    const expected = ['MinioNodesOffline', 'MinioDrivesOffline', 'MinioLastDrives'];
    await eventually(async () => { const now = await firing(); return expected.every((name) => now.includes(name)); }, 600_000, () => 'not all fire');
    console.log(`all fire ${String(Math.round((Date.now() - begun) / 1000))} s after the power of a node was cut; firing: ${(await firing()).join(', ')}`);
    expect(await firing()).not.toContain('MinioNoWriteQuorum');
    await s4.on();
    // Its systemd takes a moment.
    await eventually(() => onHost(lab, 's4', 'mountpoint -q /srv/minio/drive1 || mount -t tmpfs -o size=1g drive1 /srv/minio/drive1; systemctl restart care-minio').then(() => true, () => false), 120_000, () => 's4 does not come back');
    await eventually(async () => !(await firing()).some((name) => name.startsWith('Minio')), 480_000, () => 'the store is still said to be ill');
  });
});
