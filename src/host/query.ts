/**
 * Queries: what a module needs to know of a host, in a form that many modules' questions can be asked
 * together. A kind of query knows how to ask for many keys in one process, or over one client of a service, and how to
 * read the answer.
 */

import type { ServicePort } from '../services/port.ts';

/** What a kind's probe printed. */
export interface ProbeOutput {
  /** Everything up to the first mark. */
  readonly head: Buffer;
  /** What was printed after `care_mark`, one buffer a call, in order. */
  readonly sections: readonly Buffer[];
}

interface KindBase<Key, Fact> {
  /** Unique word: `stat`, `package` … */
  readonly name: string;
  /** A text that is equal for equal keys only. It is shown in messages: no secret in it. */
  id(key: Key): string;
  /** For messages: `file /etc/hosts`. */
  describe(key: Key): string;
  /** Whether two facts are the same for confirm; default: structural equality. */
  same?(expected: Fact, observed: Fact): boolean;
  /** For messages when confirm fails: the fact in a few words; default JSON. */
  show?(fact: Fact): string;
  /** Paths whose change could change this fact; default none. Lets a removed directory take its facts along. */
  paths?(key: Key): readonly string[];
  /** What the fact is when the path it is about is known to be gone (needed with `paths`). */
  absent?(key: Key): Fact;
  /** True when any change at all could change it (a command's output): then every change makes it unknown. */
  readonly volatile?: boolean;
  /**
   * True when the fact stays what it is until somebody changes it, and has nothing in it that a secret could be guessed from:
   * a saved plan holds on to it. Not for what moves by itself (a state, a lag, a time).
   */
  readonly lasting?: boolean;
  /** Names of kinds: a change that sets or forgets one of their facts makes this kind's unknown, too (a unit, and what its server answers). */
  readonly after?: readonly string[];
  /**
   * Whether the fact is true of the moment only (a server that does not answer may be starting): it is asked anew by
   * every task that relies on it, and any change may end it.
   */
  passing?(fact: Fact): boolean;
}

/** A kind that the host's own shell answers. */
export interface ShellKind<Key, Fact> extends KindBase<Key, Fact> {
  /**
   * Read-only POSIX sh that answers for all keys, in as few processes as it can, with LC_ALL=C and no
   * stdin. May call `care_mark` between answers (its output is cut there, with a nonce, byte-exact).
   * It must not fail for an absent thing. Must not rely on `set -e` (it is off).
   */
  probe(keys: readonly Key[]): string;
  /**
   * Reads the answer: exactly one fact a key, in the order of `keys`.
   * @throws Error when the output makes no sense; the engine adds the host and the output
   */
  parse(keys: readonly Key[], output: ProbeOutput): readonly Fact[];
}

/** A kind that a client answers, over a stream through the host's connection. */
export interface ServiceKind<Key, Fact> extends KindBase<Key, Fact> {
  /**
   * Read-only; asks for all keys in as few round trips as it can. What a service says, refusals included, is a fact.
   * @returns exactly one fact a key, in the order of `keys`
   * @throws Error when the answer makes no sense, Diagnostic when the host is lost
   */
  answer(keys: readonly Key[], port: ServicePort): Promise<readonly Fact[]>;
}

export type QueryKind<Key, Fact> = ShellKind<Key, Fact> | ServiceKind<Key, Fact>;

/** One question. Made by calling what {@link defineQuery} returns. */
export interface Query<Fact, Kind extends ErasedKind = ErasedShellKind> {
  readonly kind: Kind;
  readonly key: unknown;
  /** `kind:id`, unique among all queries. */
  readonly id: string;
  /** Says that the fact is now `value`: what a change claims and what confirm tests. */
  is(value: Fact): Effect;
  /** Says that the fact is no longer known. */
  forget(): Effect;
  /** Carries the type; never present at run time. */
  readonly __fact?: (fact: Fact) => Fact;
}
/** One question to a service. */
export type ServiceQuery<Fact> = Query<Fact, ErasedServiceKind>;

/** A question without the type of its answer, as the engine handles it. */
export interface Question<Kind extends ErasedKind = ErasedKind> {
  readonly kind: Kind;
  readonly key: unknown;
  readonly id: string;
}
export type AnyQuery = Question;

interface ErasedBase {
  readonly name: string;
  describe(key: unknown): string;
  same(expected: unknown, observed: unknown): boolean;
  show(fact: unknown): string;
  paths(key: unknown): readonly string[];
  absent(key: unknown): unknown;
  readonly volatile: boolean;
  readonly lasting: boolean;
  readonly after: readonly string[];
  passing(fact: unknown): boolean;
}
export interface ErasedShellKind extends ErasedBase {
  readonly by: 'shell';
  probe(keys: readonly unknown[]): string;
  parse(keys: readonly unknown[], output: ProbeOutput): readonly unknown[];
}
export interface ErasedServiceKind extends ErasedBase {
  readonly by: 'service';
  answer(keys: readonly unknown[], port: ServicePort): Promise<readonly unknown[]>;
}
/** A kind with its types erased, as the engine handles it. */
export type ErasedKind = ErasedShellKind | ErasedServiceKind;

/** Questions by who answers them. */
export interface Questions {
  readonly shell: readonly Question<ErasedShellKind>[];
  readonly service: readonly Question<ErasedServiceKind>[];
}

export function byAnswerer(queries: readonly AnyQuery[]): Questions {
  const shell: Question<ErasedShellKind>[] = [];
  const service: Question<ErasedServiceKind>[] = [];
  for (const { kind, key, id } of queries) {
    if (kind.by === 'shell') shell.push({ kind, key, id });
    else service.push({ kind, key, id });
  }
  return { shell, service };
}

/** What a change does to what is known. */
export type Effect =
  | { readonly type: 'set'; readonly query: AnyQuery; readonly value: unknown }
  | { readonly type: 'forget'; readonly query: AnyQuery }
  /** Every fact of these kinds is unknown ('all': every fact of the host but base facts). */
  | { readonly type: 'forget-kinds'; readonly kinds: 'all' | readonly string[] }
  /** This path and everything below is gone. */
  | { readonly type: 'removed-tree'; readonly path: string }
  /** Facts about this path and everything below are unknown. */
  | { readonly type: 'forget-tree'; readonly path: string };

export const forgetAll: Effect = { type: 'forget-kinds', kinds: 'all' };
export function forgetKinds(...kinds: readonly string[]): Effect {
  return { type: 'forget-kinds', kinds };
}
export function removedTree(path: string): Effect {
  return { type: 'removed-tree', path };
}
export function forgetTree(path: string): Effect {
  return { type: 'forget-tree', path };
}
