/** Windows, freezes and schedules by the clock of a place, where clocks are put forward and back, and over midnight. */
import { describe, expect, test } from 'vitest';
import { freezeAt, lastScheduled, longestInterval, localMoment, nextOpening, nextScheduled, openWindow } from '../../../../src/run/converge/calendar.ts';
import { PolicySchema, type Policy } from '../../../../src/run/converge/policy.ts';

const policy = (text: object): Policy => PolicySchema.parse(text);
const at = (text: string): number => Date.parse(text);
const open = (of: Policy, time: string): boolean => openWindow(of, at(time)) !== undefined;
const iso = (time: number | undefined): string | undefined => (time === undefined ? undefined : new Date(time).toISOString());

describe('a window', () => {
  const night = policy({ windows: [{ days: ['mon', 'tue'], from: '01:00', to: '04:30' }] });

  test('holds from its first minute to before its last, on its days only', () => {
    // 2026-11-23 is a Monday.
    expect(['2026-11-23T00:59:59Z', '2026-11-23T01:00:00Z', '2026-11-23T04:29:59.999Z', '2026-11-23T04:30:00Z'].map((time) => open(night, time))).toEqual([false, true, true, false]);
    expect(['2026-11-22T02:00:00Z', '2026-11-24T02:00:00Z', '2026-11-25T02:00:00Z'].map((time) => open(night, time))).toEqual([false, true, false]);
  });

  test('over midnight belongs to the day on which it begins', () => {
    const friday = policy({ windows: [{ days: 'fri', from: '22:00', to: '05:00' }] });
    // 2026-11-27 is a Friday.
    expect(['2026-11-27T04:00:00Z', '2026-11-27T21:59:00Z', '2026-11-27T22:00:00Z', '2026-11-28T00:00:00Z', '2026-11-28T04:59:59Z', '2026-11-28T05:00:00Z', '2026-11-28T22:30:00Z'].map((time) => open(friday, time))).toEqual([false, false, true, true, true, false, false]);
  });

  test('is by the clock of its place', () => {
    const kochi = policy({ time_zone: 'Asia/Kolkata', windows: [{ days: 'thu', from: '00:00', to: '03:00' }] });
    // Half past midnight of a Thursday there is Wednesday, 19:00 UTC.
    expect(open(kochi, '2026-11-25T19:00:00Z')).toBe(true);
    expect(open(kochi, '2026-11-26T00:30:00Z')).toBe(false);
  });

  test('of a whole day ends with it', () => {
    const whole = policy({ windows: [{ days: 'sun', from: '00:00', to: '24:00' }] });
    expect(['2026-11-22T00:00:00Z', '2026-11-22T23:59:59Z', '2026-11-23T00:00:00Z'].map((time) => open(whole, time))).toEqual([true, true, false]);
  });

  test('of several one is enough; without any it is always open', () => {
    const two = policy({ windows: [{ from: '01:00', to: '02:00' }, { from: '12:00', to: '13:00' }] });
    expect(['2026-11-26T01:30:00Z', '2026-11-26T12:30:00Z', '2026-11-26T11:00:00Z'].map((time) => open(two, time))).toEqual([true, true, false]);
    expect(openWindow(policy({}), at('2026-11-26T11:00:00Z'))).toBe('always');
  });

  test('where clocks are put forward is as much shorter, where they are put back longer', () => {
    const berlin = policy({ time_zone: 'Europe/Berlin', windows: [{ from: '01:00', to: '04:00' }] });
    // 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC. 01:00 is 00:00 UTC, 04:00 is 02:00 UTC.
    expect(['2026-03-28T23:59:59Z', '2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z', '2026-03-29T01:59:59Z', '2026-03-29T02:00:00Z'].map((time) => open(berlin, time))).toEqual([false, true, true, true, false]);
    // 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC. 01:00 is 23:00 UTC, 04:00 is 03:00 UTC.
    expect(['2026-10-24T22:59:59Z', '2026-10-24T23:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:59:59Z', '2026-10-25T03:00:00Z'].map((time) => open(berlin, time))).toEqual([false, true, true, true, true, false]);
    // One that lies within what is left out does not come on that day.
    const gone = policy({ time_zone: 'Europe/Berlin', windows: [{ from: '02:10', to: '02:50' }] });
    expect(['2026-03-29T00:30:00Z', '2026-03-29T01:30:00Z', '2026-03-30T00:30:00Z'].map((time) => open(gone, time))).toEqual([false, false, true]);
  });

  test('that opens next', () => {
    expect(iso(nextOpening(night, at('2026-11-25T12:00:00Z')))).toBe('2026-11-30T01:00:00.000Z');
    expect(iso(nextOpening(night, at('2026-11-23T00:59:00Z')))).toBe('2026-11-23T01:00:00.000Z');
    expect(iso(nextOpening(night, at('2026-11-24T01:00:00Z')))).toBe('2026-11-30T01:00:00.000Z');
    expect(nextOpening(policy({}), at('2026-11-23T00:59:00Z'))).toBeUndefined();
    const gone = policy({ time_zone: 'Europe/Berlin', windows: [{ from: '02:10', to: '02:50' }] });
    expect(iso(nextOpening(gone, at('2026-03-28T12:00:00Z')))).toBe('2026-03-30T00:10:00.000Z');
  });
});

