import { describe, expect, it } from 'vitest';
import { timingOf, timingTroubles, type TimedMember } from '../../../../src/modules/etcd_timing/decide.ts';
import { etcdTiming } from '../../../../src/modules/etcd_timing/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(etcdTiming, import.meta.url);

const FREE = { heartbeatMs: 0, electionMs: 0 };
/** Two members in one site, the third so many milliseconds away. */
const apart = (ms: number, heartbeatMs?: number): readonly TimedMember[] => [
  { name: 'a1', roundTrips: { a2: 0.2, b1: ms }, heartbeatMs }, { name: 'a2', roundTrips: { a1: 0.2, b1: ms }, heartbeatMs }, { name: 'b1', roundTrips: { a1: ms, a2: ms }, heartbeatMs },
];
const heartbeat = (members: readonly TimedMember[], asked = FREE): number => timingOf(members, asked).heartbeatMs;

describe('timingOf', () => {
  it.each([[0.3, 100, 1000], [40, 100, 1000], [80, 100, 1000], [80.4, 110, 1100], [120, 150, 1500], [300, 380, 3800], [9000, 5000, 50_000]])('new members %d ms apart have a heartbeat of %d ms and elect after %d ms', (ms, heartbeatMs, electionMs) => {
    expect(timingOf(apart(ms), FREE)).toMatchObject({ heartbeatMs, electionMs, roundTripMs: Math.ceil(ms) });
  });

  it('keeps to what etcd’s documentation asks for, at any distance', () => {
    for (let ms = 1; ms <= 4000; ms += 1) {
      const { heartbeatMs, electionMs } = timingOf(apart(ms), FREE);
      expect(electionMs).toBeGreaterThanOrEqual(10 * ms);
      expect(heartbeatMs).toBeGreaterThanOrEqual(ms / 2);
      if (ms > 100) expect(heartbeatMs).toBeLessThanOrEqual(1.5 * ms);
    }
  });

  it('changes nothing for a round trip that differs a little, in either direction', () => {
    for (let ms = 20; ms <= 2000; ms += 1) {
      const first = heartbeat(apart(ms));
      for (const factor of [0.9, 0.95, 1.05, 1.1, 1.2]) expect([ms, factor, heartbeat(apart(ms * factor, first))]).toEqual([ms, factor, first]);
    }
  });

  it('follows one that is another', () => {
    expect(heartbeat(apart(200, 100))).toBe(250);
    expect(heartbeat(apart(40, 250))).toBe(100);
    expect(heartbeat(apart(0.2, 20))).toBe(100);
  });

  it('is never made shorter by somebody who has not heard all', () => {
    const [a1, a2] = apart(0.2, 250);
    const off: TimedMember = { name: 'b1', roundTrips: {} };
    expect(heartbeat([...(a1 === undefined || a2 === undefined ? [] : [{ ...a1, roundTrips: { a2: 0.2 } }, { ...a2, roundTrips: { a1: 0.2 } }]), off])).toBe(250);
    expect(heartbeat([{ name: 'a1', roundTrips: { a2: 0.2, b1: 400 }, heartbeatMs: 250 }, { name: 'a2', roundTrips: {} }, { name: 'b1', roundTrips: {} }])).toBe(500);
  });

  it('stays as it is where nobody can measure, and is etcd’s default on new members', () => {
    const silent = (heartbeatMs?: number): readonly TimedMember[] => ['a1', 'a2', 'b1'].map((name) => ({ name, roundTrips: {}, heartbeatMs }));
    expect(timingOf(silent(), FREE)).toEqual({ heartbeatMs: 100, electionMs: 1000, roundTripMs: undefined, warnings: [] });
    expect(heartbeat(silent(380))).toBe(380);
  });

  it('is one for all when a change was cut off half-way: the longer one', () => {
    const [a1, ...others] = apart(200, 100);
    expect(heartbeat(a1 === undefined ? [] : [{ ...a1, heartbeatMs: 250 }, ...others])).toBe(250);
  });

  it('does not count hosts that are no members', () => {
    expect(timingOf([{ name: 'a1', roundTrips: { a2: 1, gone: 900 } }, { name: 'a2', roundTrips: {} }], FREE).roundTripMs).toBe(1);
    expect(heartbeat([{ name: 'a1', roundTrips: {} }])).toBe(100);
  });

  it('is what somebody asks for, and warns where that is too short', () => {
    expect(timingOf(apart(200, 100), { heartbeatMs: 50, electionMs: 0 })).toEqual({
      heartbeatMs: 50, electionMs: 500, roundTripMs: 200,
      warnings: ['a heartbeat of 50 ms is less than half of the round trip of 200 ms between the farthest members', 'an election timeout of 500 ms is less than ten round trips of 200 ms between the farthest members: leaders may be lost without need'],
    });
    expect(timingOf(apart(200), { heartbeatMs: 0, electionMs: 4000 })).toMatchObject({ heartbeatMs: 250, electionMs: 4000, warnings: [] });
  });
});

describe('timingTroubles', () => {
  it('tells what etcd does not start with', () => {
    expect(timingTroubles(FREE)).toEqual([]);
    expect(timingTroubles({ heartbeatMs: 300, electionMs: 1500 })).toEqual([]);
    expect(timingTroubles({ heartbeatMs: 300, electionMs: 1499 })).toEqual([expect.stringContaining('less than five heartbeats of 300 ms')]);
    expect(timingTroubles({ heartbeatMs: 0, electionMs: 400 })).toEqual([expect.stringContaining('less than five heartbeats of 100 ms')]);
    expect(timingTroubles({ heartbeatMs: 5, electionMs: 0 })).toEqual([expect.stringContaining('take 10 ms or more')]);
  });
});
