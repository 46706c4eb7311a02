/** Certificates, backups and versions that a run has seen, the most pressing first. Pure. */
import { endOfLife } from './end-of-life.ts';
import type { Hosts, RunReport } from './model.ts';
import type { Tone } from './words.ts';

/** Days below which a certificate is worth a look, and an alarm. The roles renew with a third of the life left. */
const CERTIFICATE_WARN_DAYS = 21;
const CERTIFICATE_BAD_DAYS = 7;
/** Hours above which a backup is old: a day and some for a nightly one; a week and a day for a full one. */
const BACKUP_OLD_HOURS = 26;
const FULL_OLD_HOURS = 8 * 24;
/** Days before its end of life from which a version is worth planning for. */
const VERSION_WARN_DAYS = 180;

const DAY_MS = 86_400_000;

export interface CalendarRow {
  readonly hosts: Hosts;
  readonly name: string;
  /** YYYY-MM-DD; undefined: not known. */
  readonly date: string | undefined;
  readonly words: string;
  readonly tone: Tone;
}

export interface Calendars {
  readonly certificates: readonly CalendarRow[];
  readonly backups: readonly CalendarRow[];
  readonly versions: readonly CalendarRow[];
}

interface Draft extends Omit<CalendarRow, 'hosts'> {
  readonly host: string;
  /** The smaller, the earlier in the list. */
  readonly order: number;
}

/** The same name, date and words on several hosts are one row. */
function rows(drafts: readonly Draft[]): readonly CalendarRow[] {
  const merged = new Map<string, { readonly draft: Draft; readonly hosts: string[] }>();
  for (const draft of [...drafts].sort((a, b) => a.order - b.order)) {
    const key = JSON.stringify([draft.name, draft.date, draft.words]);
    const row = merged.get(key) ?? { draft, hosts: [] };
    merged.set(key, row);
    row.hosts.push(draft.host);
  }
  return [...merged.values()].map(({ draft: { name, date, words, tone }, hosts }) => ({ name, date, words, tone, hosts: { named: hosts.sort(), count: hosts.length } }));
}

/** `in 3 days`, `3 days ago`, `today`. */
function inDays(days: number): string {
  const whole = Math.floor(Math.abs(days));
  if (whole === 0) return 'today';
  const text = `${String(whole)} ${whole === 1 ? 'day' : 'days'}`;
  return days > 0 ? `in ${text}` : `${text} ago`;
}

/** `5 h`, `3 days`. */
export function age(hours: number): string {
  return hours < 48 ? `${String(Math.max(0, Math.floor(hours)))} h` : `${String(Math.floor(hours / 24))} days`;
}

type Seen = RunReport['observations'][number];

function certificate(seen: Seen, now: number): Draft {
  const base = { host: seen.host, name: seen.name };
  if (seen.time === undefined) return { ...base, date: undefined, words: seen.state ?? 'unknown', tone: 'bad', order: -Infinity };
  const days = (Date.parse(seen.time) - now) / DAY_MS;
  return { ...base, date: seen.time.slice(0, 10), words: days <= 0 ? `expired ${inDays(days)}` : `ends ${inDays(days)}`, tone: days < CERTIFICATE_BAD_DAYS ? 'bad' : days < CERTIFICATE_WARN_DAYS ? 'warn' : 'good', order: days };
}

function backup(seen: Seen, now: number): Draft {
  const base = { host: seen.host, name: seen.name };
  if (seen.time === undefined) return { ...base, date: undefined, words: seen.state === 'absent' ? 'there is none' : (seen.state ?? 'unknown'), tone: 'bad', order: -Infinity };
  const hours = (now - Date.parse(seen.time)) / 3_600_000;
  const old = hours > (/\bfull$/.test(seen.name) ? FULL_OLD_HOURS : BACKUP_OLD_HOURS);
  return { ...base, date: seen.time.slice(0, 10), words: `${age(hours)} old`, tone: old ? 'warn' : 'good', order: -hours };
}

function version(seen: Seen, now: number): Draft {
  const found = endOfLife(seen.name, seen.version ?? '');
  const base = { host: seen.host, name: found.title };
  if (found.ends === undefined) return { ...base, date: undefined, words: 'end of life unknown', tone: 'doubt', order: Infinity };
  const daysTo = (date: string): number => (Date.parse(`${date}T23:59:59Z`) - now) / DAY_MS;
  const days = daysTo(found.ends);
  const longer = found.extended === undefined || daysTo(found.extended) < 0 ? '' : `; long-term support of a part of it until ${found.extended}`;
  if (days < 0) return { ...base, date: found.ends, words: `end of life ${inDays(days)}${longer}`, tone: longer === '' ? 'bad' : 'warn', order: days };
  return { ...base, date: found.ends, words: `end of life ${inDays(days)}`, tone: days < VERSION_WARN_DAYS ? 'warn' : 'good', order: days };
}

/** @param now milliseconds since 1970: the time of the run, by which ages are told */
export function calendars(report: Pick<RunReport, 'observations'>, now: number): Calendars {
  const of = (subject: Seen['subject'], draft: (seen: Seen, now: number) => Draft): readonly CalendarRow[] => rows(report.observations.filter((seen) => seen.subject === subject).map((seen) => draft(seen, now)));
  return { certificates: of('certificate', certificate), backups: of('backup', backup), versions: of('version', version) };
}

/**
 * What of the calendars is worth waking somebody for: certificates that end within a week, have ended, or cannot be read; backups that
 * are old or not there. Versions are left out: their end is known for half a year, and a message each night would be read by nobody.
 */
export function overdue(report: Pick<RunReport, 'observations'>, now: number): readonly CalendarRow[] {
  const { certificates, backups } = calendars(report, now);
  return [...certificates.filter((row) => row.tone === 'bad'), ...backups.filter((row) => row.tone === 'bad' || row.tone === 'warn')];
}
