/**
 * The one gate that every change of a host passes: before it is made in apply, when it is predicted in check mode. Whoever
 * wants to know of, or to forbid, changes stands here.
 */
import { createHash } from 'node:crypto';
import type { FactStore } from '../host/fact-store.ts';
import { stat } from '../host/kinds/path.ts';
import type { Diff } from '../host/plan.ts';
import type { AnyQuery } from '../host/query.ts';
import { maskSecrets, Secret } from '../support/secret.ts';

/** A fact that a decision rests on, as it was observed. */
export interface ObservedFact {
  /** The question: `content:/etc/hosts`. */
  readonly id: string;
  /** `file /etc/hosts`, `content of /etc/hosts`. */
  readonly of: string;
  /** In a few words, secrets masked. */
  readonly seen: string;
  /** Tells any two states apart; null where a digest would let a secret be guessed. */
  readonly digest: string | null;
  /** The earlier change of the run that may alter it; null when nothing of the run does. */
  readonly doubt: string | null;
}

/** What is about to be done to one thing. */
export interface Mutation {
  readonly resource: string;
  readonly what: string;
  /** Masked; undefined when there is none to show. */
  readonly diff: string | undefined;
  /** Check mode: whether it would be made cannot be told. */
  readonly unknown: boolean;
  /** A digest of what it will be, of an action's arguments; null when that is secret or not told. */
  readonly result: string | null;
  readonly state: readonly ObservedFact[];
  /**
   * Check mode: the earlier change of the run for which something that the decision rests on cannot be relied on, passing things (whether
   * a unit runs) included; null when all of it can.
   */
  readonly doubt: string | null;
}

/** A mutation with the task that makes it. */
export interface TaskMutation extends Mutation {
  readonly host: string;
  readonly role: string;
  readonly task: string;
  /** `file:line:column` of the task. */
  readonly place: string;
  readonly handler: boolean;
  /** The run may not make it, by `holds` of the run's options; not there where nothing is held. */
  readonly held?: boolean;
}

export interface Gate {
  /** Lets all changes of an item of a task pass, or none. @throws Diagnostic when one may not be made: none is, and the task fails */
  pass(mutations: readonly TaskMutation[]): void;
  /**
   * Whether a host runs the handlers that its changes have asked for all the same, as with `force_handlers`.
   * @param how a task has failed on it; or the play was stopped for all, for what happened elsewhere
   */
  finishes?(host: string, how: 'failed' | 'stopped'): boolean;
  /** What is to be said of a host that has come to its end. */
  remarks?(host: string): readonly string[];
}

export function digest(text: string | Buffer): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** JSON that is equal for equal values, however their keys are ordered; bytes as a digest, a secret as a mask. */
export function canonicalJson(value: unknown): string {
  const sorted = (item: unknown): unknown => {
    if (Buffer.isBuffer(item)) return digest(item);
    // Before the check for objects: its JSON is a mask.
    if (item instanceof Secret || typeof item !== 'object' || item === null) return item;
    if (Array.isArray(item)) return item.map(sorted);
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
  };
  // In a list, since undefined has no JSON of its own.
  return JSON.stringify([sorted(value)]);
}

/** Kinds whose facts are digests of content, by which a short secret could be guessed. */
const CONTENT = new Set(['content', 'sha256']);

const SHOWN = 200;

/**
 * The lasting facts that a plan has looked at and that were observed, not predicted.
 * @param secret whether what is in the files is secret: then the time of the last write stands for the content
 */
export function observedFacts(store: FactStore, looked: Iterable<AnyQuery>, secret: boolean): readonly ObservedFact[] {
  const out: ObservedFact[] = [];
  for (const query of looked) {
    const fact = query.kind.lasting ? store.observation(query) : undefined;
    if (fact === undefined) continue;
    const doubt = fact.uncertain ?? null;
    const of = query.kind.describe(query.key);
    const { id } = query;
    if (secret && CONTENT.has(query.kind.name)) {
      const modified = store.writtenAt(stat(String(query.key)));
      if (modified !== undefined) out.push({ id, of, seen: `secret content, last written ${new Date(modified * 1000).toISOString()}`, digest: null, doubt });
    } else out.push({ id, of, seen: maskSecrets(query.kind.show(fact.value)).slice(0, SHOWN), digest: digest(maskSecrets(canonicalJson(fact.value))), doubt });
  }
  return out;
}

/** {@link Mutation.doubt} of a plan that has looked at these facts. */
export function doubtOf(store: FactStore, looked: Iterable<AnyQuery>): string | null {
  for (const query of looked) {
    const doubt = store.uncertain(query);
    if (doubt !== undefined) return doubt;
  }
  return null;
}

export function isSecret(diff: Diff | undefined): boolean {
  return diff !== undefined && (diff.before instanceof Secret || diff.after instanceof Secret);
}

/** {@link Mutation.result} of a change. */
export function resultOf(diff: Diff | undefined, hidden: boolean): string | null {
  if (hidden || diff === undefined || typeof diff.after !== 'string') return null;
  // A known secret in an ordinary text: without it, the digest tells what else there is.
  return digest(maskSecrets(diff.after));
}
