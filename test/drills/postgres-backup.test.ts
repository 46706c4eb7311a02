/**
 * Backups of a three-member PostgreSQL cluster in two repositories, on fresh hosts: made, checked, drifted, failed over, a
 * repository damaged, a member made from the repository, the cluster taken back to a moment, lost and brought back.
 */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { Secret } from '../../src/support/secret.ts';
import type { Result } from '../unit/run/support.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const MEMBERS = ['bp1', 'bp2', 'bp3'] as const;
const REPOSITORIES = ['br1', 'br2'] as const;
const HOSTS = [...MEMBERS, ...REPOSITORIES];
/** Debian 12, whose pgBackRest speaks with no other's. */
const OLD = 'br3';
const playbooks = path.join(import.meta.dirname, '..', '..', 'playbooks');
const SITE = ['base', 'pki', 'etcd', 'postgres', 'postgres-backup'].map((name) => path.join(playbooks, `${name}.yml`));
const BACKUP = [path.join(playbooks, 'postgres-backup.yml')];
const RESTORE = [path.join(playbooks, 'postgres-restore.yml')];
const DATA = '/var/lib/postgresql/17/care';
const SECRETS = {
  postgres_admin_password: new Secret('admin-password-of-the-drill'),
  postgres_rest_password: new Secret('rest-password-of-the-drill'),
  postgres_backup_passphrase: new Secret('passphrase-of-the-drill-of-backups'),
};

let lab: Lab;
let project: LabProject;

function writeInventory(repositories: readonly string[]): void {
  const hosts = Object.fromEntries([...HOSTS, OLD].map((name) => {
    const variables = hostVariables(lab, name);
    const address = String(variables['ansible_host']);
    return [name, { ...variables, etcd_address: address, postgres_address: address, pki_host_address: address }];
  }));
  const vars = {
    time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
    postgres_shared_buffers_mb: 64, postgres_client_networks: ['172.16.0.0/12'],
  };
  const group = (names: readonly string[]): object => ({ hosts: Object.fromEntries(names.map((name) => [name, null])) });
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: group(MEMBERS), postgres: group(MEMBERS), postgres_backup: group(repositories) } } }));
}

beforeAll(async () => {
  const specs = HOSTS.map((name) => ({ name, site: name.endsWith('1') ? 'kochi' : 'delhi', release: 'trixie' as const }));
  lab = await labUp({ ...ownLab('backup'), hosts: [...specs, { name: OLD, site: 'delhi', release: 'bookworm' }] });
  project = labProject({});
  writeInventory(REPOSITORIES);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('backup'));
});

const run = (books: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> =>
  project.run({ playbooks: books, limit: `all:!${OLD}`, ...options, extraVars: { ...SECRETS, ...options.extraVars } });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.role}|${e.task}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): readonly string[] => HOSTS.map((name) => troubleOf(result, name)).filter((text) => text !== '');
/** What the first hosts that failed said: the play ended for the others then. */
const refusal = (result: Result): string => [...HOSTS, OLD].map((name) => troubleOf(result, name)).join('\n');
const containing = (text: string): unknown => expect.stringContaining(text);

