/** Shares of a run as their worker sees them, without a server. */
import { afterEach, describe, expect, test } from 'vitest';
import { loadProject } from '../../../src/run/load.ts';
import type { RunEvent } from '../../../src/run/events.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import { Course } from '../../../src/run/workers/coordinate.ts';
import { Share, type ShareInit } from '../../../src/run/workers/share.ts';
import { ShareReporter } from '../../../src/run/workers/share-reporter.ts';
import { takeShares } from '../../../src/run/workers/worker.ts';
import { LEASE_SECONDS } from '../../../src/state/lease.ts';
import { RunShares } from '../../../src/state/run-shares.ts';
import { SharedRun } from '../../../src/state/shared-run.ts';
import type { SqlDatabase } from '../../../src/state/sql.ts';
import { testProject, type TestProject } from './support.ts';

const open: Share[] = [];
let project: TestProject | undefined;
afterEach(async () => { project?.remove(); for (const share of open.splice(0)) await share.release(); });

/** A server that gives these rows for every question. */
function server(all: SqlDatabase['all']): SqlDatabase {
  return { all, script: () => Promise.resolve(), transaction: (work) => work({ all, script: () => Promise.resolve() }), usedBytes: () => Promise.resolve(undefined), serverTime: () => Promise.resolve(undefined), close: () => Promise.resolve() };
}

function shareOf(all: SqlDatabase['all'], more: Partial<ShareInit> = {}): Share {
  const share = new Share({ shares: new RunShares(server(all), 'r', 'me'), lease: { share: 0, hosts: ['a'], token: 1 }, numberOf: () => 0, made: new Set(), ends: new AbortController().signal, asked: 0, now: () => 0, ...more });
  open.push(share);
  return share;
}

test('after a sleep of the machine, and after a late answer, it is asked whose the share is before anything is changed', async () => {
  let now = 0;
  let asked = 0;
  const share = shareOf(() => { asked += 1; return Promise.resolve([]); }, { now: () => now });
  await share.check();
  expect(asked).toBe(0);
  now = LEASE_SECONDS * 1000 + 1;
  await expect(share.check()).rejects.toMatchObject({ code: 'share-lost' });
  expect([asked, share.lost.aborted]).toEqual([1, true]);
  const late = shareOf(() => Promise.resolve([]), { asked: now - LEASE_SECONDS * 1000 - 1, now: () => now });
  await expect(late.check()).rejects.toMatchObject({ code: 'share-lost' });
});

test('a lease that may have expired while the server does not answer is in doubt, and stays so', async () => {
  let now = 0;
  let answers = false;
  const share = shareOf(() => (answers ? Promise.resolve([{}]) : Promise.reject(new Error('no answer'))), { now: () => now });
  now = LEASE_SECONDS * 1000 + 1;
  await expect(share.check()).rejects.toMatchObject({ code: 'share-lost' });
  expect([share.inDoubt.aborted, share.lost.aborted]).toEqual([true, false]);
  answers = true;
  await expect(share.check()).rejects.toMatchObject({ code: 'share-lost' });
});

test('a write that the server refuses, since another worker has the share, ends it', async () => {
  const share = shareOf(() => Promise.resolve([]));
  await expect(share.tellEvents(0, ['{}'])).rejects.toMatchObject({ code: 'share-lost' });
  expect(share.lost.aborted).toBe(true);
});

test('a change that was made while the lease was in doubt is told of, how its tasks ended is not; nothing is when the share is another one\'s', async () => {
  const told: unknown[] = [];
  const [lost, doubt] = [new AbortController(), new AbortController()];
  const reporter = new ShareReporter({ lost: lost.signal, inDoubt: doubt.signal, tellEvents: (_first, events) => { told.push(...events.map((each) => (JSON.parse(each) as RunEvent).type)); return Promise.resolve(); } });
  const change: RunEvent = { type: 'change', host: 'a', role: '', task: '', resource: 'file /x', what: 'content', handler: false };
  const failed: RunEvent = { type: 'task', host: 'a', play: '', role: '', task: '', module: '', status: 'failed', seconds: 0, at: '', handler: false };
  doubt.abort();
  reporter.event(change);
  reporter.event(failed);
  await reporter.settled();
  expect(told).toEqual(['change']);
  lost.abort();
  reporter.event(change);
  await reporter.close();
  expect(told).toEqual(['change']);
});

