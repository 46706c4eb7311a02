/** Patroni members on fresh hosts by the site playbook: made, verified, reconfigured, loosened by hand, taken out, put in, wiped, all stopped. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const HOSTS = ['p1', 'p2', 'p3', 'p4'] as const;
const THREE = ['p1', 'p2', 'p3'] as const;
const repository = path.join(import.meta.dirname, '..', '..');
const book = (...names: readonly string[]): readonly string[] => names.map((name) => path.join(repository, 'playbooks', name));
const SITE = book('base.yml', 'pki.yml', 'etcd.yml', 'postgres.yml');
const POSTGRES = book('postgres.yml');
const DATA = '/var/lib/postgresql/17/care';

let lab: Lab;
let project: LabProject;

function writeInventory(members: readonly string[], more: Readonly<Record<string, unknown>> = {}): void {
  const hosts = Object.fromEntries(
    HOSTS.map((name) => {
      const address = String(hostVariables(lab, name)['ansible_host']);
      return [name, { ...hostVariables(lab, name), etcd_address: address, postgres_address: address, pki_host_address: address }];
    }),
  );
  const vars = {
    time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
    etcd_client_networks: ['172.30.0.0/15', '10.213.0.0/16', '10.214.0.0/16'], postgres_client_networks: ['172.30.0.0/15', '10.213.0.0/16', '10.214.0.0/16'],
    postgres_shared_buffers_mb: 64, postgres_step_timeout: 120,
    postgres_admin_password: '{{ secret "a-password-of-the-drill" }}', postgres_rest_password: '{{ secret "another-one-of-the-drill" }}', ...more,
  };
  const group = (names: readonly string[]): unknown => ({ hosts: Object.fromEntries(names.map((m) => [m, null])) });
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: group(THREE), postgres: group(members) } } }));
}

beforeAll(async () => {
  lab = await labUp({ ...ownLab('postgres'), hosts: HOSTS.map((name) => ({ name, site: name < 'p3' ? 'kochi' : 'delhi', release: 'trixie' as const })) });
  project = labProject({});
  writeInventory(THREE);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('postgres'));
});

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.role}|${e.task}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).filter((t) => t !== '').join('\n');

/** Check, then apply: what is predicted is what is made, nothing is unknown, and a second apply changes nothing. */
async function converge(playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<readonly string[]> {
  const predicted = await run(playbooks, { ...options, mode: 'check' });
  expect([troubles(predicted), predicted.summary?.total.unknown]).toEqual(['', 0]);
  const made = await run(playbooks, options);
  expect([troubles(made), made.status]).toEqual(['', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(playbooks, options);
  expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
  return changes(made);
}

async function verified(options: Partial<RunOptions> = {}): Promise<void> {
  const result = await run(POSTGRES, { mode: 'verify', ...options });
  expect([troubles(result), result.status]).toEqual(['', 0]);
}

interface Listed {
  readonly Member: string;
  readonly Role: string;
  readonly State: string;
}

async function listed(from = 'p1'): Promise<readonly Listed[]> {
  return JSON.parse(await onHost(lab, from, 'care-patronictl list -f json')) as readonly Listed[];
}
const memberNames = async (): Promise<readonly string[]> => (await listed()).map((m) => m.Member).sort();
const leaderName = async (): Promise<string> => (await listed()).find((m) => m.Role === 'Leader')?.Member ?? '';
const sql = (host: string, text: string): Promise<string> => onHost(lab, host, `su postgres -c 'psql -XAtq -d postgres -c "${text}"'`);

it('makes a cluster of three on fresh hosts, as predicted, and changes nothing the second time', async () => {
  const before = await Promise.all(HOSTS.map((name) => onHost(lab, name, 'ls /etc/patroni /etc/postgresql 2>/dev/null; true')));
  expect(before).toEqual(['', '', '', '']);
  const made = await converge(SITE);
  expect(made.filter((c) => c.endsWith('|Patroni member p1'))).toEqual(['p1|postgres|the cluster is there|Patroni member p1']);
  expect(await memberNames()).toEqual(['p1', 'p2', 'p3']);
  await verified();
});

it('finds and mends what somebody changed by hand: pg_hba.conf, a superuser, a parameter in etcd', async () => {
  await onHost(lab, 'p2', `sed -i '2a host all all 0.0.0.0/0 trust' ${DATA}/pg_hba.conf; su postgres -c "/usr/lib/postgresql/17/bin/pg_ctl reload -D ${DATA}"`);
  await sql(await leaderName(), 'CREATE ROLE mallory SUPERUSER LOGIN');
  expect((await run(POSTGRES, { mode: 'verify' })).status).toBe(3);
  const made = await converge(POSTGRES);
  expect(made).toEqual(['p1|postgres|the roles that the cluster itself needs|roles of PostgreSQL', 'p2|postgres|pg_hba.conf is what Patroni wrote|Patroni member p2']);
  await verified();
  await onHost(lab, 'p1', `care-patronictl edit-config care --force --set ttl=90 --pg work_mem=64MB`);
  expect(await converge(POSTGRES)).toEqual(['p1|postgres|configuration of the cluster|configuration of Patroni cluster care']);
});

it('restarts members one at a time for a parameter that needs it, the leader last, and none for others', async () => {
  const led = await leaderName();
  const larger = { extraVars: { postgres_max_connections: 250 } };
  const made = await converge(POSTGRES, larger);
  expect(made.filter((c) => c.includes('wait for a restart'))).toHaveLength(3);
  expect(await leaderName()).not.toBe(led);
  for (const host of THREE) expect(await sql(host, 'SHOW max_connections')).toBe('250');
  await verified(larger);
  // Smaller again: takes effect on the leader first, so it is restarted where it is.
  await converge(POSTGRES);
  for (const host of THREE) expect(await sql(host, 'SHOW max_connections')).toBe('200');
  // One that needs no restart gets none.
  const made2 = await converge(POSTGRES, { extraVars: { postgres_parameters: { work_mem: '8MB' } } });
  expect(made2).toHaveLength(1);
  await converge(POSTGRES);
});

it('takes a new password over', async () => {
  writeInventory(THREE, { postgres_admin_password: '{{ secret "a-new-password-of-the-drill" }}' });
  expect((await run(POSTGRES, { mode: 'verify' })).status).toBe(3);
  const made = await converge(POSTGRES);
  expect(made.map((c) => c.split('|').slice(1).join('|'))).toEqual(['postgres|the roles that the cluster itself needs|roles of PostgreSQL']);
  await verified();
  writeInventory(THREE);
  await converge(POSTGRES);
});

it('takes in a fourth member, and lets the leader go', async () => {
  writeInventory(HOSTS);
  await converge(POSTGRES);
  expect(await memberNames()).toEqual([...HOSTS]);
  await verified();
  const led = await leaderName();
  const rest = HOSTS.filter((h) => h !== led);
  writeInventory(rest);
  await converge(POSTGRES);
  expect((await listed(rest[0])).map((m) => m.Member).sort()).toEqual(rest);
  expect(await onHost(lab, led, `systemctl is-active care-patroni || true; ls -d ${DATA}.former-*`)).toMatch(/inactive\n.*former-/);
  const heir = (await listed(rest[0])).find((m) => m.Role === 'Leader')?.Member ?? '';
  expect((await sql(heir, 'SELECT slot_name FROM pg_replication_slots')).split('\n')).not.toContain(led);
  await verified();
  // It comes back empty, and joins.
  writeInventory(HOSTS);
  await converge(POSTGRES);
  await verified();
});

it('lets a wiped host join, and refuses data that is not the cluster\'s', async () => {
  const replica = (await listed()).find((m) => m.Role !== 'Leader')?.Member ?? '';
  await onHost(lab, replica, `systemctl stop care-patroni; rm -rf ${DATA}; install -d -m 0700 -o postgres -g postgres ${DATA}`);
  await converge(POSTGRES);
  await verified();
  await onHost(lab, replica, `systemctl stop care-patroni; rm -rf ${DATA}; su postgres -c "/usr/lib/postgresql/17/bin/initdb -D ${DATA}"`);
  const refused = await run(POSTGRES);
  expect([refused.status, troubleOf(refused, replica)]).toEqual([3, expect.stringContaining(`postgres_replace=${replica}`)]);
  expect(await onHost(lab, replica, `cat ${DATA}/PG_VERSION`)).toBe('17');
  const replaced = await run(POSTGRES, { extraVars: { postgres_replace: replica } });
  expect([troubles(replaced), replaced.status]).toEqual(['', 0]);
  await verified();
});

it('starts a stopped member, and all after a power cut', async () => {
  await onHost(lab, 'p2', 'systemctl stop care-patroni');
  expect(await converge(POSTGRES)).toEqual([expect.stringMatching(/^p2\|postgres\|.*\|Patroni member p2$/)]);
  for (const name of HOSTS) await onHost(lab, name, 'systemctl stop care-patroni');
  expect(await converge(POSTGRES)).toHaveLength(4);
  expect(await memberNames()).toEqual([...HOSTS]);
  await verified();
});

it('refuses what can\'t go well before a host is touched', async () => {
  const bad = async (vars: RunOptions['extraVars']): Promise<string> => {
    const result = await run(POSTGRES, { extraVars: vars });
    expect([result.status, changes(result)]).toEqual([3, []]);
    return troubles(result);
  };
  expect(await bad({ postgres_ttl: 20, postgres_loop_wait: 15 })).toContain('postgres_ttl');
  expect(await bad({ postgres_version: 15 })).toContain('Debian 13 has PostgreSQL 17');
  expect(await bad({ postgres_watchdog: 'required' })).toContain('/dev/watchdog');
  expect(await bad({ postgres_require_encrypted_volume: true })).toContain('dm-crypt');
  writeInventory(['p1', 'p2']);
  expect(await bad({})).toContain('at least three');
  writeInventory(HOSTS);
});
