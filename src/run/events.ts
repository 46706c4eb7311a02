/**
 * The one stream of events that a run makes. Terminal, JSON Lines, JUnit and the run history are all
 * readers of it; `docs/json-output.md` is its reference. Texts are masked before they get here.
 */
import type { RecordedCounts, Revision, Seen } from '../state/store.ts';
import type { ExitStatus } from '../support/diagnostic.ts';
import type { Observation } from '../support/observation.ts';

export type RunMode = 'apply' | 'check' | 'verify';

/** How a task ended on a host. `unknown`: check mode could not tell. `ignored`: failed with ignore_errors. */
export type TaskStatus = 'ok' | 'changed' | 'failed' | 'skipped' | 'unreachable' | 'unknown' | 'ignored' | 'rescued';

/** Numbers of tasks by how they ended, as Ansible's recap counts them, and `unknown`. */
export type Counts = RecordedCounts;

export type RunEvent =
  | { readonly type: 'start'; readonly run: string; readonly time: string; readonly mode: RunMode; readonly inventory: string; readonly playbook: string; readonly hosts: readonly string[]; readonly version: string; readonly controller: string; readonly user: string; /** Where the user came to the controller from, if that is known. */ readonly origin?: string; /** The command's words, secrets masked. */ readonly arguments: readonly string[]; readonly revisions: readonly Revision[] }
  | { readonly type: 'play'; readonly play: string; readonly hosts: readonly string[] }
  | { readonly type: 'task-start'; readonly host: string; readonly role: string; readonly task: string; readonly module: string }
  | { readonly type: 'task'; readonly host: string; readonly play: string; readonly role: string; readonly task: string; readonly module: string; readonly status: TaskStatus; readonly seconds: number; readonly msg?: string; readonly item?: string; readonly at: string; readonly handler: boolean; /** The whole error text of a failure. */ readonly error?: string; /** What `debug` and verbose output show. */ readonly result?: string }
  | { readonly type: 'retry'; readonly host: string; readonly task: string; readonly attempt: number; readonly of: number }
  /** One change of one resource, made (apply) or predicted (check). */
  | { readonly type: 'change'; readonly host: string; readonly role: string; readonly task: string; readonly resource: string; readonly what: string; readonly handler: boolean; readonly diff?: string; readonly unknown?: boolean; /** The host that it was made on, where that is another one. */ readonly delegated_to?: string; /** What the host showed just before. */ readonly seen?: Seen }
  /** Something with an age or an end that the run saw by the way: a certificate, a backup, a version. */
  | ({ readonly type: 'observation'; readonly host: string } & Observation)
  | { readonly type: 'warning'; readonly host?: string; readonly message: string }
  | { readonly type: 'summary'; readonly run: string; readonly time: string; readonly status: ExitStatus; readonly seconds: number; readonly total: Counts; readonly hosts: Readonly<Record<string, Counts>>; /** Hosts that the run left before their end, for what happened elsewhere; not there when there are none. */ readonly unfinished?: readonly string[]; /** Plays that were left out for upstream files that are not to be had (`care_artifacts_missing: skip`); not there when there are none. */ readonly skipped_plays?: readonly string[]; readonly roles: Readonly<Record<string, Counts>>; /** Round trips and seconds per host, for the curious. */ readonly slowest: readonly { readonly host: string; readonly role: string; readonly task: string; readonly seconds: number }[] };

/** A reader of the stream. `event` must not throw; `close` is awaited at the end. */
export interface Reporter {
  event(event: RunEvent): void;
  close(): Promise<void>;
}
