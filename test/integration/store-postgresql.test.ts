/** The run store on a real PostgreSQL 17: what every store must do, TLS, a server that restarts, runs of two controllers. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import { acquireLease, type Lease, type LeaseRequest } from '../../src/state/lease.ts';
import { PostgresDatabase } from '../../src/state/postgres.ts';
import { openPostgresStore, prepareSchema } from '../../src/state/postgres-store.ts';
import { databaseAddress } from '../../src/state/postgres-url.ts';
import { MIGRATIONS } from '../../src/state/migrations.ts';
import type { RunSummary, Store } from '../../src/state/store.ts';
import { change, runStart, storeContract } from '../support/store-contract.ts';
import { testProject } from '../unit/run/support.ts';
import { eventually } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';
import { NoPackage, postgresServer, removePostgresServer, SERVER_PASSWORD, SERVER_PORT, type PostgresServer } from './support/postgres-server.ts';

const HOST = 'test-trixie';
const PROGRAM = path.resolve(import.meta.dirname, '../../bin/care-provision');
let lab: Lab;
let server: PostgresServer;
let missing = '';
let url = '';

beforeAll(async () => {
  lab = await sharedLab();
  try {
    server = await postgresServer(lab, HOST);
  } catch (error) {
    if (!(error instanceof NoPackage)) throw error;
    missing = `the store on PostgreSQL 17 is not tried: ${error.message}`;
    return;
  }
  const ca = path.join(mkdtempSync(path.join(tmpdir(), 'care-ca-')), 'ca.crt');
  writeFileSync(ca, server.ca);
  url = `postgresql://care:${encodeURIComponent(SERVER_PASSWORD)}@${server.address}:${String(SERVER_PORT)}/runs?sslrootcert=${ca}`;
});
afterAll(async () => { await removePostgresServer(lab, HOST); });
beforeEach(({ skip }) => { if (missing !== '') skip(missing); });

const empty = async (): Promise<void> => {
  if (missing === '') await server.sql('drop schema if exists care_provision cascade');
};
storeContract('PostgreSQL 17', { open: (now) => openPostgresStore(databaseAddress(url, {}), now), empty });

describe('a store on a server', () => {
  beforeEach(empty);

  test('is verified in full: a name or an authority that does not fit is refused, with what to do', async () => {
    const open = (changed: string): Promise<Store> => openPostgresStore(databaseAddress(changed, {}));
    await expect(open(url.replace(/\?.*/, ''))).rejects.toMatchObject({ code: 'store-unreachable', remedy: expect.stringContaining('sslrootcert') as string });
    // The same host by a name (inet_aton(3) reads it) that its certificate is not made for.
    const alias = url.replace(server.address, `0x${server.address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0')).join('')}`);
    await expect(open(alias)).rejects.toMatchObject({ code: 'store-unreachable', message: expect.stringContaining("does not match certificate's altnames") as string });
    await (await open(`${alias}&sslmode=verify-ca`)).close();
    await expect(open(url.replace('runs?', 'runs?sslmode=disable&'))).rejects.toMatchObject({ code: 'store-unreachable', message: expect.stringMatching(/no encryption|pg_hba/) as string });
    await expect(open(url.replace('store-pass', 'wrong-pass'))).rejects.toMatchObject({ message: expect.stringMatching(/password authentication failed/) as string, remedy: expect.stringContaining('pg_hba.conf') as string });
    await expect(open(url.replace('/runs?', '/other?'))).rejects.toMatchObject({ code: 'store-unreachable' });
    const store = await openPostgresStore(databaseAddress(url, {}));
    expect(await server.sql("select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where ssl and application_name = 'care-provision'")).toBe('1');
    await store.close();
  });

  test('two that migrate at once; a role that may only read; a schema of a newer program', async () => {
    const at = databaseAddress(url, {});
    await Promise.all((await Promise.all([1, 2, 3].map(() => openPostgresStore(at)))).map((store) => store.close()));
    expect(await server.sql('select string_agg(version::text, \',\' order by version) from care_provision.schema_migrations')).toBe(MIGRATIONS.map((m) => m.version).join(','));
    await server.sql(`drop role if exists reader; create role reader login password '${SERVER_PASSWORD}'; grant usage on schema care_provision to reader; grant select on all tables in schema care_provision to reader`);
    const reader = await openPostgresStore(databaseAddress(url.replace('//care:', '//reader:'), {}));
    expect(await reader.listRuns({ limit: 9 })).toEqual([]);
    await expect(reader.recordRun(runStart('r', '1'))).rejects.toThrow(/permission denied/);
    await reader.close();
    await server.sql("insert into care_provision.schema_migrations values (99, 'later', 'x', 'now')");
    await expect(openPostgresStore(at)).rejects.toThrow(/newer care-provision/);
    await server.sql('drop owned by reader; drop role reader');
  });

  test('a server that restarts between two writes, or in the middle, loses nothing', async () => {
    const store = await openPostgresStore(databaseAddress(url, {}));
    await store.recordRun(runStart('r', '1'));
    await server.control('restart');
    await store.append('r', 0, [change]);
    const restarting = server.control('restart');
    for (let i = 1; i <= 30; i += 1) await store.append('r', i, [{ ...change, what: String(i) }]);
    await restarting;
    expect((await store.showRun('r'))?.changes).toHaveLength(31);
    await store.close();
  });

  test('runs of two controllers stand in one history; without the server a run is recorded where it is made', async () => {
    const project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - copy: { dest: "{{ work }}/made", content: x }\n' });
    const states = [1, 2].map(() => mkdtempSync(path.join(tmpdir(), 'care-state-')));
    const care = (state: string, words: readonly string[]): string =>
      execFileSync(PROGRAM, [...words], { cwd: project.dir, encoding: 'utf8', env: { ...process.env, CARE_STATE: state, CARE_DATABASE_URL: url, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    try {
      for (const state of states) care(state, ['apply', 'inventory.yml', 'playbook.yml', '--lock-wait', '30', '--require-history']);
      const runs = JSON.parse(care(states[0] ?? '', ['history', '--output', 'json'])) as RunSummary[];
      expect(runs.map((r) => [r.mode, r.status, r.total.changed])).toEqual([['apply', 0, 0], ['apply', 0, 1]]);
      await server.control('stop');
      try {
        // This machine is the host, and other tests may be at it.
        care(states[0] ?? '', ['apply', 'inventory.yml', 'playbook.yml', '--lock-wait', '30']);
      } finally {
        await server.control('start');
      }
      expect(JSON.parse(care(states[1] ?? '', ['history', '--output', 'json']))).toHaveLength(2);
      expect(await server.sql("select count(*) from pg_tables where schemaname = 'public'")).toBe('0');
    } finally {
      project.remove();
    }
  });
});

describe('leases', () => {
  const children: ChildProcess[] = [];
  beforeEach(empty);
  afterEach(() => { for (const child of children.splice(0)) child.kill('SIGKILL'); });

  const base = { command: 'apply', waitSeconds: 0, onTrouble: (): void => undefined };
  async function database(): Promise<PostgresDatabase> {
    const db = await PostgresDatabase.open(databaseAddress(url, {}));
    await prepareSchema(db);
    return db;
  }
  async function take(names: readonly string[], more: Partial<LeaseRequest> = {}): Promise<{ lease: Lease; db: PostgresDatabase }> {
    const db = await database();
    try {
      return { db, lease: await acquireLease(db, { ...base, names, ...more }) };
    } catch (error) {
      await db.close();
      throw error;
    }
  }
  async function give({ lease, db }: { lease: Lease; db: PostgresDatabase }): Promise<void> {
    await lease.release();
    await db.close();
  }

  /** Another controller: takes the lease, then says what its check says for every line that it is sent. */
  async function controller(seconds: number): Promise<{ child: ChildProcess; check(): Promise<string> }> {
    const source = (name: string): string => JSON.stringify(path.resolve(import.meta.dirname, '../../src/state', name));
    const child = spawn(process.execPath, ['--input-type=module', '-e', `
      const { PostgresDatabase } = await import(${source('postgres.ts')});
      const { acquireLease } = await import(${source('lease.ts')});
      const { databaseAddress } = await import(${source('postgres-url.ts')});
      const { createInterface } = await import('node:readline');
      const lease = await acquireLease(await PostgresDatabase.open(databaseAddress(process.env.CARE_DATABASE_URL, {})), { names: ['inv'], command: 'apply elsewhere', waitSeconds: 0, onTrouble: () => undefined, leaseSeconds: ${String(seconds)} });
      console.log('held');
      for await (const line of createInterface({ input: process.stdin })) console.log(await lease.check().then(() => 'mine', (error) => error.code));`], { env: { ...process.env, CARE_DATABASE_URL: url }, stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => {
      const { value } = (await lines.next()) as { value?: string };
      return value ?? 'ended';
    };
    expect(await next()).toBe('held');
    return {
      child,
      check: () => {
        child.stdin.write('?\n');
        return next();
      },
    };
  }
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const from = performance.now();
    await work();
    return (performance.now() - from) / 1000;
  };

  test('one holder, named to the others; of several names all or none; the token grows with every holder', async () => {
    const first = await take(['a', 'b']);
    expect(first.lease.tokens).toEqual([1, 1]);
    await expect(take(['c', 'b'])).rejects.toMatchObject({ code: 'inventory-leased', exitStatus: 75, message: expect.stringContaining(`the inventory b is in use by another run: "apply" of `) as string, detail: expect.stringMatching(/^Its lease lasts another (29|30) s/) as string });
    const third = await take(['c']);
    await give(first);
    const next = await take(['b', 'a'], { waitSeconds: 5 });
    expect(next.lease.tokens).toEqual([2, 2]);
    await next.lease.check();
    await give(next);
    await give(third);
  });

  test('a killed controller is waited for until its lease ends, not less and not much more', async () => {
    await (await database()).close();
    const other = await controller(4);
    expect(await other.check()).toBe('mine');
    other.child.kill('SIGKILL');
    await expect(take(['inv'])).rejects.toMatchObject({ code: 'inventory-leased', message: expect.stringContaining(`"apply elsewhere" of `) as string });
    let taken: Awaited<ReturnType<typeof take>> | undefined;
    const waited = await seconds(async () => { taken = await take(['inv'], { waitSeconds: 20 }); });
    expect(waited).toBeGreaterThan(2);
    expect(waited).toBeLessThan(8);
    expect(taken?.lease.tokens).toEqual([2]);
    if (taken !== undefined) await give(taken);
  });

  test('a controller that was stopped finds its lease lost and may change nothing more; one that lives keeps it', async () => {
    await (await database()).close();
    const other = await controller(3);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    expect(await other.check()).toBe('mine');
    other.child.kill('SIGSTOP');
    const taken = await take(['inv'], { waitSeconds: 20, leaseSeconds: 3 });
    other.child.kill('SIGCONT');
    expect(await other.check()).toBe('lease-lost');
    await taken.lease.check();
    await give(taken);
    expect(await other.check()).toBe('lease-lost');
  });

  test('a server that is gone is told once, and stops nobody', async () => {
    const told: unknown[] = [];
    const kept = await take(['inv'], { leaseSeconds: 1, onTrouble: (error) => told.push(error) });
    await server.control('stop');
    try {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await kept.lease.check();
      await kept.lease.check();
      expect(told).toHaveLength(1);
      // Nobody waits at the end of a run for a server that is gone.
      expect(await seconds(() => give(kept))).toBeLessThan(1);
    } finally {
      await server.control('start');
    }
  });

  test('a lease outlives a server that restarts', async () => {
    const kept = await take(['inv'], { leaseSeconds: 2, onTrouble: (error) => { throw error; } });
    await server.control('restart');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await kept.lease.check();
    await expect(take(['inv'])).rejects.toMatchObject({ code: 'inventory-leased' });
    await give(kept);
    await give(await take(['inv']));
  });

  test('two runs on one inventory from two controllers: the second leaves with 75 and names the first; after kill -9 it waits for the lease', async () => {
    const project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { command: "sh -c \'touch {{ work }}/began; sleep 60\'", changed_when: false }\n', 'short.yml': '- hosts: all\n  tasks:\n    - copy: { dest: "{{ work }}/made", content: x }\n' });
    const start = (playbook: string, ...more: readonly string[]): { child: ChildProcess; ended: Promise<{ status: number | null; text: string }> } => {
      const child = spawn(PROGRAM, ['apply', 'inventory.yml', playbook, ...more], { cwd: project.dir, env: { ...process.env, CARE_STATE: mkdtempSync(path.join(tmpdir(), 'care-state-')), CARE_DATABASE_URL: url, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
      children.push(child);
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => { text += data.toString(); });
      return { child, ended: new Promise((resolve) => { child.once('close', (status) => { resolve({ status, text }); }); }) };
    };
    try {
      const first = start('playbook.yml');
      await eventually(() => existsSync(path.join(project.dir, 'work', 'began')), 30_000, () => 'the first run began');
      const second = await start('short.yml').ended;
      expect([second.status, second.text]).toEqual([75, expect.stringMatching(new RegExp(`the inventory inventory.yml is in use by another run: "apply inventory.yml" of \\S+, process ${String(first.child.pid)} there`)) as string]);
      first.child.kill('SIGKILL');
      await first.ended;
      let third: { status: number | null; text: string } | undefined;
      const waited = await seconds(async () => { third = await start('short.yml', '--lock-wait', '60').ended; });
      expect([third?.status, third?.text.includes('Converged')]).toEqual([0, true]);
      expect(waited).toBeGreaterThan(15);
      expect(waited).toBeLessThan(45);
    } finally {
      project.remove();
    }
  });
});
