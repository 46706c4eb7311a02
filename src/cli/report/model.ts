/** What a report says of a run, gathered from its events or from the history: data only, bounded, masked already. */
import type { Counts, RunMode } from '../../run/events.ts';
import type { Revision } from '../../state/store.ts';
import type { ExitStatus } from '../../support/diagnostic.ts';
import type { Observation } from '../../support/observation.ts';

/** How a host came out, the worst first. `unfinished`: the run ended before its end was known. */
export const HOST_STATES = ['failed', 'unreachable', 'unfinished', 'unknown', 'changed', 'converged'] as const;
export type HostState = (typeof HOST_STATES)[number];

/** Hosts to name, and how many there are in all. */
export interface Hosts {
  readonly named: readonly string[];
  readonly count: number;
}

/** One change of one resource, the same on all its hosts. */
export interface ChangeGroup {
  readonly role: string;
  readonly task: string;
  readonly resource: string;
  readonly what: string;
  readonly handler: boolean;
  /** Check mode could not tell whether it will be made. */
  readonly unknown: boolean;
  readonly hosts: Hosts;
  /** Some of the differing diffs, each with one host that has it. */
  readonly diffs: readonly { readonly host: string; readonly text: string }[];
  /** Hosts whose diff is none of those. */
  readonly moreDiffs: number;
  /** When, and whose, it last was before the change, on one of the hosts: a hint at who else changes it. */
  readonly seen: { readonly host: string; readonly modified: string; readonly owner: string } | undefined;
}

/** A task that did not just work, the same on all its hosts. */
export interface TroubleGroup {
  readonly status: 'failed' | 'unreachable' | 'unknown' | 'ignored' | 'rescued';
  readonly role: string;
  readonly task: string;
  readonly module: string;
  /** file:line:column */
  readonly place: string;
  readonly text: string;
  readonly hosts: Hosts;
}

/** A stretch of a host's time that is worth a mark; seconds from the start of the run. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  readonly status: string;
  readonly title: string;
}

export interface HostReport {
  readonly name: string;
  readonly state: HostState;
  readonly counts: Counts | undefined;
  /** Seconds from the start of the run; undefined where times are not known (a run from the history). */
  readonly time: { readonly from: number; readonly to: number } | undefined;
  readonly marks: readonly Mark[];
}

export interface RunReport {
  readonly run: string;
  /** Made from the history, which does not keep everything. */
  readonly recorded: boolean;
  readonly mode: RunMode;
  readonly inventory: string;
  readonly playbook: string;
  readonly version: string;
  readonly controller: string;
  readonly user: string;
  readonly origin: string | undefined;
  /** The command's words. */
  readonly arguments: readonly string[];
  readonly revisions: readonly Revision[];
  /** RFC 3339; empty when the run never began. */
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly seconds: number | undefined;
  /** Undefined for a run that has no end: it goes on, or was killed. */
  readonly status: ExitStatus | undefined;
  /** Why the run ended before its end. */
  readonly aborted: string | undefined;
  readonly total: Counts;
  readonly roles: Readonly<Record<string, Counts>>;
  readonly hosts: readonly HostReport[];
  readonly changes: readonly ChangeGroup[];
  readonly troubles: readonly TroubleGroup[];
  readonly slowest: readonly { readonly host: string; readonly role: string; readonly task: string; readonly seconds: number }[];
  readonly warnings: readonly { readonly host: string | undefined; readonly message: string }[];
  /** Each once a host, in the order in which they came. */
  readonly observations: readonly (Observation & { readonly host: string })[];
  /** Sentences about what was not kept, so that nothing is missing without a word. */
  readonly leftOut: readonly string[];
  /** Of a run of `converge`: what its policy has made of it. */
  readonly policy?: { /** Sentences: why nothing, or not all, was mended. */ readonly notes: readonly string[]; /** What was found and left as it is, besides `changes`. */ readonly left: readonly ChangeGroup[]; /** The reason of the notes, where their words change with each night and it does not. */ readonly standing?: 'window' };
}

/** How many hosts came out in each way. */
export function hostsByState(report: RunReport): Readonly<Record<HostState, number>> {
  const counts: Record<HostState, number> = { failed: 0, unreachable: 0, unfinished: 0, unknown: 0, changed: 0, converged: 0 };
  for (const host of report.hosts) counts[host.state] += 1;
  return counts;
}

/** How a host came out by its counts. @param cutShort whether the run left it before its end */
export function hostState(counts: Counts | undefined, cutShort = false): HostState {
  if (counts === undefined) return 'unfinished';
  if (counts.failed > 0) return 'failed';
  if (counts.unreachable > 0) return 'unreachable';
  if (cutShort) return 'unfinished';
  if (counts.unknown > 0) return 'unknown';
  return counts.changed > 0 ? 'changed' : 'converged';
}
