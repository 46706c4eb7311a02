/**
 * The run history: what was run, on what, and what came of it. One interface; an embedded SQLite file
 * behind it by default, a shared PostgreSQL where a site has one. Texts are masked before they get here.
 */

import type { Observation } from '../support/observation.ts';

export type RecordedMode = 'apply' | 'check' | 'verify';

/** How many tasks ended how; Ansible's words and `unknown`. */
export interface RecordedCounts {
  readonly ok: number;
  readonly changed: number;
  readonly failed: number;
  readonly unreachable: number;
  readonly skipped: number;
  readonly unknown: number;
  readonly rescued: number;
  readonly ignored: number;
}

/** What of a run's input was read from where, and which state of it: a directory under git, or one that is not. */
export interface Revision {
  readonly of: 'inventory' | 'playbook' | 'roles';
  readonly path: string;
  /** The commit that is checked out; null where there is no git repository, or git could not tell. */
  readonly commit: string | null;
  /** Null for a detached HEAD as well. */
  readonly branch: string | null;
  /** Whether there is something under the path that is not in the commit; null when that could not be told. */
  readonly dirty: boolean | null;
}

/** What a host showed of a thing just before it was changed: a hint at who else changes it. */
export interface Seen {
  /** When the file was last written, ISO 8601. */
  readonly modified: string;
  readonly owner: string;
}

/** The tasks that took longest. */
export interface SlowTask {
  readonly host: string;
  readonly role: string;
  readonly task: string;
  readonly seconds: number;
}

/** A certificate, backup or version that the run saw by the way, the same on all its hosts. */
export interface Observed {
  readonly observation: Observation;
  /** Some of them. */
  readonly hosts: readonly string[];
  readonly hostCount: number;
}

/** A run as it starts. Times are ISO 8601 in UTC. */
export interface RunStart {
  readonly id: string;
  readonly startedAt: string;
  readonly mode: RecordedMode;
  readonly inventory: string;
  readonly playbook: string;
  readonly hosts: readonly string[];
  readonly version: string;
  readonly controller: string;
  readonly user: string;
  /** Where the user came to the controller from (`ssh 192.0.2.7`, `sudo by alice`); null when that is not known. */
  readonly origin: string | null;
  /** The command's words, secrets masked. */
  readonly arguments: readonly string[];
  readonly revisions: readonly Revision[];
}

export interface RunEnd {
  readonly endedAt: string;
  /** Exit status of the command (0 converged, 2 drift, 3 failed, 4 unreachable …). */
  readonly status: number;
  readonly seconds: number;
  readonly total: RecordedCounts;
  readonly hosts: Readonly<Record<string, RecordedCounts>>;
  /** Those of the hosts that the run left before their end. */
  readonly unfinished?: readonly string[];
  readonly roles: Readonly<Record<string, RecordedCounts>>;
  readonly slowest: readonly SlowTask[];
  /** The most pressing. */
  readonly observations: readonly Observed[];
}

/** A task worth remembering: everything but `ok` and `skipped`, which are only counted. */
export interface TaskRow {
  readonly type: 'task';
  readonly host: string;
  readonly play: string;
  readonly role: string;
  readonly task: string;
  readonly module: string;
  readonly status: string;
  readonly seconds: number;
  readonly item: string | null;
  readonly place: string;
  readonly handler: boolean;
  readonly message: string | null;
  /** When it was known; null in histories written before it was kept. The same holds for the other rows. */
  readonly at: string | null;
}

export interface ChangeRow {
  readonly type: 'change';
  readonly host: string;
  readonly role: string;
  readonly task: string;
  readonly resource: string;
  readonly what: string;
  readonly handler: boolean;
  readonly unknown: boolean;
  readonly diff: string | null;
  readonly seen: Seen | null;
  /** The host that it was made on, where the task was delegated; null: `host` itself, also in runs of programs that did not tell. */
  readonly delegatedTo: string | null;
  readonly at: string | null;
}

export interface WarningRow {
  readonly type: 'warning';
  readonly host: string | null;
  readonly message: string;
  readonly at: string | null;
}

export type HistoryRow = TaskRow | ChangeRow | WarningRow;

/** One line of `history`. `status` is null for a run that goes on or was cut off. */
export interface RunSummary extends Omit<RunStart, 'hosts'> {
  readonly endedAt: string | null;
  readonly status: number | null;
  readonly seconds: number | null;
  readonly hostCount: number;
  readonly total: RecordedCounts;
}

export interface RunDetails extends RunSummary {
  /** Counts per host; null where the run did not get to its end. */
  readonly hosts: Readonly<Record<string, RecordedCounts | null>>;
  /** Counts per role; empty before the run ended. */
  readonly roles: Readonly<Record<string, RecordedCounts>>;
  readonly slowest: readonly SlowTask[];
  readonly observations: readonly Observed[];
  readonly tasks: readonly TaskRow[];
  readonly changes: readonly ChangeRow[];
  readonly warnings: readonly WarningRow[];
}

/** When a host was last seen as it should be. */
export interface Converged {
  readonly host: string;
  readonly run: string;
  readonly at: string;
}

/** A change with the run that made or predicted it: what `drift` is made of. */
export interface Sighting {
  readonly run: string;
  readonly startedAt: string;
  readonly mode: RecordedMode;
  readonly inventory: string;
  readonly controller: string;
  readonly user: string;
  readonly revisions: readonly Revision[];
  readonly change: ChangeRow;
}

export interface RunFilter {
  readonly limit: number;
  readonly inventory?: string;
  readonly mode?: RecordedMode;
  /** Started at this time or later, ISO 8601. */
  readonly since?: string;
}

export interface SightingFilter {
  readonly since: string;
  readonly inventory?: string;
  readonly host?: string;
}

export interface Retention {
  /** Runs kept of each inventory, the newest first. */
  readonly runs: number;
  /** Days that runs are kept; undefined: as long as the other bounds let them. The newest run of an inventory is kept. */
  readonly days?: number | undefined;
  /** Bytes that an embedded store may take; a server has other ways to be bounded. */
  readonly bytes: number;
}

export interface Store {
  /** Notes that a run has begun, at once and durably. */
  recordRun(run: RunStart): Promise<void>;
  /** Adds rows in one transaction; `first` is the sequence number of the first row in its run. */
  append(run: string, first: number, rows: readonly HistoryRow[]): Promise<void>;
  /** Notes how the run ended, and drops runs beyond the retention. */
  finishRun(run: string, end: RunEnd, retention: Retention): Promise<void>;
  /** Drops runs beyond the retention. @returns how many */
  prune(retention: Retention): Promise<number>;
  /** The newest first. */
  listRuns(filter: RunFilter): Promise<readonly RunSummary[]>;
  /** A run by its id, or by the beginning of one when only one run matches. */
  showRun(id: string): Promise<RunDetails | undefined>;
  /**
   * Changes of things that were changed, or would have been, in more than one run of apply or check; handlers and what was
   * uncertain left out. The oldest first, at most the newest {@link MOST_SIGHTINGS}.
   */
  sightings(filter: SightingFilter): Promise<readonly Sighting[]>;
  /** The last run that left this host converged: applied without failure, or checked without drift. */
  lastConverged(host: string, inventory?: string): Promise<Converged | undefined>;
  close(): Promise<void>;
}

export const MOST_SIGHTINGS = 20_000;

export const DEFAULT_RETENTION: Retention = { runs: 500, bytes: 256 * 1024 * 1024 };
