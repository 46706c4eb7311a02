/**
 * What the services really tell a watcher: PostgreSQL with its proxies and backups, etcd, and OpenBao where its program is in the artefact
 * cache, on three hosts. Every metric that a rule asks for is found in a real scrape, or is named here with the reason; and some faults of
 * services are caused and seen to fire. About fifteen minutes.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { smtpSink, type SmtpSink } from '../support/smtp-sink.ts';
import type { Result } from '../unit/run/support.ts';
import { hasOpenBao, MEMBERS, VaultLab } from './support/vault-lab.ts';

const repository = path.join(import.meta.dirname, '..', '..');
const book = (name: string): string => path.join(repository, 'playbooks', `${name}.yml`);
const MONITORING = [book('monitoring')];
const openbao = hasOpenBao();

let lab: Lab;
let project: LabProject;
let vault: VaultLab;
let mail: SmtpSink;

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const troubles = (result: Result): string => MEMBERS.map((name) => troubleOf(result, name)).join('');
/** A question to the watcher's Prometheus; `jq` picks from the answer. */
const ask = (what: string, jq: string): Promise<string> => onHost(lab, 'v1', `curl -s -G http://127.0.0.1:9090/prometheus/api/v1/${what} | jq -r '${jq}' | sort -u`);
const firing = async (): Promise<readonly string[]> => (await ask('alerts', '.data.alerts[] | select(.state == "firing") | "\\(.labels.alertname) \\(.labels.instance // "")"')).split('\n');

beforeAll(async () => {
  lab = await labUp({ ...ownLab('services'), hosts: MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
  const gateway = (await onHost(lab, 'v1', 'ip -4 route show default')).split(' ')[2] ?? '';
  mail = await smtpSink({ address: gateway });
  project = labProject({});
  vault = new VaultLab(lab, project);
  await vault.makePeople();
  vault.writeInventory();
  const inventory = z.object({ all: z.object({ vars: z.looseObject({}), hosts: z.record(z.string(), z.looseObject({})) }) }).parse(JSON.parse(readFileSync(path.join(project.dir, 'inventory.yml'), 'utf8')));
  const secret = (name: string): string => `{{ secret "${name}-of-the-drill" }}`;
  const vars = {
    ...inventory.all.vars, postgres_shared_buffers_mb: 64, postgres_admin_password: secret('admin'), postgres_rest_password: secret('rest'), pgbouncer_auth_password: secret('pgbouncer'), pgbouncer_verify_password: secret('verify'),
    postgres_backup_passphrase: secret('passphrase-of-backups'), monitoring_expect_runs: false,
    monitoring_mail: { server: `${gateway}:${String(mail.port)}`, from: 'watch@care.test', to: ['ops@care.test'], starttls: 'never' }, monitoring_webhooks: [{ url: `{{ secret "http://${gateway}:9/hook" }}` }],
  };
  const hosts = Object.fromEntries(MEMBERS.map((name) => {
    const address = String(hostVariables(lab, name)['ansible_host']);
    return [name, { ...inventory.all.hosts[name], site: 'kochi', etcd_address: address, postgres_address: address, pki_host_address: address }];
  }));
  const all = { hosts: Object.fromEntries(MEMBERS.map((m) => [m, null])) };
  const groups = { etcd: all, postgres: all, postgres_proxy: all, postgres_backup: { hosts: { v3: null } }, monitoring: { hosts: { v1: null } }, ...(openbao ? { vault: all } : {}) };
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: groups } }));
  const below = await run(['base', 'pki', 'etcd', 'postgres', 'postgres-proxy', 'postgres-backup', ...(openbao ? ['vault'] : [])].map(book));
  expect([troubles(below), below.status]).toEqual(['', 0]);
  if (openbao) {
    const made = await vault.vault('init', '--yes');
    expect([made.stderr, made.status]).toEqual([expect.stringContaining('v3 has joined') as string, 0]);
  }
});
afterAll(async () => {
  project.remove();
  await mail.close();
  await labDown(ownLab('services'));
});

