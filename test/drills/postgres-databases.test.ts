/** Databases, rights, audit, partitions, shards and maintenance jobs on a Patroni cluster of three: made, drifted, mended, failed over. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const MEMBERS = ['d1', 'd2', 'd3'] as const;
const repository = path.join(import.meta.dirname, '..', '..');
const playbook = (name: string): string => path.join(repository, 'playbooks', name);
const CLUSTER = ['base.yml', 'pki.yml', 'etcd.yml', 'postgres.yml'].map(playbook);
const DATABASES = [playbook('postgres-databases.yml')];

let lab: Lab;
let project: LabProject;

const passwordOf = (name: string): string => createHash('sha256').update(`drill${name}`).digest('hex');
const secretOf = (name: string): string => `{{ secret (sha256 "drill${name}") }}`;
const care = {
  name: 'care', schemas: ['public', 'audit'], extensions: [{ name: 'pg_trgm' }], audit: { tables: ['public.patient'] }, hot_tables: ['public.patient', 'audit.event', 'audit.daily'], settings: { work_mem: '8MB' },
  row_security: [{ table: 'public.patient', policies: [{ name: 'own tenant', roles: ['care_rw', 'care_ro'], using: "tenant = current_setting('care.tenant', true)::int" }], verify: [{ role: 'care_rw', settings: { 'care.tenant': '1' }, only: 'tenant = 1' }] }],
  partitions: [{ table: 'audit.event', control: 'at', interval: '1 month', retention: '3 months' }, { table: 'audit.daily', control: 'at', interval: '1 day' }],
};
const vars = {
  time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
  postgres_admin_password: secretOf('admin'), postgres_rest_password: secretOf('rest'), postgres_shared_buffers_mb: 64, postgres_client_networks: ['172.16.0.0/12'],
  postgres_shared_preload_libraries: ['pg_stat_statements', 'pgaudit'], postgres_extension_packages: ['postgresql-17-pgaudit', 'postgresql-17-partman'], postgres_reindex_min_bytes: 1_048_576,
  postgres_databases: [care, { name: 'shard0', schemas: ['public', 'audit'] }, { name: 'shard1', schemas: ['public', 'audit'] }],
  postgres_roles: [
    { name: 'care_app', password: secretOf('care_app'), member_of: ['care_rw'], settings: { statement_timeout: '60s' } },
    { name: 'care_migrate', password: secretOf('care_migrate'), member_of: ['care_owner'], settings: { role: 'care_owner', lock_timeout: '5s' } },
    { name: 'care_report', password: secretOf('care_report'), member_of: ['care_ro'], connection_limit: 10 },
    { name: 'care_shard', password: secretOf('care_shard'), member_of: ['shard0_owner', 'shard1_owner'] },
  ],
  postgres_shards: [{
    database: 'care', table: 'audit.log', columns: 'id bigint NOT NULL, at timestamptz NOT NULL, what text', key: 'id', user: 'care_shard', password: secretOf('care_shard'),
    servers: [{ name: 's0', database: 'shard0', local: true }, { name: 's1', database: 'shard1', local: true }],
  }],
};

beforeAll(async () => {
  lab = await labUp({ ...ownLab('databases'), hosts: [{ name: 'd1', site: 'kochi', release: 'trixie' }, { name: 'd2', site: 'kochi', release: 'trixie' }, { name: 'd3', site: 'delhi', release: 'trixie' }] });
  project = labProject({});
  const hosts = Object.fromEntries(MEMBERS.map((name) => {
    const host = hostVariables(lab, name);
    return [name, { ...host, etcd_address: String(host['ansible_host']), postgres_address: String(host['ansible_host']) }];
  }));
  const all = Object.fromEntries(MEMBERS.map((m) => [m, null]));
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: { hosts: all }, postgres: { hosts: all } } } }));
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('databases'));
});

const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: DATABASES, ...options });
const changes = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'change' && e.role === 'postgres_databases' ? [`${e.task}|${e.resource}`] : [])).sort();

/** Check, then apply: what is predicted is what is made, nothing is unknown, and a second apply changes nothing. */
async function converge(playbooks: readonly string[] = DATABASES): Promise<readonly string[]> {
  const predicted = await run({ mode: 'check', playbooks });
  expect([predicted.summary?.total.unknown, predicted.summary?.total.failed]).toEqual([0, 0]);
  const made = await run({ playbooks });
  expect([...MEMBERS.map((name) => troubleOf(made, name)), made.status]).toEqual(['', '', '', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run();
  expect([again.status, changes(again)]).toEqual([0, []]);
  return changes(made);
}

async function verified(): Promise<string> {
  const result = await run({ mode: 'verify' });
  return MEMBERS.map((name) => troubleOf(result, name)).join('');
}

async function leader(): Promise<string> {
  const rows = await onHost(lab, 'd1', 'care-patronictl list -f tsv');
  const row = rows.split('\n').map((line) => line.split('\t')).find((fields) => fields.includes('Leader'));
  if (row?.[1] === undefined) throw new Error(`no leader in ${rows}`);
  return row[1];
}

/** Statements as the superuser on the leader; rows, fields separated by `|`. */
async function sql(statements: string, database = 'care'): Promise<string> {
  return onHost(lab, await leader(), `runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d ${database} <<'CARE_SQL'\n${statements}\nCARE_SQL\n`);
}

async function sqlAs(role: string, statements: string): Promise<string> {
  return onHost(lab, await leader(), `PGPASSWORD=${passwordOf(role)} runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -U ${role} -d care <<'CARE_SQL'\n${statements}\nCARE_SQL\n`);
}

async function job(name: string, more = ''): Promise<string> {
  return onHost(lab, await leader(), `runuser -u postgres -- care-postgres-maintenance ${name} ${more} 2>&1`);
}

it('makes databases, roles and rights on bare hosts, as predicted, and changes nothing the second time', async () => {
  const made = await converge([...CLUSTER, ...DATABASES]);
  expect(made.filter((c) => c.startsWith('databases|'))).toEqual(['databases|database care', 'databases|database shard0', 'databases|database shard1']);
  expect(await sql("SELECT count(*) FROM pg_roles WHERE rolsuper", 'postgres')).toBe('2');
});

it('takes the tables of the application under its care once they are there', async () => {
  await sqlAs('care_migrate', `
    CREATE TABLE patient (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant int, name text);
    INSERT INTO patient (tenant, name) SELECT i % 3, md5(i::text) FROM generate_series(1, 100000) i;
    CREATE INDEX patient_name ON patient (name);
    CREATE TABLE audit.event (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
    CREATE TABLE audit.daily (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
    CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';`);
  expect(await converge()).toEqual([
    'partition sets|partitions of care.audit.daily', 'partition sets|partitions of care.audit.event',
    'rights|privileges on table care.public.patient', 'row-level security|row-level security of table care.public.patient',
  ]);
});

it('is verified, and the checks can fail', async () => {
  expect(await verified()).toBe('');
  await sql("CREATE ROLE mallory LOGIN; GRANT SELECT ON patient TO mallory; GRANT USAGE ON SCHEMA public TO mallory");
  const trouble = await verified();
  expect(trouble).toContain('mallory may SELECT on table public.patient');
  expect(trouble).toContain('mallory may USAGE on schema public');
});

it('finds what somebody changed by hand, and mends it', async () => {
  await sql(`
    ALTER ROLE mallory SUPERUSER; GRANT UPDATE (name) ON patient TO mallory; GRANT care_rw TO mallory; GRANT USAGE ON SCHEMA public TO PUBLIC;
    ALTER ROLE care_app SET statement_timeout = '1h'; ALTER ROLE care_report PASSWORD 'guessed'; ALTER DATABASE care SET work_mem = '1GB'; ALTER DATABASE care SET log_statement = 'none';
    ALTER POLICY "own tenant" ON patient USING (true); CREATE POLICY extra ON patient USING (true);
    ALTER DEFAULT PRIVILEGES FOR ROLE care_owner IN SCHEMA public GRANT DELETE ON TABLES TO mallory;
    CREATE TABLE byhand (a int); GRANT EXECUTE ON FUNCTION f(int) TO PUBLIC;
    GRANT SELECT ON patient TO care_ro WITH GRANT OPTION; SET ROLE care_ro; GRANT SELECT ON patient TO care_report; RESET ROLE;
    UPDATE partman.part_config SET premake = 1 WHERE parent_table = 'audit.event';`);
  expect(await converge()).toEqual([
    'databases|database care', 'members|member mallory of role care_rw', 'nobody else has power|role mallory, which nobody declared so', 'partition sets|partitions of care.audit.event',
    'rights|privileges on care: future tables of care_owner in public', 'rights|privileges on column care.public.patient.name', 'rights|privileges on function care.public.f(a integer)',
    'rights|privileges on schema care.public', 'rights|privileges on table care.public.byhand', 'rights|privileges on table care.public.patient',
    'roles that log in|role care_app', 'roles that log in|role care_report', 'row-level security|row-level security of table care.public.patient',
  ]);
  expect(await sql("SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = 'mallory'")).toBe('f|t');
  expect(await verified()).toBe('');
});

it('hides the rows of other tenants', async () => {
  expect(await sqlAs('care_app', "SET care.tenant = '1'; SELECT count(*), min(tenant), max(tenant) FROM patient")).toBe('33334|1|1');
  expect(await sqlAs('care_app', 'SELECT count(*) FROM patient')).toBe('0');
});

it('keeps partitions ahead for 90 days, and nothing in the default one', async () => {
  await sql(`DO $$ BEGIN
    FOR day IN 0..90 LOOP
      INSERT INTO audit.daily SELECT now() + day * interval '1 day', 'x' FROM generate_series(1, 10);
      PERFORM partman.run_maintenance('audit.daily', p_jobmon := false);
    END LOOP;
  END $$`);
  const ahead = "SELECT count(*) FROM partman.show_partitions('audit.daily') p, LATERAL partman.show_partition_info(p.partition_schemaname || '.' || p.partition_tablename, p_parent_table := 'audit.daily') i WHERE i.child_start_time > now() + interval '90 days'";
  expect(Number(await sql(ahead))).toBeGreaterThanOrEqual(4);
  expect(await sql('SELECT count(*) FROM audit.daily_default')).toBe('0');
  expect(await sql("SELECT count(*) FROM audit.daily")).toBe('910');
  const plan = await sql("EXPLAIN (COSTS OFF) SELECT * FROM audit.daily WHERE at >= date_trunc('day', now()) + interval '5 days' AND at < date_trunc('day', now()) + interval '6 days'");
  expect(plan.split('\n').filter((line) => line.includes('Scan on')).filter((line) => !line.includes('Subplans'))).toHaveLength(1);
});

it('archives a partition past its retention, which can be put back', async () => {
  await sql(`CREATE TABLE audit.event_old PARTITION OF audit.event FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
    ALTER TABLE audit.event_old RENAME TO event_p20200101; ALTER TABLE audit.event_p20200101 OWNER TO care_owner;
    INSERT INTO audit.event (at, what) SELECT '2020-01-02'::timestamptz + i * interval '1 minute', E'two\\nlines' FROM generate_series(1, 500) i;`);
  expect(await job('partitions', '--now')).toContain('500 rows, dropped, archived');
  const [rows, state, file, sum] = (await sql("SELECT row_count, state, file, sha256 FROM care_maintenance.archives WHERE partition = 'audit.event_p20200101'", 'postgres')).split('|');
  expect([rows, state]).toEqual(['500', 'dropped']);
  expect(await sql("SELECT to_regclass('audit.event_p20200101') IS NULL")).toBe('t');
  expect(await onHost(lab, await leader(), `sha256sum ${String(file)}`)).toContain(String(sum));
  await onHost(lab, await leader(), `runuser -u postgres -- pg_restore -d care ${String(file)}`);
  expect(await sql("SELECT count(*) FROM audit.event WHERE at < '2020-02-01'")).toBe('500');
  expect(await converge()).toEqual([]);
});

it('spreads rows over shards, finds each through the parent, and answers while one is away', async () => {
  await sqlAs('care_migrate', "INSERT INTO audit.log SELECT i, now(), 'x' FROM generate_series(1, 10000) i");
  const counts = await Promise.all(['shard0', 'shard1'].map(async (shard) => Number(await sql('SELECT count(*) FROM audit.log', shard))));
  expect(counts.reduce((a, b) => a + b)).toBe(10_000);
  expect(Math.min(...counts)).toBeGreaterThan(4_500);
  expect(await sql('SELECT count(DISTINCT id) FROM audit.log')).toBe('10000');
  const on0 = await sql('SELECT min(id) FROM audit.log', 'shard0');
  expect((await sql(`EXPLAIN (COSTS OFF) SELECT * FROM audit.log WHERE id = ${on0}`)).match(/Foreign Scan/g)).toHaveLength(1);
  // Two databases stand for two clusters: one that takes no connections stands for a cluster that is down.
  await sql("ALTER DATABASE shard1 ALLOW_CONNECTIONS false; SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'shard1'", 'postgres');
  expect(await sql(`SELECT what FROM audit.log WHERE id = ${on0}`)).toBe('x');
  await expect(sql('SELECT count(*) FROM audit.log')).rejects.toThrow('shard1');
  await sql('ALTER DATABASE shard1 ALLOW_CONNECTIONS true', 'postgres');
});

it('rebuilds a bloated index while others write, and takes half-made ones away', async () => {
  await sql('DELETE FROM patient WHERE id % 5 <> 0');
  // Rows that a standby may still be reading stay for a moment (hot_standby_feedback).
  await eventually(async () => Number(await sql("VACUUM patient; SELECT avg_leaf_density FROM care_maintenance.pgstatindex('patient_name')")) < 35, 60_000, () => 'a bloated index');
  await sql("CREATE INDEX patient_name_ccnew ON patient (name); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'patient_name_ccnew'::regclass");
  // Any wait for a lock of more than a second ends this writer.
  const writer = onHost(lab, await leader(), `touch /tmp/writing; n=0; while [ -e /tmp/writing ]; do
    printf "SET lock_timeout = '1s'; UPDATE patient SET name = md5(random()::text) WHERE id = 5; INSERT INTO patient (tenant, name) VALUES (1, 'new'); SELECT count(*) FROM patient WHERE name = 'new'" |
      runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d care >/dev/null || exit 1
    n=$((n + 1)); done; echo $n`);
  await onHost(lab, await leader(), 'sleep 1');
  const said = await job('reindex', '--now');
  await onHost(lab, await leader(), 'rm /tmp/writing');
  expect(Number(await writer)).toBeGreaterThan(0);
  expect(said).toContain('patient_name_ccnew: invalid, dropped');
  expect(said).toMatch(/public\.patient_name: rebuilt/);
  const [before, after] = (await sql("SELECT bloat_percent, percent_after FROM care_maintenance.bloat WHERE relation = 'public.patient_name' AND action = 'rebuilt'", 'postgres')).split('|').map(Number);
  expect(before).toBeGreaterThan(60);
  expect(after).toBeLessThan(20);
});

const runsOf = (name: string): Promise<string> => sql(`SELECT host, attempt, ok FROM care_maintenance.runs WHERE job = '${name}' AND slot NOT LIKE 'now-%'`, 'postgres');
const fire = (name: string): Promise<readonly string[]> => Promise.all(MEMBERS.map((m) => onHost(lab, m, `systemctl start care-postgres-${name}.service; systemctl show -p Result --value care-postgres-${name}.service`)));

async function failOver(): Promise<{ readonly old: string; readonly now: string }> {
  const old = await leader();
  const to = MEMBERS.find((m) => m !== old) ?? '';
  await onHost(lab, old, `care-patronictl switchover care --leader ${old} --candidate ${to} --force`);
  await eventually(async () => (await onHost(lab, 'd1', 'care-patronictl list -f tsv').catch(() => '')).split('\n').some((line) => line.includes(`\t${to}\t`) && line.includes('Leader') && line.includes('running')), 60_000, () => 'a new leader');
  await eventually(() => sql('SELECT pg_is_in_recovery()', 'postgres').then((r) => r === 'f', () => false), 60_000, () => 'a leader that takes writes');
  return { old, now: to };
}

it('runs a job once in a slot though all members fire, also when the leader changes', async () => {
  const before = await leader();
  expect(await fire('vacuum')).toEqual(['success', 'success', 'success']);
  expect(await runsOf('vacuum')).toBe(`${before}|1|t`);
  const { now } = await failOver();
  expect(await fire('vacuum')).toEqual(['success', 'success', 'success']);
  expect(await runsOf('vacuum')).toBe(`${before}|1|t`);
  expect(await onHost(lab, now, 'cat /var/lib/care-postgres/maintenance/vacuum.prom')).toContain('care_postgres_job_success{job="vacuum"} 1');
});

it('takes a run up that a failover cut off', async () => {
  const old = await leader();
  await sql("DELETE FROM care_maintenance.runs WHERE job = 'vacuum'", 'postgres');
  // Locks that are held make the job wait and try again, for most of a minute, while its host loses the lead.
  const lock = onHost(lab, old, "echo 'BEGIN; LOCK TABLE public.patient, audit.event, audit.daily; SELECT pg_sleep(90)' | runuser -u postgres -- psql -Xq -d care >/dev/null 2>&1 || true");
  await eventually(async () => (await sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'public.patient'::regclass")) === '1', 20_000, () => 'the lock');
  await onHost(lab, old, 'systemctl start --no-block care-postgres-vacuum.service');
  await eventually(async () => (await runsOf('vacuum')) === `${old}|1|`, 20_000, () => 'a run');
  const { now } = await failOver();
  expect(await runsOf('vacuum')).toBe(`${old}|1|`);
  await lock;
  await eventually(async () => (await onHost(lab, old, 'systemctl is-active care-postgres-vacuum.service || true')) !== 'activating', 90_000, () => 'the end of the run that was cut off');
  expect(await fire('vacuum')).toEqual(['success', 'success', 'success']);
  expect(await runsOf('vacuum')).toBe(`${now}|2|t`);
});

it('keeps a failed job failed until it is mended', async () => {
  const at = await leader();
  await onHost(lab, at, "echo 'nodb' >>/etc/care-postgres/databases");
  await onHost(lab, at, 'systemctl start care-postgres-amcheck.service || true');
  await onHost(lab, at, 'systemctl start care-postgres-amcheck.service || true');
  expect(await onHost(lab, at, 'systemctl is-failed care-postgres-amcheck.service')).toBe('failed');
  expect(await onHost(lab, at, 'cat /var/lib/care-postgres/maintenance/amcheck.prom')).toContain('care_postgres_job_success{job="amcheck"} 0');
  expect(await verified()).toContain('amcheck failed');
  await run();
  expect(await job('amcheck', '--now')).toContain('amcheck done');
  await onHost(lab, at, 'systemctl start care-postgres-amcheck.service');
  expect(await verified()).toBe('');
});

it('locks undeclared logins where asked, and refuses what does not go together', async () => {
  const made = await run({ extraVars: { postgres_unlisted_logins: 'lock' } });
  expect(changes(made)).toEqual(['nobody else has power|role mallory, which nobody declared so']);
  const bad = await run({ extraVars: { postgres_shared_preload_libraries: ['pg_stat_statements'] } });
  expect([bad.status, troubleOf(bad, 'd1')]).toEqual([3, expect.stringContaining('pgaudit must be in postgres_shared_preload_libraries')]);
});
