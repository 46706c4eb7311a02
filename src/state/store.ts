/**
 * The run history: what was run, on what, and what came of it. One interface; an embedded SQLite file
 * behind it by default, a shared PostgreSQL where a site has one. Texts are masked before they get here.
 */

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
}

export interface RunEnd {
  readonly endedAt: string;
  /** Exit status of the command (0 converged, 2 drift, 3 failed, 4 unreachable …). */
  readonly status: number;
  readonly seconds: number;
  readonly total: RecordedCounts;
  readonly hosts: Readonly<Record<string, RecordedCounts>>;
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
}

export interface WarningRow {
  readonly type: 'warning';
  readonly host: string | null;
  readonly message: string;
}

export type HistoryRow = TaskRow | ChangeRow | WarningRow;

/** One line of `history`. `status` is null for a run that goes on or was cut off. */
export interface RunSummary {
  readonly id: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly mode: RecordedMode;
  readonly inventory: string;
  readonly playbook: string;
  readonly version: string;
  readonly controller: string;
  readonly user: string;
  readonly status: number | null;
  readonly seconds: number | null;
  readonly hostCount: number;
  readonly total: RecordedCounts;
}

export interface RunDetails extends RunSummary {
  /** Counts per host; null where the run did not get to its end. */
  readonly hosts: Readonly<Record<string, RecordedCounts | null>>;
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

export interface Retention {
  /** Runs kept, the newest first. */
  readonly runs: number;
  /** Bytes that the store may take, as far as it can tell. */
  readonly bytes: number;
}

export interface Store {
  /** Notes that a run has begun, at once and durably. */
  recordRun(run: RunStart): Promise<void>;
  /** Adds rows in one transaction; `first` is the sequence number of the first row in its run. */
  append(run: string, first: number, rows: readonly HistoryRow[]): Promise<void>;
  /** Notes how the run ended, and drops runs beyond the retention. */
  finishRun(run: string, end: RunEnd, retention: Retention): Promise<void>;
  /** The newest first. */
  listRuns(filter: { readonly limit: number; readonly inventory?: string }): Promise<readonly RunSummary[]>;
  /** A run by its id, or by the beginning of one when only one run matches. */
  showRun(id: string): Promise<RunDetails | undefined>;
  /** The last run that left this host converged: applied without failure, or checked without drift. */
  lastConverged(host: string, inventory?: string): Promise<Converged | undefined>;
  close(): Promise<void>;
}

export const DEFAULT_RETENTION: Retention = { runs: 500, bytes: 256 * 1024 * 1024 };
