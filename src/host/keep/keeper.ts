/**
 * Keeps what a run replaces on a host, so that `rollback` can put it back. What a batch of changes is about to replace is copied, and
 * written into the run's journal, by the script of the batch's first change, before that: no message and no turn of its own. A batch is
 * planned on facts that were seen before the first of its changes, so all that it replaces can be kept at its beginning.
 */
import { randomBytes } from 'node:crypto';
import { maskSecrets } from '../../support/secret.ts';
import type { Script } from '../../support/shell.ts';
import { baseFacts } from '../base-facts.ts';
import type { FactStore } from '../fact-store.ts';
import type { Identity } from '../identity.ts';
import { parentOf } from '../kinds/path-key.ts';
import type { PendingChange } from '../pending.ts';
import type { BaseFacts } from '../view.ts';
import { toKeep, type ToKeep, type Wanted } from './entries.ts';
import { encodeEntry, type JournalEntry, type KeptPath } from './journal.ts';
import { keepScript, type Choice, type KeepLimits } from './script.ts';

export interface KeepOptions extends KeepLimits {
  /** The run's name. */
  readonly run: string;
}

/** Copies by the directory that they are of. */
type Groups = Map<string, { readonly directory: string; readonly paths: string[] }>;

/** What one connection of one run keeps on its host. */
export class Keeper {
  readonly #options: KeepOptions;
  /** Of this connection: what an earlier one has kept stands, also where it is not known whether it got that far. */
  #part = newPart();
  #groups = 0;
  #bytes = 0;
  readonly #kept = new Set<string>();
  readonly #looked = new WeakMap<PendingChange, ToKeep>();
  /** Lines that go along with the next batch: of what cannot be put back anyway. */
  #owed: string[] = [];
  /** Those that have gone along with a batch of which it is not known yet whether it got there. */
  #sent: readonly string[] = [];

  /** The last identity that was found to be root's. */
  #root: Identity | undefined;
  /** Whether the login, whose name only the host can tell, is root's. */
  #loginIsRoot = false;

  constructor(options: KeepOptions) {
    this.#options = options;
  }

  get root(): Identity | undefined {
    return this.#root;
  }

