/** A replica from the standby pool under load, advised first, then made; taken back when the load is gone; the inventory says so all the time. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { eventually, hostVariables, labProject, onHost, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const MEMBERS = ['s1', 's2', 's3'] as const;
const POOL = 's4';
const repository = path.join(import.meta.dirname, '..', '..');
const book = (...names: readonly string[]): readonly string[] => names.map((name) => path.join(repository, 'playbooks', name));
const BOOKS = book('pki.yml', 'etcd.yml', 'postgres.yml', 'postgres-standby-pool.yml');
const COOLDOWN_SECONDS = 30;

let lab: Lab;
let project: LabProject;

function writeInventory(): void {
  const hosts = Object.fromEntries(
    [...MEMBERS, POOL].map((name) => {
      const address = String(hostVariables(lab, name)['ansible_host']);
      return [name, { ...hostVariables(lab, name), etcd_address: address, postgres_address: address, pki_host_address: address }];
    }),
  );
  const networks = ['172.30.0.0/15', '10.213.0.0/16', '10.214.0.0/16'];
  const vars = {
    base_firewall: false, postgres_shared_buffers_mb: 64, postgres_client_networks: networks, etcd_client_networks: networks,
    postgres_admin_password: '{{ secret "a-password-of-the-drill" }}', postgres_rest_password: '{{ secret "another-one-of-the-drill" }}',
    postgres_scaling_policy: { connections: { add: 8, remove: 4 }, load: null, pool_wait: null, lag_bytes: null, samples: 2, interval_seconds: 1, cooldown_seconds: COOLDOWN_SECONDS },
  };
  const group = (names: readonly string[]): unknown => ({ hosts: Object.fromEntries(names.map((m) => [m, null])) });
  project.write('inventory/hosts.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: group(MEMBERS), postgres: group(MEMBERS), postgres_standby_pool: group([POOL]) } } }));
}

const Answer = z.object({ action: z.object({ type: z.string(), host: z.string().optional() }), reasons: z.array(z.string()), mode: z.string() });

async function program(...args: readonly string[]): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return project.start(args).ended;
}

/** The failed tasks in a run's output, with what they say. */
function failures(output: string): string {
  return output.split('\n').filter((line, i, all) => line.startsWith('failed:') || (all[i - 1] ?? '').startsWith('failed:')).join('\n');
}

async function scale(...more: readonly string[]): Promise<{ readonly status: number | null; readonly answer: z.output<typeof Answer> }> {
  const ended = await program('db', 'scale', 'inventory', '--output', 'json', ...BOOKS.flatMap((b) => ['--playbook', b]), ...more);
  // With --act the run's own report follows the decision.
  const end = ended.stdout.indexOf('\n}\n');
  expect([end > 0, ended.stderr]).toEqual([true, expect.any(String)]);
  return { status: ended.status, answer: Answer.parse(JSON.parse(ended.stdout.slice(0, end + 2))) };
}

async function members(): Promise<readonly string[]> {
  const list = JSON.parse(await onHost(lab, 's1', 'care-patronictl list -f json')) as readonly { readonly Member: string; readonly State: string }[];
  return list.map((m) => `${m.Member} ${m.State}`).sort();
}

/** Sessions that do nothing but count as active, on every member. */
async function load(host: string, sessions: number): Promise<void> {
  await onHost(lab, host, `for i in $(seq ${String(sessions)}); do setsid su postgres -c "psql -XAtq -c 'select pg_sleep(600)'" >/dev/null 2>&1 </dev/null & done; sleep 2`);
}
const noLoad = (host: string): Promise<string> => onHost(lab, host, `su postgres -c "psql -XAtq -c \\"select count(pg_terminate_backend(pid)) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()\\""`);

beforeAll(async () => {
  lab = await labUp({ ...ownLab('scaling'), hosts: [...MEMBERS, POOL].map((name) => ({ name, site: name < 's3' ? 'kochi' : 'delhi', release: 'trixie' as const })) });
  project = labProject({});
  writeInventory();
  const made = await program('apply', 'inventory', ...BOOKS);
  expect([made.status, failures(made.stdout)]).toEqual([0, '']);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('scaling'));
});

it('has a pool host that is ready and runs nothing', async () => {
  expect(await onHost(lab, POOL, 'ls /usr/lib/postgresql/17/bin/postgres; pgrep -x -u postgres postgres || true')).toBe('/usr/lib/postgresql/17/bin/postgres');
  expect((await program('verify', 'inventory', ...book('postgres-standby-pool.yml'))).status).toBe(0);
});

it('changes nothing without load, and only advises under it', async () => {
  const calm = await scale('--act');
  expect([calm.status, calm.answer.action.type]).toEqual([0, 'none']);
  for (const name of MEMBERS) await load(name, 12);
  const advised = await scale();
  expect([advised.status, advised.answer.action, advised.answer.mode]).toEqual([2, { type: 'add', host: POOL }, 'advise']);
  expect(advised.answer.reasons.join('\n')).toContain('more than 8');
  expect(existsSync(path.join(project.dir, 'inventory', 'postgres_scaling.yml'))).toBe(false);
  expect(await members()).toHaveLength(3);
});

it('adds one replica when told to, and later runs keep it', async () => {
  const acted = await scale('--act');
  expect([acted.status, acted.answer.action]).toEqual([0, { type: 'add', host: POOL }]);
  await eventually(async () => (await members()).includes(`${POOL} streaming`), 120_000, () => 'the pool host does not stream');
  const again = await program('apply', 'inventory', ...BOOKS);
  expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('nothing had to change')]);
});

it('waits for the cooldown, then takes it back: out of etcd, nothing runs, and later runs keep it so', async () => {
  for (const name of [...MEMBERS, POOL]) await noLoad(name);
  const early = await scale('--act', '-e', JSON.stringify({ postgres_scaling_policy: { connections: { add: 8, remove: 4 }, load: null, pool_wait: null, lag_bytes: null, samples: 1, cooldown_seconds: 86_400 } }));
  expect([early.status, early.answer.action.type, early.answer.reasons.join('\n')]).toEqual([0, 'none', expect.stringContaining('cooldown')]);
  await new Promise((resolve) => setTimeout(resolve, COOLDOWN_SECONDS * 1000));
  const removed = await scale('--act');
  expect([removed.status, removed.answer.action]).toEqual([0, { type: 'remove', host: POOL }]);
  expect((await members()).map((m) => m.split(' ')[0])).toEqual([...MEMBERS]);
  expect(await onHost(lab, 's1', `care-etcdctl get --prefix --keys-only /service/care/members/ | grep -c ${POOL} || true`)).toBe('0');
  expect(await onHost(lab, POOL, 'pgrep -x -u postgres postgres || true')).toBe('');
  const again = await program('apply', 'inventory', ...BOOKS);
  expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('nothing had to change')]);
  const rest = await scale('--act');
  expect([rest.status, rest.answer.action.type]).toEqual([0, 'none']);
});