test('a freeze holds from the first to the last day, by the clock of the place', () => {
  const frozen = policy({ time_zone: 'Asia/Kolkata', freeze: [{ from: '2026-12-20', to: '2027-01-04', reason: 'end of the year' }] });
  const held = (time: string): string | undefined => freezeAt(frozen, at(time))?.reason;
  // Midnight there is 18:30 UTC of the day before.
  expect(['2026-12-19T18:29:59Z', '2026-12-19T18:30:00Z', '2027-01-04T18:29:59Z', '2027-01-04T18:30:00Z'].map(held)).toEqual([undefined, 'end of the year', 'end of the year', undefined]);
});

describe('a schedule', () => {
  const daily = policy({ time_zone: 'Europe/Berlin', schedule: { at: '02:30' } });

  test('was last, and is next, at its time of the place', () => {
    expect(iso(lastScheduled(daily, at('2026-11-26T01:30:00Z')))).toBe('2026-11-26T01:30:00.000Z');
    expect(iso(lastScheduled(daily, at('2026-11-26T01:29:59Z')))).toBe('2026-11-25T01:30:00.000Z');
    expect(iso(nextScheduled(daily, at('2026-11-26T01:30:00Z')))).toBe('2026-11-27T01:30:00.000Z');
    const sundays = policy({ schedule: { days: 'sun', at: '03:00' } });
    expect(iso(lastScheduled(sundays, at('2026-11-28T23:00:00Z')))).toBe('2026-11-22T03:00:00.000Z');
    expect(iso(nextScheduled(sundays, at('2026-11-22T03:00:00Z')))).toBe('2026-11-29T03:00:00.000Z');
  });

  test('on the day on which clocks are put forward over it does not come; put back, it comes once', () => {
    expect(iso(nextScheduled(daily, at('2026-03-28T12:00:00Z')))).toBe('2026-03-30T00:30:00.000Z');
    expect(iso(lastScheduled(daily, at('2026-03-29T12:00:00Z')))).toBe('2026-03-28T01:30:00.000Z');
    expect(iso(nextScheduled(daily, at('2026-10-24T12:00:00Z')))).toBe('2026-10-25T00:30:00.000Z');
    expect(iso(nextScheduled(daily, at('2026-10-25T00:30:00Z')))).toBe('2026-10-26T01:30:00.000Z');
  });
});

test('the longest time between two runs of a schedule is from its last day to its first of the next week', () => {
  const seconds = (days?: string | readonly string[]): number => longestInterval(policy({ schedule: { at: '02:00', ...(days === undefined ? {} : { days }) } })) / 86_400;
  expect([seconds(), seconds(['mon', 'tue', 'wed', 'thu', 'fri']), seconds('sun'), seconds(['sun', 'wed']), seconds(['tue', 'mon', 'mon'])]).toEqual([1, 3, 7, 4, 6]);
});

test('moments are told with their zone', () => {
  expect(localMoment(at('2026-11-26T20:30:00Z'), 'Asia/Kolkata')).toBe('2026-11-27 02:00 Asia/Kolkata');
});
