/** A drill as it might have been seen, for tests of what is made of it. */
import type { Acknowledged, Recording } from '../../../src/drills/record.ts';
import { POSTGRES_WORDS } from '../../../src/drills/postgres/words.ts';
import { judge, type DrillResult, type Seen } from '../../../src/drills/result.ts';

export function row(sequence: number, atMs: number, timeline = 1, more: Partial<Acknowledged> = {}): Acknowledged {
  return { client: 'writer', sequence, sentMs: atMs - 5, atMs, timeline, server: timeline === 1 ? '172.30.0.10' : '172.30.0.11', ...more };
}

export const recording = (acknowledged: readonly Acknowledged[], errors: Recording['errors'] = []): Recording => ({ acknowledged, errors, errorsNotKept: 0 });

/** Rows every 100 ms from one time to another. */
export function rows(fromMs: number, toMs: number, first: number, timeline = 1): readonly Acknowledged[] {
  return Array.from({ length: Math.floor((toMs - fromMs) / 100) + 1 }, (_, i) => row(first + i, fromMs + i * 100, timeline));
}

/** Broken at 1 s, a new timeline from 4 s on, back at 9 s. */
export function failover(more: Partial<Seen> = {}): DrillResult {
  const acknowledged = [...rows(0, 1000, 1), ...rows(4000, 10_000, 100, 2)];
  return judge({
    drill: 'postgres-leader-host-loss', summary: 'the power of the leader is cut', cluster: 'care', target: { gapMs: 5000, backMs: 10_000, source: 'a test' }, startedAt: '2026-11-26T06:00:00.000Z',
    words: POSTGRES_WORDS, counts: [], what: 'a1 leads; its power is cut', way: 'through the write endpoint, a1:5000', brokenAtMs: 1000, healedAtMs: 5000, backAtMs: 9000, endMs: 10_050, findings: [], figures: [], givenUp: undefined,
    events: [{ atMs: 1000, kind: 'break', what: 'a1 leads; its power is cut' }, { atMs: 3900, kind: 'leader', what: '<a2> leads' }, { atMs: 5000, kind: 'heal', what: 'healing' }],
    writer: recording(acknowledged, [{ client: 'writer', atMs: 1100, sequence: 12, endpoint: 'a1:5000', code: 'ECONNRESET', message: 'read ECONNRESET' }]),
    prober: recording([]),
    found: [{ client: 'writer', from: 1, to: 11 }, { client: 'writer', from: 100, to: 160 }],
    ...more,
  });
}
