/** What a run is asked to do: the command line's options, parsed, and where to report. */
import type { KeepLimits } from '../host/keep/script.ts';
import type { DatabaseAddress } from '../state/postgres-url.ts';
import type { Secret } from '../support/secret.ts';
import type { ValueMap } from '../support/value.ts';
import type { Reporter, RunMode } from './events.ts';
import type { Gate } from './gate.ts';
import type { Holdable, Left } from './held.ts';
import type { HeldLocks } from './locks.ts';
import type { Together } from './together.ts';

export interface RunOptions {
  readonly mode: RunMode;
  /** Inventory file or directory, as `-i` in Ansible; several are merged in order. */
  readonly inventory: readonly string[];
  /** Playbook files; empty: `playbooks/site.yml` of the project that holds the inventory. */
  readonly playbooks: readonly string[];
  /** Host pattern of `--limit`. */
  readonly limit: string | undefined;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  /** Hosts worked on at once; default 30. */
  readonly forks: number;
  /** `--extra-vars`, parsed and merged; highest precedence. */
  readonly extraVars: ValueMap;
  readonly startAtTask: string | undefined;
  readonly diff: boolean;
  /** Whom every change passes before it is made or, in check mode, when it is predicted. */
  readonly gate?: Gate;
  /** Tasks of an apply that are only looked at: what they would change is left as it is. In check mode the gate is told of them. */
  readonly holds?: (task: Holdable) => boolean;
  /** Told of each host that has failed or could not be reached, when it has. */
  readonly onHostLost?: (host: string) => void;
  /** Told of each handler that a run that was cut off still owes a host. */
  readonly onOwed?: (host: string) => void;
  /** Told of each change that a task of an apply would have made but for `holds`. */
  readonly onLeft?: (left: Left) => void;
  readonly becomePassword: Secret | undefined;
  /** Seconds to wait for a lock that another run holds; 0: leave at once. */
  readonly lockWaitSeconds: number;
  /** Locks of the inventory that the caller has taken, and gives back. */
  readonly held?: HeldLocks;
  /** The server whose leases keep runs of other controllers out; undefined: there is none. */
  readonly sharedLocks?: DatabaseAddress | undefined;
  /** Told of every file of the project that is used, and of every role's folder, before it is read. @throws what keeps it from being used */
  readonly onInput?: (path: string) => void;
  /** The run is of some hosts only, and agrees with the others' upon what goes across hosts. */
  readonly together?: Together;
  /** How hosts keep what the run replaces, for `rollback`; undefined: they do not. */
  readonly keep?: KeepLimits | undefined;
  /** A rollback: a play without handlers notes some on hosts, so the notes are not read before a play that has handlers. */
  readonly notesHandlers?: boolean;
  /** Where hosts keep their lock; only tests, which share this machine as their host, say so. */
  readonly hostLockDirectory?: string;
  /** The command's words for the history, secrets masked; default: none. */
  readonly arguments?: readonly string[];
  readonly reporter: Reporter;
  /** Given where something may still keep the run from beginning: awaited after the `start` event, before any host is touched. @throws what keeps the run from beginning */
  readonly begun?: () => Promise<void>;
  /** Aborted by the first Ctrl-C: finish the task in hand, then report. */
  readonly stop: AbortSignal;
  /** Aborted by the second: kill what runs. */
  readonly kill: AbortSignal;
  /** Asks the person at the terminal; undefined where there is none. */
  readonly prompt: ((question: string, hidden: boolean) => Promise<string>) | undefined;
}
