/**
 * Windows, freezes and the schedule by the clock of a place. Pure: given the time, no clock of its own.
 *
 * All times of day are wall-clock times. Where clocks are put forward, a time that is left out does not come on that day; where they are
 * put back, the hour that comes twice is in a window both times, and a schedule in it comes once, the first time.
 */
import { Temporal } from 'temporal-polyfill';
import { DAYS, type Day, type Freeze, type Policy, type Window } from './policy.ts';

type Clock = Pick<Policy, 'time_zone'>;

/** Days that are looked ahead: a week, and one for each end that may fall out. */
const HORIZON_DAYS = 9;
const SECONDS_OF_A_DAY = 86_400;

function local(at: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
}

function dayOf(date: { readonly dayOfWeek: number }): Day {
  const day = DAYS[date.dayOfWeek - 1];
  if (day === undefined) throw new Error(`there is no day ${String(date.dayOfWeek)} of the week`);
  return day;
}

const minutes = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

/** The window that is open; undefined when none is, or a window of all times when the policy has none. @param at milliseconds since 1970 */
export function openWindow(policy: Clock & Pick<Policy, 'windows'>, at: number): Window | 'always' | undefined {
  if (policy.windows === undefined) return 'always';
  const now = local(at, policy.time_zone);
  const time = now.hour * 60 + now.minute;
  const [today, yesterday] = [dayOf(now), dayOf(now.subtract({ days: 1 }))];
  return policy.windows.find(({ days, from, to }) => {
    const [begin, end] = [minutes(from), minutes(to)];
    if (begin < end) return days.includes(today) && time >= begin && time < end;
    // Over midnight: the days are those on which it begins.
    return (days.includes(today) && time >= begin) || (days.includes(yesterday) && time < end);
  });
}

/** The freeze that holds. @param at milliseconds since 1970 */
export function freezeAt(policy: Clock & Pick<Policy, 'freeze'>, at: number): Freeze | undefined {
  const today = local(at, policy.time_zone).toPlainDate().toString();
  return policy.freeze.find(({ from, to }) => from <= today && today <= to);
}

/** The instant of a wall-clock time; undefined on a day on which clocks are put forward over it. */
function instant(date: Temporal.PlainDate, time: string, zone: string): number | undefined {
  const there = date.toZonedDateTime({ timeZone: zone, plainTime: Temporal.PlainTime.from(time) });
  // "compatible" moves a time that is left out to after the gap: it shows by its own clock.
  return there.hour * 60 + there.minute === minutes(time) && there.toPlainDate().equals(date) ? there.epochMilliseconds : undefined;
}

function occurrences(policy: Clock, times: readonly { readonly days: readonly Day[]; readonly time: string }[], around: number, from: number, to: number): number[] {
  const today = local(around, policy.time_zone).toPlainDate();
  const found: number[] = [];
  for (let offset = from; offset <= to; offset += 1) {
    const date = today.add({ days: offset });
    for (const { days, time } of times) {
      const when = days.includes(dayOf(date)) ? instant(date, time, policy.time_zone) : undefined;
      if (when !== undefined) found.push(when);
    }
  }
  return found.sort((a, b) => a - b);
}

/** When the next window opens, milliseconds since 1970; undefined when there is none within a week or so, or all times are open. */
export function nextOpening(policy: Clock & Pick<Policy, 'windows'>, at: number): number | undefined {
  const times = (policy.windows ?? []).map(({ days, from }) => ({ days, time: from }));
  return occurrences(policy, times, at, 0, HORIZON_DAYS).find((when) => when > at);
}

/** When the schedule's time last was, at or before the given one; without jitter. Undefined: not within a week or so. */
export function lastScheduled(policy: Clock & Pick<Policy, 'schedule'>, at: number): number | undefined {
  return occurrences(policy, [{ days: policy.schedule.days, time: policy.schedule.at }], at, -HORIZON_DAYS, 0).findLast((when) => when <= at);
}

/** When it will be next, after the given time; without jitter. */
export function nextScheduled(policy: Clock & Pick<Policy, 'schedule'>, at: number): number | undefined {
  return occurrences(policy, [{ days: policy.schedule.days, time: policy.schedule.at }], at, 0, HORIZON_DAYS).find((when) => when > at);
}

/** The longest time between two runs that are due one after the other, in seconds; days on which clocks are moved count as others. */
export function longestInterval(policy: Pick<Policy, 'schedule'>): number {
  const days = DAYS.flatMap((day, index) => (policy.schedule.days.includes(day) ? [index] : []));
  const gaps = days.map((day, index) => (days[index + 1] ?? (days[0] ?? day) + DAYS.length) - day);
  return Math.max(...gaps) * SECONDS_OF_A_DAY;
}

/** `2026-11-27 02:00 Asia/Kolkata` */
export function localMoment(at: number, zone: string): string {
  const there = local(at, zone);
  return `${there.toPlainDate().toString()} ${there.toPlainTime().toString({ smallestUnit: 'minute' })} ${zone}`;
}
