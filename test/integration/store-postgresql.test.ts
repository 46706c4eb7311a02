/** The run store on a real PostgreSQL 17: what every store must do, TLS, a server that restarts, runs of two controllers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import { openPostgresStore } from '../../src/state/postgres-store.ts';
import { databaseAddress } from '../../src/state/postgres-url.ts';
import { MIGRATIONS } from '../../src/state/migrations.ts';
import type { RunSummary, Store } from '../../src/state/store.ts';
import { change, runStart, storeContract } from '../support/store-contract.ts';
import { testProject } from '../unit/run/support.ts';
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
      for (const state of states) care(state, ['apply', 'inventory.yml', 'playbook.yml', '--require-history']);
      const runs = JSON.parse(care(states[0] ?? '', ['history', '--output', 'json'])) as RunSummary[];
      expect(runs.map((r) => [r.mode, r.status, r.total.changed])).toEqual([['apply', 0, 0], ['apply', 0, 1]]);
      await server.control('stop');
      try {
        care(states[0] ?? '', ['apply', 'inventory.yml', 'playbook.yml']);
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
