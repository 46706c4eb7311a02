/** Whether there is something to say of a run, and what. Pure. */
import type { RecordedCounts } from '../../state/store.ts';
import { overdue } from '../report/calendar.ts';
import { hostState, type RunReport } from '../report/model.ts';
import type { NotifyEvent } from './config.ts';

/** What an earlier run knew of its hosts, the newest run first; null: it did not come to an end there. */
export type EarlierHosts = Readonly<Record<string, RecordedCounts | null>>;

const BROKEN = new Set(['failed', 'unreachable', 'unfinished']);

/** Hosts that are well now and were not when they were last worked on. */
export function recoveredHosts(report: RunReport, earlier: readonly EarlierHosts[]): readonly string[] {
  return report.hosts
    .filter((host) => !BROKEN.has(host.state))
    .filter((host) => {
      const last = earlier.find((run) => Object.hasOwn(run, host.name));
      return last !== undefined && BROKEN.has(hostState(last[host.name] ?? undefined));
    })
    .map((host) => host.name);
}

/** What of a run is worth a message, the worst first; none: keep quiet. @param now milliseconds since 1970, by which ages are told */
export function tellingEvents(report: RunReport, recovered: readonly string[], now: number): readonly NotifyEvent[] {
  const events: NotifyEvent[] = [];
  const some = (state: string): boolean => report.hosts.some((host) => host.state === state);
  if (some('failed') || report.aborted !== undefined) events.push('failed');
  if (some('unreachable')) events.push('unreachable');
  if (some('unfinished') || report.status === undefined || report.status === 130) events.push('unfinished');
  if (report.total.unknown > 0) events.push('unknown');
  if (overdue(report, now).length > 0) events.push('calendar');
  if (report.total.changed > 0) events.push(report.mode === 'check' ? 'drifted' : 'changed');
  if (report.mode !== 'check' && (report.policy?.left.length ?? 0) > 0) events.push('drifted');
  if (recovered.length > 0) events.push('recovered');
  return events;
}
