/** What every store of runs must do, whichever database is behind it. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ChangeRow, Observed, RecordedCounts, RunEnd, RunStart, Store } from '../../src/state/store.ts';

export const none: RecordedCounts = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };
const OBSERVED: Observed = { observation: { subject: 'certificate', name: '/x.crt', time: '2027-01-01T00:00:00.000Z' }, hosts: ['a', 'b'], hostCount: 60 };
const keep = { runs: 100, bytes: 1 << 30 };

export function runStart(id: string, startedAt: string, more: Partial<RunStart> = {}): RunStart {
  return { id, startedAt, mode: 'apply', inventory: '/inv/lab', playbook: 'site.yml', hosts: ['a', 'b'], version: '0.1.0', controller: 'ctl', user: 'ops', origin: null, arguments: [], revisions: [], ...more };
}

export function runEnd(id: string, hosts: Readonly<Record<string, Partial<RecordedCounts>>>): RunEnd {
  return { endedAt: `${id}-end`, status: 0, seconds: 1.5, total: { ...none, ok: 3 }, hosts: Object.fromEntries(Object.entries(hosts).map(([h, c]) => [h, { ...none, ...c }])), roles: {}, slowest: [], observations: [] };
}

export const change: ChangeRow = { type: 'change', host: 'a', role: 'base', task: 't', resource: 'file /etc/x', what: 'create', handler: false, unknown: false, diff: null, seen: null, delegatedTo: null, at: null };

export interface StoreUnderTest {
  /** @param now the store's clock, milliseconds since the epoch */
  readonly open: (now?: () => number) => Promise<Store>;
  /** Called before each test: the next store that is opened is empty. */
  readonly empty: () => Promise<void>;
}

