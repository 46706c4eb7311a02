/** What a run may do, by the policy, the time, and what check mode has found. Pure. */
import { freezeAt, localMoment, nextOpening, openWindow } from './calendar.ts';
import type { Policy, Verdict } from './policy.ts';

/** Why nothing, or nothing more, is mended. */
export type Restraint = 'mode' | 'freeze' | 'window' | 'changes' | 'failures';

export type Decision = { readonly mend: true } | { readonly mend: false; readonly why: Restraint; /** For people, a clause: `it is outside the maintenance windows …` */ readonly because: string };

const MEND: Decision = { mend: true };

/** What the policy says of a moment. @param at milliseconds since 1970 */
export function decideByTime(policy: Policy, at: number): Decision {
  if (policy.mode === 'report') return { mend: false, why: 'mode', because: 'the policy only reports (mode: report)' };
  const freeze = freezeAt(policy, at);
  if (freeze !== undefined) return { mend: false, why: 'freeze', because: `there is a freeze until ${freeze.to}: ${freeze.reason}` };
  if (openWindow(policy, at) === undefined) {
    const next = nextOpening(policy, at);
    return { mend: false, why: 'window', because: `it is outside the maintenance windows${next === undefined ? '' : `, the next of which opens ${localMoment(next, policy.time_zone)}`}` };
  }
  return MEND;
}

/** What check mode has found, in numbers. */
export interface Found {
  readonly hosts: number;
  /** Hosts that failed or could not be reached. */
  readonly lost: number;
  /** Changes that the policy would let be made, over all hosts, those included that are not sure; handlers left out. */
  readonly changes: number;
}

const tooManyLost = (policy: Pick<Policy, 'max_fail_percentage'>, lost: number, hosts: number): boolean => lost > 0 && (lost / hosts) * 100 > policy.max_fail_percentage;

/** What the policy says of what has been found. */
export function decideByFindings(policy: Policy, found: Found): Decision {
  if (tooManyLost(policy, found.lost, found.hosts)) {
    return { mend: false, why: 'failures', because: `${String(found.lost)} of ${String(found.hosts)} hosts failed or were not reached, more than ${String(policy.max_fail_percentage)} % (max_fail_percentage)` };
  }
  if (found.changes > policy.max_changes) {
    return { mend: false, why: 'changes', because: `${String(found.changes)} changes are more than ${String(policy.max_changes)} (max_changes): that is no drift but a mistake, here or on the hosts` };
  }
  return MEND;
}

/** Whether hosts lost on the way stop a run that is mending. */
export function decideByLosses(policy: Policy, lost: number, hosts: number): Decision {
  return decideByFindings(policy, { hosts, lost, changes: 0 });
}

/** What tells whether a task may be carried out unattended. */
export interface Subject {
  /** The role and those that it is used within, the outermost first; empty for a task of the play itself. */
  readonly roles: readonly string[];
  readonly tags: readonly string[];
}

/** Whether what the task finds is mended or only reported. The more careful word wins. */
export function verdictOn({ unattended }: Pick<Policy, 'unattended'>, { roles, tags }: Subject): Verdict {
  const own = <T>(of: Readonly<Record<string, T>>, key: string): T | undefined => (Object.hasOwn(of, key) ? of[key] : undefined);
  const role = roles.toReversed().map((name) => own(unattended.roles, name)).find((verdict) => verdict !== undefined);
  const said = [role, ...tags.map((tag) => own(unattended.tags, tag))].filter((verdict) => verdict !== undefined);
  if (said.includes('report')) return 'report';
  return said.includes('mend') ? 'mend' : unattended.default;
}

/** Drift that somebody has been told of, by a digest of all of it, and when. */
export interface Said {
  readonly key: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Half a day: a nightly run comes some minutes earlier or later. */
const SLACK_DAYS = 0.5;

/** Whether drift that was left as it is has been told of lately, to the last change. @param now milliseconds since 1970 */
export function saidLately(policy: Pick<Policy, 'remind_days'>, key: string, before: Said | null, now: number): boolean {
  return before !== null && before.key === key && policy.remind_days > 0 && now - Date.parse(before.at) < (policy.remind_days - SLACK_DAYS) * 86_400_000;
}
