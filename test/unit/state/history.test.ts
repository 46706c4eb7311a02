import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { historyReporter, historyRow } from '../../../src/run/history-reporter.ts';
import type { Counts, RunEvent } from '../../../src/run/events.ts';
import { checksum, MIGRATIONS, pendingMigrations } from '../../../src/state/migrations.ts';
import { historyFile, stateDirectory } from '../../../src/state/location.ts';
import { openSqliteStore } from '../../../src/state/sqlite-store.ts';
import type { ChangeRow, RunStart, Store } from '../../../src/state/store.ts';

const none: Counts = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };
const keep = { runs: 100, bytes: 1 << 30 };
const fresh = (): string => join(mkdtempSync(join(tmpdir(), 'care-history-')), 'deep', 'history.sqlite');

function start(id: string, startedAt: string, more: Partial<RunStart> = {}): RunStart {
  return { id, startedAt, mode: 'apply', inventory: '/inv/lab', playbook: 'site.yml', hosts: ['a', 'b'], version: '0.1.0', controller: 'ctl', user: 'ops', ...more };
}
async function finish(store: Store, id: string, hosts: Record<string, Partial<Counts>>, retention = keep): Promise<void> {
  await store.finishRun(id, { endedAt: `${id}-end`, status: 0, seconds: 1.5, total: { ...none, ok: 3 }, hosts: Object.fromEntries(Object.entries(hosts).map(([h, c]) => [h, { ...none, ...c }])) }, retention);
}
const change: ChangeRow = { type: 'change', host: 'a', role: 'base', task: 't', resource: 'file /etc/x', what: 'create', handler: false, unknown: false, diff: null };

