/** Whether the nightly run is as it should be: running, missed, hanging, dead. Pure. */
import type { ConvergeRecord, ConvergeWatch } from '../../state/converge-record.ts';
import { lastScheduled } from './calendar.ts';
import type { Policy } from './policy.ts';

/** What is wrong with a run, apart from what it has found. */
export type Ailment = 'missed' | 'hung' | 'died';

export interface Health {
  /** Since when a run is under way, milliseconds since 1970; undefined when none is. */
  readonly running: number | undefined;
  readonly ailments: readonly { readonly what: Ailment; /** When the run was due, or had begun; milliseconds since 1970. */ readonly at: number; readonly text: string }[];
}

/** Seconds that a run may be late beyond the jitter: the timer's accuracy, a slow start, another run that it waits for. */
export const GRACE_SECONDS = 1800;

export interface Circumstances {
  readonly policy: Pick<Policy, 'schedule' | 'time_zone'>;
  readonly record: ConvergeRecord | undefined;
  readonly watch: Pick<ConvergeWatch, 'since'> | undefined;
  /** Whether the process that has begun the newest run is still there. */
  readonly alive: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export function health({ policy, record, watch, alive, now }: Circumstances): Health {
  const begun = record?.begun ?? undefined;
  const begunAt = begun === undefined ? undefined : Date.parse(begun.at);
  const ended = begunAt === undefined || (record?.ended !== null && record?.ended !== undefined && Date.parse(record.ended.at) >= begunAt);
  const ailments: Health['ailments'][number][] = [];
  if (begun !== undefined && begunAt !== undefined && !ended) {
    if (!alive) ailments.push({ what: 'died', at: begunAt, text: `the run that began ${iso(begunAt)} (process ${String(begun.pid)}) has ended without a word: it was killed, or the machine went down` });
    else if (now - begunAt > (begun.timeout + GRACE_SECONDS) * 1000) ailments.push({ what: 'hung', at: begunAt, text: `the run that began ${iso(begunAt)} (process ${String(begun.pid)}) has not come to an end; it may take ${String(begun.timeout)} s` });
  }
  const late = (policy.schedule.jitter + GRACE_SECONDS) * 1000;
  const due = lastScheduled(policy, now - late);
  const since = watch === undefined ? undefined : Date.parse(watch.since);
  if (due !== undefined && since !== undefined && due >= since && (begunAt === undefined || begunAt < due)) {
    ailments.push({ what: 'missed', at: due, text: `the run that was due ${iso(due)} has not begun${begunAt === undefined ? ', nor has any before' : `; the last one began ${iso(begunAt)}`}` });
  }
  return { running: begunAt !== undefined && !ended && alive ? begunAt : undefined, ailments };
}
