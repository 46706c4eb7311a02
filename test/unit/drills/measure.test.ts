import { describe, expect, test } from 'vitest';
import { confirmedBetween, errorKinds, longestGap, lostRows, rangesOf, spread, twoPrimaries, writeGap } from '../../../src/drills/measure.ts';
import { failover, recording, row, rows } from './support.ts';

describe('the gap', () => {
  test('goes from the last row of the old timeline to the first of the new, though another one is longer', () => {
    const seen = [row(1, 0), row(2, 100), row(3, 3100, 2), row(4, 3200, 2), row(5, 9000, 2)];
    expect(writeGap(seen, 50, 9010)).toEqual({ ms: 3000, fromMs: 100, toMs: 3100, kind: 'timeline' });
    expect(longestGap(seen, 50, 9010)?.ms).toBe(5800);
  });

  test('is the longest time without a row where the timeline stays', () => {
    expect(writeGap([row(1, 0), row(2, 100), row(3, 1900), row(4, 2000)], 50, 2010)).toEqual({ ms: 1800, fromMs: 100, toMs: 1900, kind: 'largest' });
  });

  test('of the time before the breaking does not count', () => {
    expect(writeGap([row(1, 0), row(2, 900), row(3, 1000), row(4, 1050)], 950, 1060)?.ms).toBe(100);
  });

  test('that never ends is as long as one has waited', () => {
    expect(writeGap([row(1, 0), row(2, 100)], 50, 30_100)).toEqual({ ms: 30_000, fromMs: 100, toMs: 30_100, kind: 'largest' });
  });

  test('cannot be told without rows', () => {
    expect(writeGap([], 0, 1000)).toBeUndefined();
    expect(longestGap([], 0, 1000)).toBeUndefined();
  });
});

test('rows that are there are told as ranges, in whatever order they are listed', () => {
  expect(rangesOf('writer', [3, 1, 2, 10, 7, 8, 2])).toEqual([{ client: 'writer', from: 1, to: 3 }, { client: 'writer', from: 7, to: 8 }, { client: 'writer', from: 10, to: 10 }]);
  expect(rangesOf('writer', [])).toEqual([]);
});

test('rows between two moments were sent after the one and confirmed before the other: what straddles may be on either side', () => {
  const seen = [row(1, 1000), row(2, 2000, 1, { sentMs: 1400 }), row(3, 2100, 1, { sentMs: 1600 }), row(4, 3000, 1, { sentMs: 2900 }), row(5, 3100, 1, { sentMs: 2950 })];
  expect(confirmedBetween(seen, 1500, 3050).map((each) => each.sequence)).toEqual([3, 4]);
  expect(confirmedBetween(seen, 3000, 3050)).toEqual([]);
});

describe('lost rows', () => {
  test('are those that were acknowledged and are not there, of each client by itself', () => {
    const acknowledged = [row(1, 0), row(2, 1), row(3, 2), row(2, 3, 1, { client: 'prober:a1' })];
    expect(lostRows(acknowledged, [{ client: 'writer', from: 1, to: 2 }]).map((r) => [r.client, r.sequence])).toEqual([['writer', 3], ['prober:a1', 2]]);
    expect(lostRows(acknowledged, [{ client: 'writer', from: 1, to: 9 }, { client: 'prober:a1', from: 2, to: 2 }])).toEqual([]);
    expect(lostRows(acknowledged, [])).toHaveLength(4);
  });
});

describe('two primaries', () => {
  test('are seen when an old timeline confirms what was sent after a newer one had confirmed', () => {
    const old = row(9, 5000, 1, { client: 'prober:a1', sentMs: 4900, server: 'a1' });
    const found = twoPrimaries([recording([row(1, 4000, 2)]), recording([old])]);
    expect(found.map((f) => [f.old.server, f.since.timeline])).toEqual([['a1', 2]]);
  });

  test('are not seen in a confirmation that was on the way when the other began', () => {
    expect(twoPrimaries([recording([row(1, 4000, 2)]), recording([row(9, 4001, 1, { sentMs: 3990 })])])).toEqual([]);
    expect(twoPrimaries([recording(rows(0, 1000, 1)), recording(rows(2000, 3000, 50, 2))])).toEqual([]);
  });
});

