/** A major upgrade of a cluster as hospitals have it: with proxies in front, backups behind, and an extension in the data. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { awaitLeader, CHECKSUM, nothingLost, OLDER_PACKAGES, psql, SCHEMA, Writer } from './support/upgrade-lab.ts';

const MEMBERS = ['ub1', 'ub2', 'ub3'] as const;
const REPOSITORY = 'ubr';
const HOSTS = [...MEMBERS, REPOSITORY];
const book = (...names: readonly string[]): readonly string[] => names.map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', name));
const SITE = book('pki.yml', 'etcd.yml', 'postgres.yml', 'postgres-proxy.yml', 'postgres-backup.yml');
const MAJOR = book('postgres-major-upgrade.yml');
/** On a quiet machine 12 s were seen without proxies; other tests share this one. */
const GAP_SECONDS = 60;

let lab: Lab;
let project: LabProject;

function writeInventory(version: number): void {
  const hosts = Object.fromEntries(HOSTS.map((name) => {
    const address = String(hostVariables(lab, name)['ansible_host']);
    return [name, { ...hostVariables(lab, name), etcd_address: address, postgres_address: address, pki_host_address: address }];
  }));
  const secret = (name: string): string => `{{ secret "${name}-of-the-drill" }}`;
  const vars = {
    base_firewall: false, postgres_version: version, postgres_other_version: true, postgres_shared_buffers_mb: 64,
    postgres_client_networks: ['172.30.0.0/15', '10.213.0.0/16', '10.214.0.0/16'],
    postgres_admin_password: secret('admin'), postgres_rest_password: secret('rest'), postgres_backup_passphrase: secret('passphrase'),
    pgbouncer_auth_password: secret('pgbouncer'), pgbouncer_verify_password: secret('verify'),
  };
  const group = (names: readonly string[]): object => ({ hosts: Object.fromEntries(names.map((name) => [name, null])) });
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: group(MEMBERS), postgres: group(MEMBERS), postgres_proxy: group(MEMBERS), postgres_backup: group([REPOSITORY]) } } }));
}

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const changes = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.role}|${e.task}|${e.resource}`] : []));
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).filter((t) => t !== '').join('\n');
async function succeeds(playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> {
  const result = await run(playbooks, options);
  expect([troubles(result), result.status]).toEqual(['', 0]);
  return result;
}
const leader = (): Promise<string> => awaitLeader(lab, MEMBERS);
/** What `pgbackrest info` knows of the stanza, by `jq`. */
const info = (filter: string): Promise<string> => onHost(lab, REPOSITORY, `runuser -u postgres -- pgbackrest --stanza=care --output=json info | jq -c '${filter}'`);

beforeAll(async () => {
  lab = await labUp({ ...ownLab('upgrade-backup'), hosts: HOSTS.map((name) => ({ name, site: name === 'ub3' ? 'delhi' : 'kochi', release: 'trixie' as const })) });
  project = labProject({});
  writeInventory(15);
  for (const name of HOSTS) await onHost(lab, name, OLDER_PACKAGES);
  await succeeds(SITE);
  const first = await leader();
  await psql(lab, first, 'postgres', SCHEMA);
  await psql(lab, first, 'app', 'create extension pg_trgm; create index patients_trgm on patients using gin (name gin_trgm_ops)');
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('upgrade-backup'));
});

it('upgrades under a writing client; archive, proxies and extension go with it, and nothing is left to change', async () => {
  const sum = await psql(lab, await leader(), 'app', CHECKSUM);
  expect(await info('[.[0].db[].version]')).toBe('["15"]');
  writeInventory(17);
  await succeeds(MAJOR, { extraVars: { postgres_upgrade_step: 'precheck' } });
  const writer = new Writer(lab, 'ub3', MEMBERS.map((name) => String(hostVariables(lab, name)['ansible_host'])), 1);
  await succeeds(MAJOR);
  const written = await writer.stop(lab, 'ub3');
  const led = await leader();
  expect(await psql(lab, led, 'app', "select current_setting('server_version')")).toMatch(/^17\./);
  expect(await psql(lab, led, 'app', CHECKSUM)).toBe(sum);
  await nothingLost(lab, led, written);
  expect(written.gap, 'seconds without a confirmed row').toBeLessThan(GAP_SECONDS);
  expect(await psql(lab, led, 'app', "set enable_seqscan = off; select count(*) from patients where name like '%son 77%'")).toBe('1111');

  expect(await info('[.[0].db[].version]')).toBe('["15","17"]');
  const again = await succeeds([...SITE, ...MAJOR]);
  expect(changes(again)).toEqual([]);
});

it('has a backup of the new version that is proven by a restore, and proxies that lead to it', async () => {
  expect(await info('.[0] as $s | [$s.backup[].database.id as $id | $s.db[] | select(.id == $id).version] | unique')).toBe('["15","17"]');
  const verified = await run(book('postgres.yml', 'postgres-proxy.yml', 'postgres-backup.yml'), { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual(['', 0]);
  expect(await onHost(lab, REPOSITORY, "jq -c '[.ok, .postgres_version]' /var/lib/care-postgres-backup/restore-proof-1.json")).toBe('[true,"17"]');
});

it('commits, and still changes nothing', async () => {
  await succeeds(MAJOR, { extraVars: { postgres_upgrade_step: 'commit', postgres_upgrade_delete_old: true } });
  const again = await succeeds([...SITE, ...MAJOR]);
  expect(changes(again)).toEqual([]);
});