describe('the SQLite history', () => {
  test('a run is there as soon as it begins, and whole after it ended', async () => {
    const store = await openSqliteStore(fresh());
    await store.recordRun(start('r1', '2026-01-01T00:00:00Z'));
    expect(await store.showRun('r1')).toMatchObject({ status: null, endedAt: null, hostCount: 2, hosts: { a: null, b: null } });
    const task = { type: 'task', host: 'a', play: 'p', role: 'base', task: 't', module: 'file', status: 'failed', seconds: 0.25, item: 'x', place: 'f.yml:1:2', handler: true, message: 'no' } as const;
    await store.append('r1', 0, [change, task, { type: 'warning', host: null, message: 'w' }]);
    await store.append('r1', 3, [{ ...change, unknown: true, diff: '-a\n+b' }]);
    await finish(store, 'r1', { a: { failed: 1 }, b: { ok: 3 } });
    const run = await store.showRun('r1');
    expect(run?.tasks).toEqual([task]);
    expect(run?.changes).toEqual([change, { ...change, unknown: true, diff: '-a\n+b' }]);
    expect(run?.warnings).toEqual([{ type: 'warning', host: null, message: 'w' }]);
    expect(run).toMatchObject({ status: 0, seconds: 1.5, endedAt: 'r1-end', total: { ok: 3 }, hosts: { a: { failed: 1 }, b: { ok: 3 } } });
    await store.close();
  });

  test('lists newest first, by inventory, and finds a run by the beginning of its id', async () => {
    const store = await openSqliteStore(fresh());
    await store.recordRun(start('abc1', '2026-01-01T00:00:00Z'));
    await store.recordRun(start('abd2', '2026-01-03T00:00:00Z', { inventory: '/inv/prod' }));
    await store.recordRun(start('abe3', '2026-01-02T00:00:00Z'));
    expect((await store.listRuns({ limit: 2 })).map((r) => r.id)).toEqual(['abd2', 'abe3']);
    expect((await store.listRuns({ limit: 9, inventory: '/inv/lab' })).map((r) => r.id)).toEqual(['abe3', 'abc1']);
    expect((await store.showRun('abd'))?.id).toBe('abd2');
    expect(await store.showRun('ab')).toBeUndefined();
    await store.close();
  });

  test('last converged: an apply without failure, or a check without drift', async () => {
    const store = await openSqliteStore(fresh());
    await store.recordRun(start('1', '1'));
    await finish(store, '1', { a: { changed: 2 }, b: { failed: 1 } });
    await store.recordRun(start('2', '2', { mode: 'check' }));
    await finish(store, '2', { a: { changed: 1 }, b: { ok: 1 } });
    await store.recordRun(start('3', '3', { mode: 'verify' }));
    await finish(store, '3', { a: { ok: 1 }, b: { ok: 1 } });
    expect(await store.lastConverged('a')).toEqual({ host: 'a', run: '1', at: '1-end' });
    expect(await store.lastConverged('b')).toEqual({ host: 'b', run: '2', at: '2-end' });
    expect(await store.lastConverged('b', '/inv/other')).toBeUndefined();
    await store.close();
  });

  test('keeps the newest runs only, and shrinks under its byte bound', async () => {
    const path = fresh();
    const store = await openSqliteStore(path);
    for (let i = 0; i < 5; i += 1) {
      await store.recordRun(start(`r${String(i)}`, `2026-01-0${String(i + 1)}`));
      await finish(store, `r${String(i)}`, {}, { ...keep, runs: 3 });
    }
    expect((await store.listRuns({ limit: 9 })).map((r) => r.id)).toEqual(['r4', 'r3', 'r2']);
    await store.append('r2', 0, Array.from({ length: 100 }, () => ({ ...change, diff: 'x'.repeat(10_000) })));
    await finish(store, 'r4', {}, { runs: 3, bytes: 500_000 });
    expect((await store.listRuns({ limit: 9 })).map((r) => r.id)).toEqual(['r4', 'r3']);
    await store.close();
    const db = new DatabaseSync(path);
    expect(db.prepare('select count(*) as n from run_changes').get()).toEqual({ n: 0 });
    db.close();
  });

  test('refuses a history of a newer program, and edited steps', async () => {
    const [first] = MIGRATIONS;
    if (first === undefined) throw new Error('no migration');
    expect(pendingMigrations([{ version: 1, checksum: checksum(first) }])).toEqual([]);
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
      for (let i = 0; i < 40; i++) await store.recordRun({ id: process.argv[1] + i, startedAt: String(i), mode: 'apply', inventory: 'i', playbook: 'p', hosts: ['a'], version: 'v', controller: 'c', user: 'u' });
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
  const begin: RunEvent = { type: 'start', run: 'r', time: '2026-01-01T00:00:00Z', mode: 'apply', inventory: '/i', playbook: 'p', hosts: ['a'], version: 'v', controller: 'c', user: 'u' };
  const task: RunEvent = { type: 'task', host: 'a', play: 'p', role: 'r', task: 't', module: 'file', status: 'ok', seconds: 0, at: 'f:1:1', handler: false };
  const made: RunEvent = { type: 'change', host: 'a', role: 'r', task: 't', resource: 'x', what: 'y', handler: false };
  const end: RunEvent = { type: 'summary', run: 'r', time: '2026-01-01T00:01:00Z', status: 0, seconds: 60, total: none, hosts: { a: none }, roles: {}, slowest: [] };

  test('records changes and failures, not what is merely fine, within 20 ms for a usual run', async () => {
    const path = fresh();
    await (await openSqliteStore(path)).close();
    const reporter = historyReporter({ open: () => openSqliteStore(path), warn: (m) => expect.unreachable(m) });
    const from = performance.now();
    reporter.event(begin);
    for (let i = 0; i < 2000; i += 1) reporter.event(task);
    for (let i = 0; i < 60; i += 1) reporter.event(made);
    reporter.event({ ...task, status: 'failed', error: 'x'.repeat(20_000) });
    reporter.event(end);
    await reporter.close();
    expect(performance.now() - from).toBeLessThan(500); // 20 ms by itself; the bound leaves room for a loaded test machine
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
    expect(historyRow(task)).toBeUndefined();
    expect(historyRow({ ...task, status: 'unknown', msg: 'm' })).toMatchObject({ status: 'unknown', message: 'm' });
    expect(historyRow({ type: 'play', play: 'p', hosts: [] })).toBeUndefined();
  });
});

test('the state directory follows CARE_STATE, then XDG, then the home directory', () => {
  expect(stateDirectory({ CARE_STATE: '/s', XDG_STATE_HOME: '/x', HOME: '/h' })).toBe('/s');
  expect(stateDirectory({ XDG_STATE_HOME: '/x', HOME: '/h' })).toBe('/x/care-provision');
  expect(stateDirectory({ XDG_STATE_HOME: 'relative', HOME: '/h' })).toBe('/h/.local/state/care-provision');
  expect(historyFile('/d')).toBe('/d/history.sqlite');
});