test('median, least and most', () => {
  expect(spread([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 });
  expect(spread([4, 1, 9, 2])).toEqual({ median: 3, min: 1, max: 9 });
  expect(spread([])).toBeUndefined();
});

test('errors are put together by what they say, numbers aside', () => {
  const error = (code: string, message: string): Parameters<typeof recording>[1] => [{ client: 'w', atMs: 0, sequence: 1, endpoint: 'a', code, message }];
  const all = recording([], [...(error('57P01', 'terminating 12') ?? []), ...(error('57P01', 'terminating 13') ?? []), ...(error('ECONNREFUSED', 'no') ?? [])]);
  expect(errorKinds(all)).toEqual([{ code: '57P01', message: 'terminating 12', count: 2 }, { code: 'ECONNREFUSED', message: 'no', count: 1 }]);
});

describe('the judgement', () => {
  test('is met when all is within the target', () => {
    const result = failover();
    expect([result.met, result.gap?.ms, result.gap?.kind, result.lost, result.acknowledged, result.backMs, result.misses]).toEqual([true, 3000, 'timeline', 0, 72, 4000, []]);
  });

  test.each([
    ['a lost row', { found: [{ client: 'writer', from: 1, to: 10 }, { client: 'writer', from: 100, to: 160 }] }, '1 acknowledged rows are lost (the first: writer 11, timeline 1)'],
    ['rows that cannot be counted', { found: undefined }, 'the rows could not be counted afterwards, so nothing is proven'],
    ['a long gap', { target: { gapMs: 2000, backMs: 10_000, source: '' } }, 'no row was confirmed for 3.0 s; the target is 2.0 s'],
    ['a long way back', { target: { gapMs: 5000, backMs: 1000, source: '' } }, 'it took 4.0 s to be whole again; the target is 1.0 s'],
    ['no way back', { backAtMs: undefined }, 'the cluster was not whole again in the time that it was given'],
    ['a finding', { findings: ['the page was not found'] }, 'the page was not found'],
    ['two primaries', { prober: recording([row(1, 6000, 1, { client: 'writer', sequence: 5, sentMs: 5000, server: 'a1' })]) }, 'two members confirmed rows at the same time, 1 times (first a1 on timeline 1 after 172.30.0.11 on 2)'],
    ['a time of its own', { figures: [{ name: 'left_ms', label: 'until it left', ms: 12_000, targetMs: 10_000 }] }, 'until it left: 12.0 s; the target is 10.0 s'],
    ['a row from after the moment that is there', { givenUp: { fromMs: 350, sureMs: 350, toMs: 3500, mustBeGone: true }, found: [{ client: 'writer', from: 1, to: 5 }, { client: 'writer', from: 100, to: 160 }] }, '1 rows are there that were written after the moment'],
    ['a row from before the moment that is not', { givenUp: { fromMs: 350, sureMs: 350, toMs: 3500, mustBeGone: true }, found: [{ client: 'writer', from: 1, to: 3 }, { client: 'writer', from: 100, to: 160 }] }, '1 acknowledged rows are lost (the first: writer 4, timeline 1)'],
    ['no row after the moment', { givenUp: { fromMs: 1100, sureMs: 1100, toMs: 3500, mustBeGone: true } }, 'no row was written after the moment, so nothing is proven'],
    ['no row at all', { writer: recording([]) }, 'no row was ever confirmed'],
  ])('is missed by %s', (_name, more, miss) => {
    const result = failover(more);
    expect(result.met).toBe(false);
    expect(result.misses).toContain(miss);
  });

  test('lets go what a drill gives up, and nothing else', () => {
    const found = [{ client: 'writer', from: 1, to: 4 }, { client: 'writer', from: 100, to: 160 }];
    expect(failover({ givenUp: { fromMs: 350, sureMs: 350, toMs: 3500, mustBeGone: true }, found })).toMatchObject({ met: true, lost: 0 });
    expect(failover({ givenUp: { fromMs: 350, sureMs: 350, toMs: 3500, mustBeGone: false }, found: [{ client: 'writer', from: 1, to: 9 }, { client: 'writer', from: 100, to: 160 }] })).toMatchObject({ met: true, lost: 0, figures: [{ name: 'given_up_ms', ms: 200, label: 'of writing are gone with the hosts (2 acknowledged rows)' }] });
    expect(failover({ found })).toMatchObject({ met: false, lost: 7 });
  });

  test('looks at the longest gap, not only at that between timelines', () => {
    const acknowledged = [...rows(0, 1000, 1), ...rows(4000, 5000, 100, 2), ...rows(12_000, 12_500, 200, 2)];
    const result = failover({ writer: recording(acknowledged), found: [{ client: 'writer', from: 1, to: 300 }], endMs: 12_550 });
    expect([result.gap?.ms, result.longest?.ms, result.met]).toEqual([3000, 7000, false]);
  });
});
