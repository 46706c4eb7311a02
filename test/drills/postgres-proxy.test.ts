/** PgBouncer and HAProxy in front of a cluster of three: predicted, made, verified, drifted and mended, and what they do when roles change. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const MEMBERS = ['x1', 'x2', 'x3'] as const;
type Member = (typeof MEMBERS)[number];
const VERIFY_PASSWORD = 'verify-of-the-drill';
const repository = path.join(import.meta.dirname, '..', '..');
const book = (name: string): string => path.join(repository, 'playbooks', name);
const BELOW = ['base.yml', 'pki.yml', 'etcd.yml', 'postgres.yml'].map(book);
const PROXY = [book('postgres-proxy.yml')];
const MAX_LAG = 16 * 1024 * 1024;

let lab: Lab;
let project: LabProject;

beforeAll(async () => {
  lab = await labUp({ ...ownLab('proxy'), hosts: MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
  const hosts = Object.fromEntries(MEMBERS.map((name) => [name, { ...hostVariables(lab, name), etcd_address: String(hostVariables(lab, name)['ansible_host']) }]));
  const secret = (name: string): string => `{{ secret "${name}-of-the-drill" }}`;
  const vars = {
    time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
    postgres_shared_buffers_mb: 128, postgres_admin_password: secret('admin'), postgres_rest_password: secret('rest'), haproxy_read_max_lag: MAX_LAG,
    pgbouncer_auth_password: secret('pgbouncer'), pgbouncer_verify_password: `{{ secret "${VERIFY_PASSWORD}" }}`,
    // Patroni logs in to etcd from its first start on.
    etcd_auth: true, etcd_users: [{ name: 'patroni', password: secret('etcd'), grants: [{ prefix: '/service/' }] }], postgres_etcd_username: 'patroni', postgres_etcd_password: secret('etcd'),
  };
  const all = Object.fromEntries(MEMBERS.map((m) => [m, null]));
  project = labProject({ 'inventory.yml': JSON.stringify({ all: { vars, hosts, children: { etcd: { hosts: all }, postgres: { hosts: all }, postgres_proxy: { hosts: all } } } }) });
  const below = await run(BELOW);
  expect([...MEMBERS.map((name) => troubleOf(below, name)), below.status]).toEqual(['', '', '', 0]);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('proxy'));
});

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.task}|${e.resource}`] : [])))].sort();

/** Check, then apply: what is predicted is what is made, nothing is unknown, and a second apply changes nothing. */
async function converge(options: Partial<RunOptions> = {}): Promise<readonly string[]> {
  const predicted = await run(PROXY, { ...options, mode: 'check' });
  expect([predicted.summary?.total.unknown, predicted.summary?.total.failed]).toEqual([0, 0]);
  const made = await run(PROXY, options);
  expect([...MEMBERS.map((name) => troubleOf(made, name)), made.status]).toEqual(['', '', '', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(PROXY, options);
  expect([again.status, changes(again)]).toEqual([0, []]);
  return changes(made);
}

async function until(holds: () => Promise<boolean>, seconds: number, what: string): Promise<number> {
  const start = Date.now();
  while (!(await holds())) {
    if (Date.now() - start > seconds * 1000) throw new Error(`after ${String(seconds)} s still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return Date.now() - start;
}

/** Members that are up for a port, as the HAProxy of a host sees it. */
async function up(backend: 'write' | 'read', on: Member = 'x1'): Promise<readonly string[]> {
  return (await onHost(lab, on, `care-haproxy | awk '$1 == "${backend}" && $3 == "UP" { print $2 }' | sort`)).split('\n').filter((line) => line !== '');
}
async function leader(): Promise<Member> {
  const name = (await onHost(lab, 'x1', 'timeout 20 care-patronictl list -f tsv')).split('\n').find((line) => line.includes('\tLeader\t'))?.split('\t')[1];
  const found = MEMBERS.find((m) => m === name);
  if (found === undefined) throw new Error('there is no leader');
  return found;
}
const replica = async (): Promise<Member> => {
  const leads = await leader();
  return MEMBERS.find((m) => m !== leads) ?? 'x2';
};

const psql = (port: number, sql: string): string => `PGPASSWORD=${VERIFY_PASSWORD} PGCONNECT_TIMEOUT=10 psql -XAtq "host=localhost port=${String(port)} user=care_verify dbname=postgres sslmode=verify-full sslrootcert=/etc/care-provision/pki/ca.crt" -c "${sql}"`;
const asPostgres = (sql: string): string => `cd / && runuser -u postgres -- psql -XAtq -c "${sql}"`;

it('is made as predicted, and a second apply changes nothing', async () => {
  const made = await converge();
  expect(made.filter((c) => c.includes('|role and function that it asks by|')).map((c) => c.split('|')[2])).toEqual(['function pgbouncer.get_auth in postgres', 'role care_verify', 'role pgbouncer']);
});

it('is verified as its clients use it; a pool that is down is found', async () => {
  const verified = await run(PROXY, { mode: 'verify' });
  expect([...MEMBERS.map((name) => troubleOf(verified, name)), verified.status]).toEqual(['', '', '', 0]);
  await onHost(lab, await leader(), 'systemctl stop care-pgbouncer');
  expect((await run(PROXY, { mode: 'verify' })).status).toBe(3);
});

it('finds and mends drift: a stopped pool, an edited configuration, rights given by hand; sessions go on', async () => {
  const leads = await leader();
  await onHost(lab, 'x1', 'echo "# by hand" >>/etc/haproxy/haproxy.cfg');
  await onHost(lab, leads, asPostgres('ALTER ROLE pgbouncer SUPERUSER; GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO PUBLIC'));
  const pid = (): Promise<string> => onHost(lab, 'x1', 'systemctl show -p MainPID --value care-haproxy');
  const before = await pid();
  expect(await converge()).toEqual([
    `${leads}|it runs|unit care-pgbouncer.service`,
    `${leads}|role and function that it asks by|function pgbouncer.get_auth in postgres`,
    `${leads}|role and function that it asks by|role pgbouncer`,
    'x1|configuration|file /etc/haproxy/haproxy.cfg',
    'x1|reload haproxy|unit care-haproxy.service',
  ].sort());
  expect(await pid()).toBe(before);
});

it('puts no configuration in place that does not start; what runs goes on', async () => {
  const pool = await run(PROXY, { extraVars: { pgbouncer_ignore_startup_parameters: ['extra_float_digits\nnonsense = 1'] } });
  expect([pool.status, troubleOf(pool, 'x2')]).toEqual([3, expect.stringContaining('unknown parameter')]);
  expect(await onHost(lab, 'x2', psql(6432, 'SELECT 1'))).toBe('1');
  // The reload that the run was cut off before is still owed.
  expect((await run(PROXY)).status).toBe(0);
});

it('leads writers to the new leader after a switchover', async () => {
  const [from, to] = [await leader(), await replica()];
  expect(await up('write')).toEqual([from]);
  await onHost(lab, from, `timeout 120 care-patronictl switchover care --leader ${from} --candidate ${to} --force`);
  await until(async () => (await up('write')).join() === to, 30, `5000 leads to ${to}`);
  expect(await onHost(lab, 'x1', psql(5000, 'SELECT pg_is_in_recovery()'))).toBe('f');
  await until(async () => (await up('read')).includes(from), 60, `5001 leads to ${from}`);
});

it('cuts the sessions of a leader whose Patroni does not answer, though its server does', async () => {
  const leads = await leader();
  const session = onHost(lab, 'x1', `${psql(5000, 'SELECT pg_sleep(60)')} 2>&1; echo status $?`);
  await until(async () => (await onHost(lab, leads, asPostgres("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND pid <> pg_backend_pid()"))) === '1', 20, 'the session is there');
  const patroni = await onHost(lab, leads, 'systemctl show -p MainPID --value care-patroni');
  await onHost(lab, leads, `kill -STOP ${patroni}`);
  try {
    expect(await session).toMatch(/closed the connection unexpectedly|EOF detected/);
    expect(await onHost(lab, leads, asPostgres('SELECT pg_is_in_recovery()'))).toBe('f');
  } finally {
    await onHost(lab, leads, `kill -CONT ${patroni}`);
  }
  await until(async () => (await up('write')).length === 1, 60, 'a leader again');
});

it('leaves a replica out while it is behind, within ten seconds, and takes it in again', async () => {
  const [leads, behind] = [await leader(), await replica()];
  await until(async () => (await up('read')).includes(behind), 60, 'the replica is up');
  // Patroni resumes a replay that was paused by SQL; a stopped process it can't.
  const startup = await onHost(lab, behind, "pgrep -f 'postgres: care: startup' | head -n 1");
  await onHost(lab, behind, `kill -STOP ${startup}`);
  try {
    await onHost(lab, leads, asPostgres('CREATE TABLE drill_lag AS SELECT repeat(md5(i::text), 30) FROM generate_series(1, 40000) AS i'));
    const gone = await until(async () => !(await up('read')).includes(behind), 10, `${behind} has left 5001`);
    expect(gone).toBeLessThan(10_000);
    const other = MEMBERS.find((m) => m !== leads && m !== behind);
    expect(await up('read')).toEqual([other]);
  } finally {
    await onHost(lab, behind, `kill -CONT ${startup}`);
  }
  await until(async () => (await up('read')).includes(behind), 30, `${behind} is back`);
  await onHost(lab, leads, asPostgres('DROP TABLE drill_lag'));
});

it('listens on loopback alone for a balancer of its own host', async () => {
  const made = await converge({ extraVars: { haproxy_bind: '127.0.0.1' } });
  expect(made.filter((c) => c.startsWith('x3|')).map((c) => c.split('|')[2]).sort()).toEqual(['file /etc/haproxy/haproxy.cfg', 'file /etc/care-provision/firewall.d/haproxy.nft', 'unit care-firewall.service', 'unit care-haproxy.service'].sort());
  expect(await onHost(lab, 'x3', "ss -Hltn 'sport = :5000 or sport = :5001 or sport = :5002' | awk '{ print $4 }' | sort")).toBe('127.0.0.1:5000\n127.0.0.1:5001\n127.0.0.1:5002');
  expect(await onHost(lab, 'x3', psql(5000, 'SELECT pg_is_in_recovery()'))).toBe('f');
  expect(await onHost(lab, 'x3', "grep -c 'dport' /etc/care-provision/firewall.d/haproxy.nft || true")).toBe('0');
});

it('refuses numbers and addresses that can not work, before anything is changed', async () => {
  const pools = await run(PROXY, { extraVars: { pgbouncer_max_db_connections: 500 } });
  expect([pools.status, troubleOf(pools, 'x1')]).toEqual([3, expect.stringContaining('pgbouncer_server_max_connections')]);
  const names = await run(PROXY, { extraVars: { postgres_address: 'db.example.org' } });
  expect([names.status, changes(names)]).toEqual([3, []]);
});
