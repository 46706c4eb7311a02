/** Tells of a night: a page, mail and webhooks, when there is something to say that has not been said. */
import { createHash } from 'node:crypto';
import { saidLately, type Said } from '../../run/converge/decide.ts';
import type { Policy } from '../../run/converge/policy.ts';
import { openStore, type Environment } from '../../state/open-store.ts';
import { recurrences, type Recurrence } from '../../state/recurrence.ts';
import type { Notify, NotifyEvent } from '../notify/config.ts';
import { earlierHosts, sendMessages, worthTelling } from '../notify/reporter.ts';
import { plural } from '../reporters/counts.ts';
import type { ChangeGroup, RunReport } from '../report/model.ts';
import { namedHosts } from '../report/words.ts';
import { keepReport } from './reports.ts';

const DAY_MS = 86_400_000;
/** Days that are looked back over, and times from which on a thing that comes back is worth a sentence. */
const LOOK_BACK_DAYS = 30;
const TIMES = 3;
const MOST_RECURRING = 5;

export interface NightTelling {
  readonly report: RunReport;
  /** Undefined: nobody is to be told. */
  readonly notify: Notify | undefined;
  /** Undefined: the night ended before it was known. */
  readonly policy: Policy | undefined;
  readonly runs: readonly string[];
  readonly environment: Environment;
  readonly reports: string | undefined;
  readonly name: string;
  /** What was told of before. */
  readonly before: Said | null;
  readonly warn: (message: string) => void;
  readonly stop: AbortSignal;
  readonly now: () => number;
}

export interface NightTold {
  /** With what is known of things that keep coming back. */
  readonly report: RunReport;
  /** Messages that could not be sent; undefined when none was to be. */
  readonly failed: number | undefined;
  readonly said: Said | null;
  /** Whether there was something to say, and it has been said lately. */
  readonly quiet: boolean;
  /** Things of this night that keep coming back; undefined when the history could not be read. */
  readonly recurring: number | undefined;
}

/** All that was left as it is or could not be told, as one word; the same for the same drift in another order. */
export function driftKey(report: RunReport): string {
  const left = report.mode === 'check' ? report.changes : report.policy?.left ?? [];
  const changes = left.map(({ role, task, resource, what, hosts }: ChangeGroup) => JSON.stringify([role, task, resource, what, hosts.named, hosts.count]));
  const unknown = report.troubles.filter((one) => one.status === 'unknown').map(({ role, task, hosts }) => JSON.stringify(['unknown', role, task, hosts.named, hosts.count]));
  // Why it was left is news as well.
  return createHash('sha256').update(JSON.stringify([[...changes, ...unknown].sort(), report.policy?.standing ?? report.policy?.notes ?? []])).digest('hex');
}

const isStanding = (event: NotifyEvent): boolean => event === 'drifted' || event === 'unknown';

/** Never fails for what a message or the history has: what the night did stands. */
export async function tellNight(of: NightTelling): Promise<NightTold> {
  const { notify, policy, runs, environment, warn, stop, now } = of;
  const { events, recovered } = await worthTelling(of.report, { warn, earlier: (report) => earlierHosts(report, environment, runs), now });
  // A night without drift ends what was told of: should it come back, that is news.
  if (events.length === 0) return { report: of.report, failed: undefined, said: null, quiet: false, recurring: 0 };
  const at = now();
  const key = driftKey(of.report);
  if (policy !== undefined && events.every(isStanding) && saidLately(policy, key, of.before, at)) {
    // Who says nothing again has still looked: the alert on what keeps coming back goes on.
    return { report: of.report, failed: undefined, said: of.before, quiet: true, recurring: (await withRecurrences(of, at)).recurring };
  }
  const { report, recurring } = await withRecurrences(of, at);
  keepReport(of.reports, of.name, report, at, warn);
  const wanted = notify === undefined ? [] : events.filter((event) => notify.events.includes(event));
  const failed = notify === undefined || wanted.length === 0 ? undefined : await sendMessages(notify, { report, events: wanted, recovered, link: notify.link, now: at }, { warn, stop });
  const drifted = events.some(isStanding);
  return { report, failed, quiet: false, recurring, said: !drifted ? null : failed === 0 ? { key, at: new Date(at).toISOString() } : of.before };
}

/** Adds what of the night keeps coming back: mending it again and again mends nothing. */
async function withRecurrences({ report, runs, environment, warn }: NightTelling, at: number): Promise<Pick<NightTold, 'report' | 'recurring'>> {
  if (report.changes.length === 0 || runs.length === 0) return { report, recurring: 0 };
  try {
    const store = await openStore({ environment });
    try {
      const sightings = await store.sightings({ since: new Date(at - LOOK_BACK_DAYS * DAY_MS).toISOString(), inventory: report.inventory });
      const things = recurringThings(recurrences(sightings, TIMES), runs);
      const notes = recurringNotes(things);
      return { report: notes.length === 0 ? report : { ...report, policy: { left: [], ...report.policy, notes: [...(report.policy?.notes ?? []), ...notes] } }, recurring: things.size };
    } finally {
      await store.close();
    }
  } catch (error) {
    warn(`what keeps coming back is not known, the history cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return { report, recurring: undefined };
  }
}

/** The things of these runs that have come back before, with what is known of each. Pure. */
export function recurringThings(found: readonly Recurrence[], runs: readonly string[]): ReadonlyMap<string, readonly Recurrence[]> {
  const tonight = found.filter(({ episodes }) => episodes.at(-1)?.runs.some((run) => runs.includes(run)) === true);
  const things = new Map<string, Recurrence[]>();
  for (const one of tonight) things.set(one.resource, [...(things.get(one.resource) ?? []), one]);
  return things;
}

/** Sentences about them. Pure. */
export function recurringNotes(things: ReadonlyMap<string, readonly Recurrence[]>): readonly string[] {
  const notes = [...things].map(([resource, of]) => {
    const times = Math.max(...of.map((one) => one.times));
    const since = of.map((one) => one.since).sort()[0] ?? '';
    return `Keeps coming back: ${resource} (${namedHosts({ named: of.map((one) => one.host).sort(), count: of.length }, 5)}), ${plural(times, 'time')} since ${since.slice(0, 10)}.`;
  });
  const more = notes.length - MOST_RECURRING;
  return [...notes.slice(0, MOST_RECURRING), ...(more > 0 ? [`And ${plural(more, 'more thing')} that ${more === 1 ? 'keeps' : 'keep'} coming back.`] : []), ...(notes.length > 0 ? ['Who else changes them: care-provision drift.'] : [])];
}
