import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { historyReporter, historyRow } from '../../../src/run/history-reporter.ts';
import type { RunEvent } from '../../../src/run/events.ts';
import { checksum, MIGRATIONS, pendingMigrations } from '../../../src/state/migrations.ts';
import { historyFile, stateDirectory } from '../../../src/state/location.ts';
import { openSqliteStore } from '../../../src/state/sqlite-store.ts';
import { change, none, runEnd, runStart, storeContract } from '../../support/store-contract.ts';

const keep = { runs: 100, bytes: 1 << 30 };
const fresh = (): string => join(mkdtempSync(join(tmpdir(), 'care-history-')), 'deep', 'history.sqlite');

let path = '';
storeContract('SQLite', {
  open: (now) => openSqliteStore(path, now === undefined ? {} : { now }),
  empty: () => {
    path = fresh();
    return Promise.resolve();
  },
});

describe('the SQLite history', () => {
  test('shrinks under its byte bound', async () => {
    const file = fresh();
    const store = await openSqliteStore(file);
    for (const id of ['r2', 'r3', 'r4']) await store.recordRun(runStart(id, `2026-01-0${id.slice(1)}`));
    await store.append('r2', 0, Array.from({ length: 100 }, () => ({ ...change, diff: 'x'.repeat(10_000) })));
    await store.finishRun('r4', runEnd('r4', {}), { ...keep, bytes: 500_000 });
    expect((await store.listRuns({ limit: 9 })).map((r) => r.id)).toEqual(['r4', 'r3']);
    await store.close();
    const db = new DatabaseSync(file);
    expect(db.prepare('select count(*) as n from run_changes').get()).toEqual({ n: 0 });
    db.close();
  });

  test('a history of the first schema is read on, with what it could not know left out', async () => {
    const file = fresh();
    mkdirSync(dirname(file));
    const [first] = MIGRATIONS;
    if (first === undefined) throw new Error('no migration');
    const db = new DatabaseSync(file);
    db.exec('create table schema_migrations (version integer primary key, name text not null, checksum text not null, applied_at text not null)');
    db.prepare('insert into schema_migrations values (1, ?, ?, ?)').run(first.name, checksum(first), '2026-01-01');
    db.exec(first.sql);
    db.exec("insert into runs (id, started_at, mode, inventory, playbook, version, controller, user_name, host_count) values ('old', '2026-01-01T00:00:00Z', 'apply', 'i', 'p', 'v', 'c', 'u', 1)");
    db.exec("insert into run_changes (run_id, seq, host, role, task, resource, what, handler, uncertain) values ('old', 0, 'a', '', 't', 'file /x', 'create', 0, 0)");
    db.close();
    const store = await openSqliteStore(file);
    expect(await store.showRun('old')).toMatchObject({ origin: null, arguments: [], revisions: [], roles: {}, slowest: [], observations: [], changes: [{ resource: 'file /x', seen: null, at: null }] });
    await store.close();
  });

  test('refuses a history of a newer program, and edited steps', async () => {
    const [first] = MIGRATIONS;
    if (first === undefined) throw new Error('no migration');
    expect(pendingMigrations([{ version: 1, checksum: checksum(first) }]).map((m) => m.version)).toEqual(MIGRATIONS.slice(1).map((m) => m.version));
    // What is released is never edited: a history out there has been made by it.
    expect(checksum(first)).toBe('512a8adc19efe416eb9947dfe7b93c909025d849d1e8f60cfde67434bc3ebc23');
    expect(() => pendingMigrations([{ version: 1, checksum: 'x' }])).toThrow(/not the one/);
    const path = fresh();
    await (await openSqliteStore(path)).close();
    const db = new DatabaseSync(path);
    db.exec("insert into schema_migrations values (99, 'later', 'x', 'now')");
    db.close();
    await expect(openSqliteStore(path)).rejects.toThrow(/newer care-provision/);
  });

  test('a file that is no database is a Diagnostic naming it', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'care-history-')), 'history.sqlite');
    writeFileSync(path, 'this is not a database, it is a text that is long enough'.repeat(100));
    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: 'state-unusable', message: expect.stringContaining(path) as string });
    expect(readFileSync(path, 'utf8')).toContain('not a database');
  });

  test('two processes record at once and lose nothing', async () => {
    const path = fresh();
    const program = `
      const { openSqliteStore } = await import(${JSON.stringify(join(import.meta.dirname, '../../../src/state/sqlite-store.ts'))});
      const store = await openSqliteStore(${JSON.stringify(path)});
      for (let i = 0; i < 40; i++) await store.recordRun({ id: process.argv[1] + i, startedAt: String(i), mode: 'apply', inventory: 'i', playbook: 'p', hosts: ['a'], version: 'v', controller: 'c', user: 'u', origin: null, arguments: [], revisions: [] });
      await store.close();`;
    const runs = ['x', 'y', 'z'].map(
      (name) =>
        new Promise<string>((resolve) => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', program, name], { stdio: ['ignore', 'ignore', 'pipe'] });
          let stderr = '';
          child.stderr.on('data', (d: Buffer) => (stderr += d.toString()));
          child.on('close', (code) => {
            resolve(`${String(code)}${stderr}`);
          });
        }),
    );
    expect(await Promise.all(runs)).toEqual(['0', '0', '0']);
    const store = await openSqliteStore(path);
    expect(await store.listRuns({ limit: 500 })).toHaveLength(120);
    await store.close();
  });
});

