/** What a module decides: nothing, changes, something that must be run to know, or that it cannot be. */
import type { Duplex } from 'node:stream';
import type { ServicePort } from '../services/port.ts';
import type { Script } from '../support/shell.ts';
import type { Secret } from '../support/secret.ts';
import type { Value, ValueMap } from '../support/value.ts';
import type { Outcome } from '../transport/types.ts';
import type { HandlerName } from './keep/journal.ts';
import type { FilePut } from './put.ts';
import { forgetAll, type Effect } from './query.ts';
import type { HostView } from './view.ts';

export type Text = string | Secret;

/** What `--diff` shows. Secrets are masked by their type. */
export interface Diff {
  readonly before: Text;
  readonly after: Text;
  /** A label such as the path; default: the change's resource. */
  readonly name?: string;
}

/**
 * A change that may be made in one go with those that wait right before and after it, when they have the same key.
 * Only how it is made: each keeps its own script, its report and its claims.
 */
export type Join = JoinedWords | JoinedFile;

export interface JoinedWords {
  readonly by: 'words';
  /** Changes of one key are made by `together` of the first; everything that `together` depends on but the words. */
  readonly key: string;
  readonly words: readonly string[];
  /**
   * Takes the place of the first change's script. Tries to make all; where that fails it makes its own, and is judged by
   * that. The others' scripts run afterwards as ever, and find their work done or do it.
   *
   * @param mark a name in `$care_files`, which need not be there: a file to be left when all have been made
   */
  together(words: readonly string[], mark: string): Script;
}

/** A small file; those of one directory are written, synced and renamed together (`host/put.ts`). */
export interface JoinedFile {
  readonly by: 'file';
  /** The directory. */
  readonly key: string;
  readonly put: FilePut;
}

interface ChangeBase {
  /** The thing changed, the same in check and in apply: `file /etc/hosts`, `package chrony`. */
  readonly resource: string;
  /** What is done to it: `mode 0644 → 0600`, `install 4.6.1`. */
  readonly what: string;
  readonly diff?: Diff;
  /** What is known afterwards, in order. */
  readonly effects: readonly Effect[];
  /** Seconds; default the task's. */
  readonly timeoutSeconds?: number;
  /** The command that a new content passes before it is put in place, with `%s` for its file: what is put back has to pass it, too. */
  readonly validate?: string | undefined;
  /** Handlers that it leads to besides those that its task notifies. */
  readonly owes?: readonly HandlerName[];
}

/** A change that a script makes on the host. */
export interface ShellChange extends ChangeBase {
  /** Makes the change and nothing else; exits non-zero, with a reason on stderr, when it can't. */
  readonly script: Script;
  readonly call?: never;
  readonly join?: Join;
}

/** A change that a client of a service makes, over the connection to the host. */
export interface ServiceChange extends ChangeBase {
  /**
   * Makes the change and nothing else. It is called once: what may have been done is never done again without a look.
   * @throws Error with a message for people when it can't; Diagnostic when the host is lost
   */
  readonly call: (port: ServicePort) => Promise<void>;
  readonly script?: never;
  readonly join?: never;
}

/** One change of one resource. */
export type Change = ShellChange | ServiceChange;

/** What a conversational action may use. */
export interface ActionPort {
  /** Runs a script as it is: put it through `changeScript` where the first failing command must end it, or to use the prelude. */
  run(script: Script, options?: { readonly timeoutSeconds?: number; readonly environment?: Readonly<Record<string, Text>> }): Promise<Outcome>;
  forward(host: string, port: number): Promise<Duplex>;
  /** For clients of services on the host; the clients end with the connection. */
  readonly service: ServicePort;
  download(path: string): Promise<NodeJS.ReadableStream>;
  reconnect(waitSeconds: number): Promise<void>;
  /** Asks the person at the terminal; undefined when there is none. */
  prompt(question: string, options?: { readonly hidden?: boolean }): Promise<string | undefined>;
  sleep(seconds: number): Promise<void>;
  readonly signal: AbortSignal;
}

/** What an action or a change leaves for `register`: Ansible's names (`rc`, `stdout`, `stat` …). */
export interface ActionResult {
  readonly changed: boolean;
  readonly failed?: boolean;
  readonly msg?: string;
  readonly values?: ValueMap;
  /** Variables that later tasks of this host see (set_fact). */
  readonly facts?: ValueMap;
  readonly diff?: Diff;
}

/** Something that must be run for its result to be known: a command, a wait, a request. */
export interface Action {
  readonly resource: string;
  readonly what: string;
  /** False for what only reads (a wait, a GET, slurp): then it runs in check mode as well. */
  readonly mutates: boolean;
  readonly perform:
    | { readonly type: 'script'; readonly script: Script; readonly result: (outcome: Outcome) => ActionResult; readonly environment?: Readonly<Record<string, Text>> }
    | { readonly type: 'conversation'; readonly converse: (port: ActionPort) => Promise<ActionResult> };
  /** Default for mutating actions: everything is forgotten. */
  readonly effects?: readonly Effect[];
  readonly timeoutSeconds?: number;
}

export type Plan =
  | { readonly type: 'ok'; readonly values?: ValueMap; readonly facts?: ValueMap; readonly msg?: string; /** To be said of the host. */ readonly warnings?: readonly string[] }
  | { readonly type: 'skipped'; readonly because: string }
  | { readonly type: 'changes'; readonly changes: readonly [Change, ...Change[]]; readonly values?: ValueMap; /** Check mode: why what the task registers can't be told. */ readonly valuesUnknown?: string; /** To be said of the host. */ readonly warnings?: readonly string[] }
  | { readonly type: 'action'; readonly action: Action }
  /** Check mode only: cannot be predicted. */
  | { readonly type: 'unknown'; readonly because: string }
  | { readonly type: 'failed'; readonly msg: string; readonly remedy?: string; readonly values?: ValueMap };

export function ok(values?: ValueMap): Plan {
  return values === undefined ? { type: 'ok' } : { type: 'ok', values };
}

/** `changes` when there are any, else `ok`; `values` go to `register` either way. */
export function converge(changes: readonly Change[], values?: ValueMap): Plan {
  const [first, ...rest] = changes;
  if (first === undefined) return ok(values);
  return values === undefined ? { type: 'changes', changes: [first, ...rest] } : { type: 'changes', changes: [first, ...rest], values };
}

export function failed(msg: string, remedy?: string): Plan {
  return remedy === undefined ? { type: 'failed', msg } : { type: 'failed', msg, remedy };
}

export function action(init: Action): Plan {
  return { type: 'action', action: init };
}

/** The effects of a wait: it is for something else to change, so what was seen before it began is not relied on after it. Check mode does not wait. */
export function waited(host: Pick<HostView, 'checkMode'>): readonly Effect[] {
  return host.checkMode ? [] : [forgetAll];
}

export type { Value };