describe('a worker whose share cannot be carried out', () => {
  const worker = async (more: (sql: string, values: readonly unknown[]) => readonly Record<string, unknown>[] | undefined, stop = new AbortController().signal): Promise<readonly string[]> => {
    project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { command: "true" }\n' }, ['one', 'two']);
    const free = [{ share: 0, hosts: '["one"]', token: 1 }, { share: 1, hosts: '["two"]', token: 1 }];
    const back: string[] = [];
    const all: SqlDatabase['all'] = async (sql, values = []) => {
      await Promise.resolve();
      if (sql.includes('expires_at = 0')) back.push(String(values[1]));
      return more(sql, values) ?? (sql.startsWith('select digest') ? [{ digest: '', goes_on: true, done: false }] : sql.includes('skip locked') ? free.splice(0, 1) : sql.includes('as there') ? [{ there: false }] : [{}]);
    };
    await project.run({ stop }, (options: RunOptions) => takeShares(options, loadProject(options), new RunShares(server(all), 'r', 'me'), () => undefined)).then(
      (result) => back.push(`status ${String(result.status)}`),
      (error: unknown) => back.push(error instanceof Error ? error.message : 'no error'),
    );
    return back;
  };
  test('gives back the others too, whose hosts would wait for ever for those', async () => {
    expect(await worker((sql, values) => {
      if (sql.includes('set place') && values[1] === 0) throw new Error('no room on the server');
      return undefined;
    })).toEqual(['0', '1', 'no room on the server']);
  }, 10_000);
  test('ends with what it has in hand when the server is gone', async () => {
    let looks = 0;
    expect(await worker((sql) => {
      if (sql.startsWith('select digest') && (looks += 1) > 3) throw new Error('the server is gone');
      return undefined;
    })).toEqual(['0', '1', 'the server is gone']);
  }, 10_000);
  test('gives back a share whose lease was in doubt for a while, rather than calling it through', async () => {
    let claimed = 0;
    let finished = 0;
    let over = false;
    // The lease is answered so late that it may have expired by then, and its renewal is not answered.
    const all: SqlDatabase['all'] = async (sql) => {
      await Promise.resolve();
      if (sql.includes('skip locked')) { claimed += 1; return claimed === 1 ? [{ share: 0, hosts: '["one"]', token: 1 }] : []; }
      if (sql.includes('expires_at = 0')) over = true;
      if (sql.includes('set result')) finished += 1;
      if (sql.includes('set expires_at = extract')) throw new Error('no answer');
      return sql.startsWith('select digest') ? [{ digest: '', goes_on: true, done: over }] : sql.includes('as there') ? [{ there: true }] : sql.includes('from run_plays') ? [{ gone: '[]' }] : [{}];
    };
    project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { command: "true" }\n' }, ['one', 'two']);
    const result = await project.run({}, (options: RunOptions) => takeShares(options, loadProject(options), new RunShares(server(all), 'r', 'me'), () => undefined, () => -LEASE_SECONDS * 2000));
    expect([result.status, over, finished]).toEqual([0, true, 0]);
  }, 10_000);
  test('does not wait for others when it is told to stop', async () => {
    const stop = new AbortController();
    setTimeout(() => { stop.abort(); }, 300);
    expect((await worker(() => undefined, stop.signal)).slice(0, 2)).toEqual(['0', '1']);
  }, 10_000);
});

describe('a coordinator that cannot go on', () => {
  const course = async (all: SqlDatabase['all'], check: () => Promise<void>): Promise<readonly string[]> => {
    const told: string[] = [];
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => { end = resolve; });
    const worker = { alive: () => false, kill: () => undefined, ended };
    project = testProject({});
    await project.run({}, async (options) => {
      const run = await SharedRun.begin(server((sql, values) => { if (sql.includes('ended = 1')) told.push('stop'); return all(sql, values); }), 'r', '', [['one']]);
      setTimeout(() => { told.push('worker ended'); end(); }, 400);
      await new Course(run, options, { workers: 1, start: () => ({ ...worker, alive: () => !told.includes('worker ended') }) }, { check }).go();
      return 0;
    }).catch((error: unknown) => { told.push(error instanceof Error ? error.message : ''); });
    return told;
  };
  const unheld: SqlDatabase['all'] = (sql) => Promise.resolve(sql.startsWith('select share, hosts') ? [{ share: 0, hosts: '["one"]', token: 0, worker: null, result: null, gone: '[]', held: true }] : []);
  test('ends the run when another run has taken the inventory over', async () => {
    expect(await course(unheld, () => Promise.reject(new Error('taken over')))).toEqual(['stop', 'worker ended', 'taken over']);
  });
  test('waits for its workers also when the server is gone', async () => {
    let looks = 0;
    const gone: SqlDatabase['all'] = (sql, values) => (sql.includes('ended = 1') || (sql.startsWith('select share, hosts') && (looks += 1) > 1) ? Promise.reject(new Error('gone')) : unheld(sql, values));
    expect(await course(gone, () => Promise.resolve())).toEqual(['stop', 'worker ended', 'gone']);
  });
});

test('events whose answer was lost with its connection are told, each once', async () => {
  let rows = [{ share: 0, token: 1, seq: 0, event: 'a' }, { share: 0, token: 1, seq: 1, event: 'b' }, { share: 1, token: 2, seq: 0, event: 'c' }];
  const once: SqlDatabase['all'] = (sql, values = []) => {
    const found = /run_share_events/.test(sql) ? rows : [];
    if (sql.includes('delete') && found.length > 0) rows = rows.filter((row) => values.length === 4 && !(row.share === values[1] && row.token === values[2] && row.seq <= Number(values[3])));
    return Promise.resolve(found);
  };
  // What PostgresDatabase does about a connection that was lost with an answer on it.
  const run = await SharedRun.begin(server(async (sql, values) => { await once(sql, values); return once(sql, values); }), 'r', '', []);
  const take = async (): Promise<string> => (await run.takeEvents()).map((each) => each.event).join('');
  expect(await take()).toBe('abc');
  rows.push({ share: 0, token: 1, seq: 2, event: 'd' });
  expect([await take(), rows.map((row) => row.event)]).toEqual(['d', ['d']]);
  expect([await take(), rows]).toEqual(['', []]);
});