/** Check, then apply: what is predicted is what is made, nothing is unknown, and a second apply changes nothing. */
async function converge(books: readonly string[]): Promise<readonly string[]> {
  const predicted = await run(books, { mode: 'check' });
  expect([troubles(predicted), predicted.summary?.total.unknown]).toEqual([[], 0]);
  const made = await run(books);
  expect([troubles(made), made.status]).toEqual([[], 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(books);
  expect([troubles(again), again.status, changes(again)]).toEqual([[], 0, []]);
  return changes(made);
}

const sql = (host: string, text: string): Promise<string> => onHost(lab, host, `runuser -u postgres -- psql -XAtq -d postgres -c "${text}"`);
async function leader(): Promise<string> {
  let found: string | undefined;
  await eventually(async () => {
    for (const name of MEMBERS) if ((await sql(name, 'SELECT NOT pg_is_in_recovery()').catch(() => '')) === 't') found = name;
    return found !== undefined;
  }, 120_000, () => 'somebody leads');
  return found ?? '';
}
const streaming = async (count: number): Promise<void> => {
  await eventually(async () => (await sql(await leader(), "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'pg_basebackup'")) === String(count), 180_000, () => `${String(count)} replicas stream`);
  // A member may stream and not be consistent yet: it answers nobody then.
  for (const name of MEMBERS) await eventually(async () => (await sql(name, 'SELECT 1').catch(() => '')) === '1', 120_000, () => `${name} answers`);
};
/** What `jq` makes of the state that a repository host keeps. */
const state = (host: string, file: string, filter: string): Promise<string> => onHost(lab, host, `jq -c '${filter}' /var/lib/care-postgres-backup/${file}`);

it('refuses a mixture of releases before anything is touched', async () => {
  writeInventory(['br1', OLD]);
  const refused = await run(BACKUP, { limit: undefined });
  expect([refused.status, refusal(refused)]).toEqual([3, containing("2.45 of Debian 12 and 2.55 of Debian 13 don't speak")]);
  expect(refused.events.flatMap((e) => (e.type === 'change' && e.role === 'postgres_backup' ? [e.resource] : []))).toEqual([]);
  writeInventory(REPOSITORIES);
});

it('makes stanza, archiving and first backups of fresh hosts, as predicted, and changes nothing the second time', async () => {
  const made = await converge(SITE);
  expect(made.filter((c) => c.includes('|postgres_backup|first full backup|'))).toEqual(REPOSITORIES.map((r) => `${r}|postgres_backup|first full backup|first backup of care`));
  for (const [i, host] of REPOSITORIES.entries()) expect(await state(host, `last-full-${String(i + 1)}.json`, '[.exit_status, .from_replica]')).toBe('[0,true]');
});

it('is verified, with a restore that was started and checked', async () => {
  const verified = await run(BACKUP, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual([[], 0]);
  expect(await state('br2', 'restore-proof-2.json', '[.ok, .checksums, .postgres_version]')).toBe('[true,"verified","17"]');
  expect(await onHost(lab, 'br2', 'ls /var/lib/postgresql-restore-proof; grep -c care_restore_verified_timestamp_seconds /var/lib/prometheus/node-exporter/care_postgres_backup.prom')).toBe('1');
});

it('makes small what changes little: one row in a hundred is at most a twentieth of a full backup', async () => {
  const first = await leader();
  await sql(first, "CREATE TABLE bulk AS SELECT i, md5(i::text) || md5((i + 1)::text) || md5((i + 2)::text) || md5((i + 3)::text) AS t FROM generate_series(1, 600000) AS i");
  // Otherwise the first to read it marks every row as committed, and so changes every page.
  await sql(first, 'VACUUM (FREEZE) bulk');
  await onHost(lab, 'br1', 'systemctl start care-postgres-backup@full');
  await sql(first, 'UPDATE bulk SET t = reverse(t) WHERE i <= 6000');
  await onHost(lab, 'br1', 'systemctl start care-postgres-backup@incr');
  const share = await onHost(lab, 'br1', "care-postgres-backup-status | jq '.repositories[] | select(.key == 1).newest | .incr.repository_bytes / .full.repository_bytes'");
  expect(Number(share)).toBeGreaterThan(0);
  expect(Number(share)).toBeLessThan(0.05);
  // Large files are kept in another form (.pgbi): verify must know it as encrypted.
  const verified = await run(BACKUP, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual([[], 0]);
  await sql(first, 'DROP TABLE bulk');
});

it('mends what was changed by hand, and nothing else', async () => {
  await onHost(lab, 'br1', "sed -i 's/^repo1-retention-full=.*/repo1-retention-full=99/' /etc/pgbackrest/pgbackrest.conf; systemctl stop care-pgbackrest; systemctl disable --now care-postgres-restore-proof.timer");
  await onHost(lab, 'bp2', "sed -i 's/archive-push/archive-pull/' /etc/patroni/care.d/50-backup.yml");
  expect(await converge(BACKUP)).toEqual([
    'bp2|postgres_backup|WAL goes to the repositories, and new replicas come from there|file /etc/patroni/care.d/50-backup.yml',
    'bp2|postgres_backup|reload patroni for backups|unit care-patroni.service',
    'br1|postgres_backup|configuration|file /etc/pgbackrest/pgbackrest.conf',
    'br1|postgres_backup|reload pgbackrest|unit care-pgbackrest.service',
    'br1|postgres_backup|the TLS server runs|unit care-pgbackrest.service',
    'br1|postgres_backup|timers of a repository host run|unit care-postgres-restore-proof.timer',
  ]);
});

it('finds a damaged file, and the other repository still restores', async () => {
  const file = await onHost(lab, 'br1', "find /var/lib/pgbackrest/br1/backup/care/*F/bundle -type f | head -n 1");
  await onHost(lab, 'br1', `cp -p ${file} /var/tmp/kept; printf XXXX | dd of=${file} bs=1 seek=5000 conv=notrunc 2>/dev/null; systemctl start care-postgres-backup@verify || true`);
  expect(await state('br1', 'last-verify-1.json', '[.exit_status, .error]')).toContain('invalid checksum');
  const verified = await run(BACKUP, { mode: 'verify' });
  expect([verified.status, troubleOf(verified, 'br1')]).toEqual([3, containing('the last verify of repository 1 failed')]);
  await onHost(lab, 'br2', 'systemctl start care-postgres-restore-proof');
  expect(await state('br2', 'restore-proof-2.json', '.ok')).toBe('true');
  await onHost(lab, 'br1', `cp -p /var/tmp/kept ${file}; systemctl start care-postgres-backup@verify care-postgres-restore-proof`);
  expect(await state('br1', 'last-verify-1.json', '.exit_status')).toBe('0');
});

it('archives without a gap after a failover, and takes the next backup from a replica', async () => {
  const before = await leader();
  await onHost(lab, before, `systemctl kill -s KILL care-patroni; kill -9 "$(head -n 1 ${DATA}/postmaster.pid)"; systemctl stop care-patroni`);
  await eventually(async () => (await leader()) !== before, 120_000, () => 'another leads');
  const after = await leader();
  await eventually(async () => (await sql(after, 'CREATE TABLE IF NOT EXISTS drill (n int)').catch(() => 'no')) === '', 30_000, () => `${after} takes writes`);
  await onHost(lab, 'br1', 'systemctl start care-postgres-backup@incr');
  expect(await state('br1', 'last-incr-1.json', '[.exit_status, .from_replica]')).toBe('[0,true]');
  await onHost(lab, before, 'systemctl start care-patroni');
  await streaming(2);
  // A row that dates what a restore brings back, and the WAL file with it on its way into the archive.
  await onHost(lab, after, 'care-postgres-backup-status --write');
  expect(await sql(after, 'SELECT pg_switch_wal() IS NOT NULL')).toBe('t');
  await onHost(lab, after, 'runuser -u postgres -- pgbackrest --stanza=care check');
  await onHost(lab, 'br1', 'systemctl start care-postgres-backup@verify care-postgres-restore-proof');
  expect(Number(await state('br1', 'restore-proof-1.json', '.newest_heartbeat'))).toBeGreaterThan(Date.now() / 1000 - 600);
  expect(await onHost(lab, 'br1', "journalctl -u care-postgres-backup@verify -o cat -n 30 | grep -cE '(missing|invalid|other): [1-9]' || true")).toBe('0');
  const verified = await run(BACKUP, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual([[], 0]);
});

it('tells of WAL that was dropped because no repository could be reached, until a newer backup is there', async () => {
  const small = await run(BACKUP, { extraVars: { postgres_backup_queue_max: '32MiB' } });
  expect([troubles(small), small.status]).toEqual([[], 0]);
  for (const host of REPOSITORIES) await onHost(lab, host, 'systemctl stop care-pgbackrest');
  const first = await leader();
  const problems = async (): Promise<string> => onHost(lab, first, 'care-postgres-backup-status --write; care-postgres-backup-status | jq -c .problems');
  try {
    await dropWal(first, problems);
  } finally {
    for (const host of REPOSITORIES) await onHost(lab, host, 'systemctl start care-pgbackrest');
  }
  const again = await run(BACKUP);
  expect([troubles(again), again.status]).toEqual([[], 0]);
  for (const host of REPOSITORIES) await onHost(lab, host, 'systemctl start care-postgres-backup@incr');
  expect(await problems()).toBe('[]');
});

/** Writes more WAL than may wait, until the status of `first` tells that some was dropped. */
async function dropWal(first: string, problems: () => Promise<string>): Promise<void> {
  for (const n of [1, 2, 3, 4, 5]) await sql(first, `SELECT pg_logical_emit_message(true, 'drill', '${String(n)}'), pg_switch_wal()`);
  await eventually(async () => (await problems()).includes('WAL was dropped'), 240_000, () => 'it tells that WAL was dropped');
  expect(await onHost(lab, first, "sed -n 's/^care_postgres_archive_dropped_timestamp_seconds{.*} //p' /var/lib/prometheus/node-exporter/care_postgres_backup.prom")).toMatch(/^[1-9][0-9]{9}$/);
}

it('makes a new replica from the repository', async () => {
  const first = await leader();
  const target = MEMBERS.find((name) => name !== first) ?? 'bp1';
  const since = await onHost(lab, target, `date '+%Y-%m-%d %H:%M:%S'; systemctl stop care-patroni; mv ${DATA} ${DATA}.former-drill`);
  const joined = await run([path.join(playbooks, 'postgres.yml')]);
  expect([troubles(joined), joined.status]).toEqual([[], 0]);
  await streaming(2);
  expect(await onHost(lab, target, `journalctl -u care-patroni -o cat --since '${since}' | grep -c 'replica has been created using pgbackrest'`)).toBe('1');
});

it('goes back to the moment between two rows, and refuses what it must', async () => {
  const first = await leader();
  await sql(first, 'DELETE FROM drill; INSERT INTO drill VALUES (1)');
  await onHost(lab, first, 'sleep 2');
  const moment = await sql(first, 'SELECT clock_timestamp()');
  await onHost(lab, first, 'sleep 2');
  await sql(first, 'INSERT INTO drill VALUES (2)');
  await sql(first, 'SELECT pg_switch_wal()');
  const unconfirmed = await run(RESTORE, { extraVars: { postgres_restore_to: moment } });
  expect([unconfirmed.status, refusal(unconfirmed)]).toEqual([3, containing('postgres_restore_confirm=care')]);
  const early = await run(RESTORE, { extraVars: { postgres_restore_to: '2001-01-01 00:00:00+00', postgres_restore_confirm: 'care' } });
  expect([early.status, refusal(early)]).toEqual([3, containing('no backup covers')]);
  expect(await sql(first, 'SELECT string_agg(n::text, chr(44) ORDER BY n) FROM drill')).toBe('1,2');
  const restored = await run(RESTORE, { extraVars: { postgres_restore_to: moment, postgres_restore_confirm: 'care' } });
  expect([troubles(restored), restored.status]).toEqual([[], 0]);
  expect(await sql(await leader(), 'SELECT n FROM drill')).toBe('1');
  expect(await onHost(lab, first, `ls -d ${DATA}.former-2*`)).toMatch(/former-/);
  await streaming(2);
  const verified = await run(BACKUP, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual([[], 0]);
  expect(changes(await run(SITE))).toEqual([]);
});

it('goes back to a restore point by its name, and to a place in the WAL', async () => {
  const rows = async (): Promise<string> => sql(await leader(), 'SELECT string_agg(n::text, chr(44) ORDER BY n) FROM drill');
  const back = async (to: string): Promise<void> => {
    const restored = await run(RESTORE, { extraVars: { postgres_restore_to: to, postgres_restore_confirm: 'care' } });
    expect([troubles(restored), restored.status]).toEqual([[], 0]);
    await streaming(2);
  };
  // One call is one transaction.
  for (const text of ['INSERT INTO drill VALUES (10)', "SELECT pg_create_restore_point('ten')", 'INSERT INTO drill VALUES (11)', 'SELECT pg_switch_wal()']) await sql(await leader(), text);
  await back('ten');
  expect(await rows()).toBe('1,10');
  await sql(await leader(), 'INSERT INTO drill VALUES (20)');
  const place = await sql(await leader(), 'SELECT pg_current_wal_insert_lsn()');
  for (const text of ['INSERT INTO drill VALUES (21)', 'SELECT pg_switch_wal()']) await sql(await leader(), text);
  await back(place);
  expect(await rows()).toBe('1,10,20');
  await sql(await leader(), 'DELETE FROM drill WHERE n > 1');
});

it('brings the cluster back after all of it was lost, and never touches the repository of another', async () => {
  await sql(await leader(), 'INSERT INTO drill VALUES (3)');
  await sql(await leader(), 'SELECT pg_switch_wal()');
  await onHost(lab, await leader(), 'sleep 10');
  for (const name of MEMBERS) await onHost(lab, name, 'systemctl stop care-patroni');
  for (const name of MEMBERS) await onHost(lab, name, 'systemctl stop care-etcd; rm -rf /var/lib/postgresql/* /var/lib/etcd/care/* /etc/patroni /etc/pgbackrest /etc/postgresql /etc/etcd/pki /var/spool/pgbackrest/*');
  const before = await onHost(lab, 'br1', 'sha256sum /var/lib/pgbackrest/br1/backup/care/backup.info');
  const empty = await run(SITE);
  expect([empty.status, refusal(empty)]).toEqual([3, containing('holds stanza care of another cluster')]);
  expect(await onHost(lab, 'br1', 'sha256sum /var/lib/pgbackrest/br1/backup/care/backup.info')).toBe(before);
  const restored = await run(RESTORE, { extraVars: { postgres_restore_to: 'latest', postgres_restore_confirm: 'care' } });
  expect([troubles(restored), restored.status]).toEqual([[], 0]);
  expect(await sql(await leader(), 'SELECT string_agg(n::text, chr(44) ORDER BY n) FROM drill')).toBe('1,3');
  await streaming(2);
  const verified = await run(BACKUP, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual([[], 0]);
  expect(changes(await run(SITE))).toEqual([]);
});