  /** Whether a user may write where root keeps. */
  isRoot(identity: Identity, known: FactStore): boolean {
    // Sound: this id belongs to the base-facts kind alone.
    if (identity.user === '' && known.has(baseFacts(null))) this.#loginIsRoot = (known.value(baseFacts(null)) as BaseFacts).user_id === 'root';
    const root = identity.user === 'root' || (identity.user === '' && this.#loginIsRoot);
    if (root) this.#root = identity;
    return root;
  }

  /** Looks at what a change is about to replace, before its effects are believed. */
  look(pending: PendingChange, known: FactStore): void {
    if (pending.keepAs !== undefined && this.isRoot(pending.identity, known)) this.#looked.set(pending, toKeep(pending.change, known, pending.keepAs));
  }

  /** A change was made that is out of reach. It is noted with the next batch. */
  made(resource: string, did: string): void {
    this.#owed.push(encoded({ of: 'other', resource, did }));
  }

  /** Changes are about to be made. Those that are not kept are noted, also when they fail half-way: a service makes them, or a user who cannot write where root keeps. */
  makes(batch: readonly PendingChange[]): void {
    for (const pending of batch) {
      const { change, keepAs, identity } = pending;
      if (keepAs === undefined || (change.call === undefined && this.#looked.has(pending))) continue;
      const did = keepAs.hidden ? 'hidden by no_log' : change.what;
      this.made(change.resource, change.call !== undefined ? did : `${did} (as ${identity.user})`);
    }
  }

  /** What was sent last is written down. */
  written(): void {
    this.#sent = [];
  }

  /** Nothing is known any more of what the last batch has kept: a new part of the journal is begun, and what the first says of a thing holds. */
  restart(): void {
    this.#part = newPart();
    this.#groups = 0;
    this.#kept.clear();
    this.#owed.unshift(...this.#sent);
    this.#sent = [];
  }

  /** Whether something is still to be written down. */
  get owes(): boolean {
    return this.#owed.length > 0;
  }

  /** The script that keeps all that these changes of root are about to replace; undefined when there is nothing to write down. */
  script(batch: readonly PendingChange[]): Script | undefined {
    const things = batch.flatMap((pending) => this.#looked.get(pending) ?? []);
    // One of another user cannot write there.
    if (batch.length > 0 && things.length === 0) return undefined;
    const lines: (string | Choice)[] = [...this.#owed];
    this.#sent = this.#owed;
    this.#owed = [];
    const groups: Groups = new Map();
    for (const { paths, others } of things) lines.push(...paths.map((wanted) => this.#pathLine(wanted, groups)), ...others.map(encoded));
    return lines.length === 0 ? undefined : keepScript(this.#options, { run: this.#options.run, part: this.#part, groups: [...groups.values()], lines });
  }

  /** @returns its line, or what decides on the host which one it is */
  #pathLine(wanted: Wanted, groups: Groups): string | Choice {
    const { copies, ...entry } = wanted;
    const first = !this.#kept.has(wanted.path);
    if (!leavesContent(wanted)) this.#kept.add(wanted.path);
    // Only what it was first is put back; of the later changes it is told what they leave.
    if (!first || copies === 'none') return line(entry, {});
    if (copies === 'impossible') return line(entry, { lost: `a ${wanted.before?.exists === true ? wanted.before.type : 'thing'} is not copied` });
    if (copies === 'file' && wanted.before?.exists === true) {
      const size = wanted.before.size ?? 0;
      if (this.#bytes + size > this.#most()) return line(entry, { lost: `with its ${String(size)} bytes, more than ${String(this.#most())} of one run are not kept` });
      this.#bytes += size;
      return line(entry, { copy: this.#place(wanted.path, groups) });
    }
    const copy = `${this.#part}/${String((this.#groups += 1))}/copy`;
    return { path: wanted.path, tree: copies === 'tree', copy, ifKept: line(entry, { copy }), ifAbsent: line({ ...entry, before: { exists: false } }, {}), ifNot: line(entry, { lost: `it is ${copies === 'tree' ? 'no directory' : 'a directory'}, or more than ${String(this.#most())} bytes of one run with it` }) };
  }

  /** A copy's name below the run's directory. Files of one directory keep their names, so that one process copies them all. */
  #place(path: string, groups: Groups): string {
    const from = parentOf(path);
    let group = groups.get(from);
    if (group === undefined) groups.set(from, (group = { directory: `${this.#part}/${String((this.#groups += 1))}`, paths: [] }));
    group.paths.push(path);
    return `${group.directory}/${path.slice(path.lastIndexOf('/') + 1)}`;
  }

  #most(): number {
    return Math.floor(this.#options.bytes / 2);
  }
}

/** Of a path that has only got other attributes the content is still what it was: a later change that replaces it is to keep it. */
function leavesContent({ copies, before }: Wanted): boolean {
  return copies === 'none' && before?.exists === true && before.type !== 'link';
}

/** Unique among the sessions of a run; the host itself numbers them. */
function newPart(): string {
  return randomBytes(6).toString('hex');
}

function line(entry: Omit<KeptPath, 'copy' | 'lost'>, kept: { readonly copy?: string; readonly lost?: string }): string {
  return encoded({ ...entry, copy: kept.copy, lost: kept.lost });
}

/** Names and commands may hold a secret that is known as one: the journal has none. */
function encoded(entry: JournalEntry): string {
  return encodeEntry(entry.of === 'path' ? entry : { ...entry, did: maskSecrets(entry.did), ...(entry.of === 'other' ? { resource: maskSecrets(entry.resource) } : {}) });
}