describe('the history reporter', () => {
  const begin: RunEvent = { type: 'start', run: 'r', time: '2026-01-01T00:00:00Z', mode: 'apply', inventory: '/i', playbook: 'p', hosts: ['a'], version: 'v', controller: 'c', user: 'u', arguments: ['apply', '/i'], revisions: [] };
  const task: RunEvent = { type: 'task', host: 'a', play: 'p', role: 'r', task: 't', module: 'file', status: 'ok', seconds: 0, at: 'f:1:1', handler: false };
  const made: RunEvent = { type: 'change', host: 'a', role: 'r', task: 't', resource: 'x', what: 'y', handler: false };
  const end: RunEvent = { type: 'summary', run: 'r', time: '2026-01-01T00:01:00Z', status: 0, seconds: 60, total: none, hosts: { a: none }, roles: {}, slowest: [] };

  test('records changes and failures, not what is merely fine', async () => {
    const path = fresh();
    await (await openSqliteStore(path)).close();
    const reporter = historyReporter({ open: () => openSqliteStore(path), warn: (m) => expect.unreachable(m) });
    reporter.event(begin);
    for (let i = 0; i < 2000; i += 1) reporter.event(task);
    for (let i = 0; i < 60; i += 1) reporter.event(made);
    reporter.event({ ...task, status: 'failed', error: 'x'.repeat(20_000) });
    reporter.event(end);
    await reporter.close();
    const store = await openSqliteStore(path);
    const run = await store.showRun('r');
    expect(run?.changes).toHaveLength(60);
    expect(run?.tasks).toHaveLength(1);
    expect(run?.tasks[0]?.message).toMatch(/\(3616 more characters\)$/);
    expect(run?.status).toBe(0);
    await store.close();
  });

  test('a history that cannot be opened is said once and stops nothing', async () => {
    const said: string[] = [];
    const reporter = historyReporter({ open: () => Promise.reject(new Error('disk full')), warn: (m) => said.push(m) });
    for (const event of [begin, made, end]) reporter.event(event);
    await reporter.close();
    expect(said).toEqual(['this run is not recorded in the history: disk full']);
  });

  test('which events become rows', () => {
    expect(historyRow(task, 'now')).toBeUndefined();
    expect(historyRow({ ...task, status: 'unknown', msg: 'm' }, 'now')).toMatchObject({ status: 'unknown', message: 'm', at: 'now' });
    expect(historyRow({ type: 'play', play: 'p', hosts: [] }, 'now')).toBeUndefined();
  });
});

test('the state directory follows CARE_STATE, then XDG, then the home directory', () => {
  expect(stateDirectory({ CARE_STATE: '/s', XDG_STATE_HOME: '/x', HOME: '/h' })).toBe('/s');
  expect(stateDirectory({ XDG_STATE_HOME: '/x', HOME: '/h' })).toBe('/x/care-provision');
  expect(stateDirectory({ XDG_STATE_HOME: 'relative', HOME: '/h' })).toBe('/h/.local/state/care-provision');
  expect(historyFile('/d')).toBe('/d/history.sqlite');
});