export function storeContract(name: string, under: StoreUnderTest): void {
  describe(`a store of runs: ${name}`, () => {
    beforeEach(under.empty);
    async function using(work: (store: Store) => Promise<void>, now?: () => number): Promise<void> {
      const store = await under.open(now);
      try {
        await work(store);
      } finally {
        await store.close();
      }
    }

    test('a run is there as soon as it begins, and whole after it ended', async () => {
      const more = { origin: 'ssh 192.0.2.7', arguments: ['apply', 'inventory/lab', '--limit', 'a'], revisions: [{ of: 'inventory', path: 'inventory/lab', commit: 'abc', branch: 'main', dirty: true }, { of: 'roles', path: '/r', commit: null, branch: null, dirty: null }] } as const;
      const task = { type: 'task', host: 'a', play: 'p', role: 'base', task: 't', module: 'file', status: 'failed', seconds: 0.25, item: 'x', place: 'f.yml:1:2', handler: true, message: 'no', at: '2026-01-01T00:00:01Z' } as const;
      const second = { ...change, unknown: true, diff: '-a\n+b', seen: { modified: '2025-12-31T23:00:00.000Z', owner: 'www-data' }, delegatedTo: 'b', at: '2026-01-01T00:00:02Z' };
      const warning = { type: 'warning', host: null, message: 'w', at: null } as const;
      await using(async (store) => {
        await store.recordRun(runStart('r1', '2026-01-01T00:00:00Z', more));
        expect(await store.showRun('r1')).toMatchObject({ status: null, endedAt: null, hostCount: 2, hosts: { a: null, b: null }, roles: {}, slowest: [], ...more });
        await store.append('r1', 0, [change, task, warning]);
        await store.append('r1', 3, [second]);
        await store.finishRun('r1', { ...runEnd('r1', { a: { failed: 1 }, b: { ok: 3 }, late: { ok: 1 } }), roles: { base: { ...none, ok: 4 } }, slowest: [{ host: 'a', role: 'base', task: 't', seconds: 0.25 }], observations: [OBSERVED] }, keep);
      });
      await using(async (store) => {
        const run = await store.showRun('r1');
        expect(run?.tasks).toEqual([task]);
        expect(run?.changes).toEqual([change, second]);
        expect(run?.warnings).toEqual([warning]);
        expect(run).toMatchObject({ status: 0, seconds: 1.5, endedAt: 'r1-end', total: { ok: 3 }, hosts: { a: { failed: 1 }, b: { ok: 3 }, late: { ok: 1 } }, roles: { base: { ok: 4 } }, slowest: [{ task: 't', seconds: 0.25 }], observations: [OBSERVED] });
      });
    });

    test('texts come back as they were, whatever is in them; what no database can hold is replaced', async () => {
      await using(async (store) => {
        const odd = `quote ' " \\ $1 ? %s \u00e4 \u{1F600} \r\n\ttab`;
        await store.recordRun(runStart('r', '1', { inventory: odd, arguments: [odd] }));
        await store.append('r', 0, [{ ...change, what: odd }, { ...change, what: 'nul \0 here' }]);
        const run = await store.showRun('r');
        expect([run?.inventory, run?.arguments, run?.changes.map((c) => c.what)]).toEqual([odd, [odd], [odd, 'nul \uFFFD here']]);
      });
    });

    test('many rows in order', async () => {
      await using(async (store) => {
        await store.recordRun(runStart('r', '1'));
        await store.append('r', 0, Array.from({ length: 1234 }, (_, i) => ({ ...change, what: String(i) })));
        expect((await store.showRun('r'))?.changes.map((c) => Number(c.what))).toEqual(Array.from({ length: 1234 }, (_, i) => i));
      });
    });

    test('a batch of rows is written whole or not at all', async () => {
      await using(async (store) => {
        await store.recordRun(runStart('r', '1'));
        // The change goes in, the warning is one that no table takes.
        await expect(store.append('r', 0, [change, { type: 'warning', host: null, message: null as never, at: null }])).rejects.toThrow();
        expect((await store.showRun('r'))?.changes).toEqual([]);
        await expect(store.append('no such run', 0, [change])).rejects.toThrow();
        // And the store is as good as before.
        await store.append('r', 0, [change]);
        expect((await store.showRun('r'))?.changes).toHaveLength(1);
      });
    });

    test('what is written twice is there once: a lost connection may have lost no more than the answer', async () => {
      await using(async (store) => {
        for (let i = 0; i < 2; i += 1) {
          await store.recordRun(runStart('r', '1'));
          await store.append('r', 0, [change, { ...change, what: 'second' }]);
          await store.finishRun('r', runEnd('r', { a: { ok: 1 } }), keep);
        }
        expect((await store.showRun('r'))?.changes.map((c) => c.what)).toEqual(['create', 'second']);
        expect(await store.listRuns({ limit: 9 })).toHaveLength(1);
      });
    });

    test('two stores at once, of which each sees what the other has written', async () => {
      await using(async (one) => {
        await using(async (two) => {
          await Promise.all([one, two].flatMap((store, i) => Array.from({ length: 20 }, (_, n) => store.recordRun(runStart(`r${String(i)}-${String(n)}`, '1')))));
          expect(await one.listRuns({ limit: 99 })).toHaveLength(40);
          expect(await two.listRuns({ limit: 99 })).toHaveLength(40);
        });
      });
    });

    test('lists newest first, by inventory, mode and time, and finds a run by the beginning of its id', async () => {
      await using(async (store) => {
        await store.recordRun(runStart('abc1', '2026-01-01T00:00:00Z'));
        await store.recordRun(runStart('abd2', '2026-01-03T00:00:00Z', { inventory: '/inv/prod' }));
        await store.recordRun(runStart('abe3', '2026-01-02T00:00:00Z', { mode: 'check' }));
        const ids = async (filter: Parameters<Store['listRuns']>[0]): Promise<string[]> => (await store.listRuns(filter)).map((r) => r.id);
        expect(await ids({ limit: 2 })).toEqual(['abd2', 'abe3']);
        expect(await ids({ limit: 9, inventory: '/inv/lab' })).toEqual(['abe3', 'abc1']);
        expect(await ids({ limit: 9, mode: 'check' })).toEqual(['abe3']);
        expect(await ids({ limit: 9, since: '2026-01-02' })).toEqual(['abd2', 'abe3']);
        expect((await store.showRun('abd'))?.id).toBe('abd2');
        expect(await store.showRun('ab')).toBeUndefined();
        expect(await store.showRun('%')).toBeUndefined();
      });
    });

    test('last converged: an apply without failure, or a check without drift', async () => {
      await using(async (store) => {
        await store.recordRun(runStart('1', '1'));
        await store.finishRun('1', runEnd('1', { a: { changed: 2 }, b: { failed: 1 } }), keep);
        await store.recordRun(runStart('2', '2', { mode: 'check' }));
        await store.finishRun('2', runEnd('2', { a: { changed: 1 }, b: { ok: 1 } }), keep);
        await store.recordRun(runStart('3', '3', { mode: 'verify' }));
        await store.finishRun('3', runEnd('3', { a: { ok: 1 }, b: { ok: 1 } }), keep);
        expect(await store.lastConverged('a')).toEqual({ host: 'a', run: '1', at: '1-end' });
        expect(await store.lastConverged('b')).toEqual({ host: 'b', run: '2', at: '2-end' });
        expect(await store.lastConverged('b', '/inv/other')).toBeUndefined();
      });
    });

    test('sightings: what was changed in more than one run of apply or check, the oldest first', async () => {
      await using(async (store) => {
        const revisions = [{ of: 'roles', path: 'roles', commit: 'c1', branch: null, dirty: false }] as const;
        const rows = async (id: string, day: number, resources: readonly string[], more: Partial<RunStart> = {}, row: Partial<ChangeRow> = {}): Promise<void> => {
          await store.recordRun(runStart(id, `2026-01-0${String(day)}T00:00:00Z`, more));
          await store.append(id, 0, resources.map((resource) => ({ ...change, resource, ...row })));
        };
        await rows('r1', 1, ['file /twice', 'file /once', 'file /other-host'], { revisions });
        await rows('r2', 2, ['file /twice'], { mode: 'check' });
        await rows('r3', 3, ['file /twice'], { mode: 'verify' });
        await rows('r4', 4, ['file /other-host'], {}, { host: 'b' });
        await rows('r5', 5, ['file /twice'], {}, { unknown: true });
        await rows('r6', 6, ['file /twice'], {}, { handler: true });
        const seen = await store.sightings({ since: '' });
        expect(seen.map((s) => [s.run, s.mode, s.change.resource])).toEqual([['r1', 'apply', 'file /twice'], ['r2', 'check', 'file /twice']]);
        expect(seen[0]).toMatchObject({ startedAt: '2026-01-01T00:00:00Z', inventory: '/inv/lab', controller: 'ctl', user: 'ops', revisions });
        expect(await store.sightings({ since: '', host: 'b' })).toEqual([]);
        expect(await store.sightings({ since: '2026-01-02' })).toEqual([]);
        expect(await store.sightings({ since: '', inventory: '/inv/other' })).toEqual([]);
      });
    });

    test('keeps the newest runs of each inventory only, and drops what is older than some days but the newest', async () => {
      await using(async (store) => {
        for (let i = 1; i <= 5; i += 1) {
          await store.recordRun(runStart(`r${String(i)}`, `2026-01-0${String(i)}T00:00:00.000Z`));
          await store.finishRun(`r${String(i)}`, runEnd(`r${String(i)}`, {}), { ...keep, runs: 3 });
        }
        await store.recordRun(runStart('other', '2026-01-01T00:00:00.000Z', { inventory: '/inv/prod' }));
        await store.append('other', 0, [change]);
        const ids = async (): Promise<string[]> => (await store.listRuns({ limit: 9 })).map((r) => r.id);
        expect(await ids()).toEqual(['r5', 'r4', 'r3', 'other']);
        expect(await store.prune({ ...keep, days: 3 })).toBe(1);
        expect(await ids()).toEqual(['r5', 'r4', 'other']);
        expect((await store.showRun('other'))?.changes).toHaveLength(1);
      }, () => Date.parse('2026-01-07T00:00:00.000Z'));
    });
  });
}