it('watches them all: a second apply changes nothing, verify finds every target up, and nothing fires', async () => {
  const made = await run(MONITORING);
  expect([troubles(made), made.status]).toEqual(['', 0]);
  const again = await run(MONITORING);
  expect([again.status, again.events.filter((e) => e.type === 'change')]).toEqual([0, []]);
  const verified = await run(MONITORING, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual(['', 0]);
  const jobs = (await ask('targets?state=active', '.data.activeTargets[] | "\\(.labels.job) \\(.health)"')).split('\n');
  for (const job of ['etcd', 'patroni', 'postgres', 'haproxy', ...(openbao ? ['vault'] : [])]) expect(jobs).toContain(`${job} up`);
  console.log(`firing: ${(await firing()).join(', ')}`);
});

/** Metrics that are there in some states only, or of what this drill does not have. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  care_unit_failed: 'only of units that have failed', care_time_synchronised: 'chrony serves no clock here', node_vmstat_oom_kill: 'a container sees no /proc/vmstat of its own',
  care_postgres_xid_age: 'role postgres_databases', care_postgres_corruptions: 'role postgres_databases', care_postgres_job_success: 'role postgres_databases',
  care_kubernetes_backup_timestamp_seconds: 'Kubernetes', care_s3_copy_timestamp_seconds: 'role s3_copy', care_s3_copy_interval_seconds: 'role s3_copy', care_postgres_backup_last_run_failed: 'after the first run by a timer', care_restore_last_failed: 'after the first proof', care_restore_verified_timestamp_seconds: 'after the first proof',
  probe_ssl_earliest_cert_expiry: 'no probe', probe_success: 'no probe', care_log_append_only: 'role logging',
};

it('every metric of the rules is one that the services really have', async () => {
  // One backup and one proof by their units, as the timers would.
  await onHost(lab, 'v3', 'systemctl start care-postgres-backup@full.service && systemctl start care-postgres-restore-proof.service && systemctl start care-postgres-backup-status.service');
  if (openbao) await onHost(lab, 'v1', 'systemctl start care-vault-snapshot.service');
  // PgBouncer has a pool when somebody has come.
  const came = await run([book('postgres-proxy')], { mode: 'verify' });
  expect([troubles(came), came.status]).toEqual(['', 0]);
  await new Promise((resolve) => setTimeout(resolve, 90_000));
  const there = new Set((await ask('label/__name__/values', '.data[]')).split('\n'));
  const missing = ['host', 'certificates', 'etcd', 'postgres', 'backup', 'proxy', 'monitoring', ...(openbao ? ['vault'] : [])].flatMap((file) => {
    const rules = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ expr: z.string() })) })) }).parse(parse(readFileSync(path.join(repository, 'roles', 'monitoring', 'files', 'rules', `${file}.yml`), 'utf8')));
    const names = rules.groups.flatMap((g) => g.rules.flatMap(({ expr }) => expr.replaceAll(/\{[^}]*\}/g, '').match(/\b(?:care|node|patroni|pg|haproxy|etcd|vault|probe|prometheus|alertmanager)_\w+/g) ?? []));
    return [...new Set(names)].filter((name) => !there.has(name) && !Object.hasOwn(ELSEWHERE, name)).map((name) => `${file}: ${name}`);
  });
  expect(missing).toEqual([]);
  console.log(`known absent here: ${Object.keys(ELSEWHERE).filter((name) => !there.has(name)).join(', ')}`);
  // By the calendars of the role: every six hours, a week, a night.
  expect(await ask('query?query=care_postgres_backup_interval_seconds', '.data.result[] | "\\(.metric.type) \\(.value[1])"')).toBe('any 21600\nfull 604800\nproof 86400');
  expect(await ask('query?query=care_etcd_snapshot_interval_seconds', '.data.result[] | .value[1]')).toBe('3600');
});

it('a replica whose replay is paused while Patroni is fires, and is over when it goes on', async () => {
  const leader = (await onHost(lab, 'v1', 'timeout 20 care-patronictl list -f tsv')).split('\n').find((line) => line.includes('\tLeader\t'))?.split('\t')[1];
  const replica = MEMBERS.find((name) => name !== leader) ?? '';
  const sql = (host: string, text: string): Promise<string> => onHost(lab, host, `runuser -u postgres -- psql -XAtq -p 5432 -d postgres -c "${text}"`);
  // Patroni resumes what was paused by hand when its loop comes round, unless it is in pause itself.
  await onHost(lab, 'v1', 'timeout 60 care-patronictl pause --wait');
  await sql(replica, 'SELECT pg_wal_replay_pause()');
  const begun = Date.now();
  await eventually(async () => (await firing()).includes(`PostgresReplayPaused ${replica}`), 150_000, () => 'PostgresReplayPaused is silent');
  console.log(`PostgresReplayPaused after ${String(Math.round((Date.now() - begun) / 1000))} s`);
  await sql(leader ?? '', 'CREATE TABLE IF NOT EXISTS filler AS SELECT repeat(md5(g::text), 40) AS t FROM generate_series(1, 30000) g');
  const behind = Date.now();
  await eventually(async () => (await firing()).includes(`PostgresReplicaBehind ${replica}`), 120_000, () => 'PostgresReplicaBehind is silent');
  console.log(`PostgresReplicaBehind after ${String(Math.round((Date.now() - behind) / 1000))} s`);
  await sql(replica, 'SELECT pg_wal_replay_resume()');
  await onHost(lab, 'v1', 'timeout 60 care-patronictl resume --wait');
  await eventually(async () => !(await firing()).some((one) => /^PostgresRepl/.test(one)), 180_000, () => 'the replica is still said to be behind');
});

it.skipIf(!openbao)('a member of the vault that is sealed fires, and is over when people have opened it', async () => {
  await onHost(lab, 'v2', 'systemctl restart care-vault');
  await eventually(async () => (await firing()).includes('VaultSealed v2'), 240_000, () => 'VaultSealed is silent');
  const opened = await vault.unseal();
  expect(opened.status).toBe(0);
  await eventually(async () => !(await firing()).some((one) => one.startsWith('Vault')), 240_000, () => 'the vault is still said to be ill');
});
