/**
 * What is known of one host as one user: observed facts, and on top of them what changes did to them.
 * In apply the effects of a change replace or drop facts. In check they are folded into an overlay: a
 * set fact is believed, a forgotten one keeps its old value but is marked uncertain, with the reason.
 */
import { modifiedAt } from './kinds/path.ts';
import type { AnyQuery, Effect } from './query.ts';
import { SharedEntries, type Entry } from './shared-entries.ts';

/** A claim: what a change says that it has set, to be confirmed by observation. */
export interface Claim {
  readonly query: AnyQuery;
  readonly expected: unknown;
  /** The change that claims it, for messages. */
  readonly by: string;
}

type Rule = (query: AnyQuery, value: unknown) => { readonly value?: unknown; readonly absent: boolean; readonly reason: string; /** It is about anything on the host. */ readonly vague?: boolean } | undefined;

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`);
}

export class FactStore {
  readonly #checkMode: boolean;
  readonly #facts = new Map<string, Entry>();
  readonly #claims = new Map<string, Claim>();
  /** Check mode: what earlier predicted changes did to facts that are observed only later. */
  readonly #rules: Rule[] = [];
  #volatileDoubted = false;
  /** Ids of facts that are true of the moment only. */
  readonly #passing = new Set<string>();

  /** When this host's files were last written, by ids: of this host alone, while an entry may be another host's as well. */
  readonly #written = new Map<string, number>();

  readonly #shared: SharedEntries;

  /** @param shared with the stores of other hosts */
  constructor(checkMode: boolean, shared = new SharedEntries()) {
    this.#checkMode = checkMode;
    this.#shared = shared;
  }

  has(query: AnyQuery): boolean {
    return this.#facts.has(query.id);
  }

  /** @returns the entry's value; only after {@link has} said yes. */
  value(query: AnyQuery): unknown {
    return this.#facts.get(query.id)?.value;
  }

  /** The values that are known now, by the ids of their queries. */
  snapshot(): ReadonlyMap<string, unknown> {
    return new Map([...this.#facts].map(([id, entry]) => [id, entry.value]));
  }

  /** What the host has shown, and why it cannot be relied on any more, if so; undefined for what is not known or only believed. */
  observation(query: AnyQuery): { readonly value: unknown; readonly uncertain: string | undefined } | undefined {
    const entry = this.#facts.get(query.id);
    return entry === undefined || entry.believed === true ? undefined : entry;
  }

  /** When the file of a `stat` fact was last written, in seconds since the epoch; undefined for what the host has not shown. */
  writtenAt(query: AnyQuery): number | undefined {
    return this.observation(query) === undefined ? undefined : this.#written.get(query.id);
  }

  uncertain(query: AnyQuery): string | undefined {
    return this.#facts.get(query.id)?.uncertain;
  }

  touched(query: AnyQuery): string | undefined {
    return this.#facts.get(query.id)?.touched;
  }

  /** Takes in an observation; in check mode seen through the rules of earlier predicted changes. */
  observed(query: AnyQuery, value: unknown): void {
    let entry = this.#shared.of(query, value);
    for (const rule of this.#rules) entry = applyRule(entry, rule);
    this.#facts.set(query.id, entry);
    const written = modifiedAt(value);
    if (written !== undefined) this.#written.set(query.id, written);
    else this.#written.delete(query.id);
    if (query.kind.passing(value)) this.#passing.add(query.id);
  }

  /** Drops what was true of the moment only: who relies on it asks anew. */
  dropPassing(): void {
    for (const id of this.#passing) {
      const entry = this.#facts.get(id);
      if (entry?.query.kind.passing(entry.value) === true) this.#facts.delete(id);
    }
    this.#passing.clear();
  }

  /** Folds the effects of a change in. `by` names the change, for claims and for uncertainty. */
  apply(effects: readonly Effect[], by: string): void {
    for (const effect of effects) this.#applyOne(effect, by);
    this.#doubtDependent(effects, by);
    if (effects.length > 0) this.#doubtVolatile(by);
  }

  /** What a service answers may be different once its unit was touched. */
  #doubtDependent(effects: readonly Effect[], by: string): void {
    const touched = new Set(effects.flatMap((e) => (e.type === 'set' || e.type === 'forget' ? [e.query.kind.name] : e.type === 'forget-kinds' && e.kinds !== 'all' ? e.kinds : [])));
    if (touched.size === 0) return;
    const own = new Set(effects.flatMap((e) => (e.type === 'set' ? [e.query.id] : [])));
    const rule: Rule = (query) => (query.kind.after.some((name) => touched.has(name)) ? { absent: false, reason: `until ${by}`, vague: true } : undefined);
    if (this.#checkMode) this.#rules.push(rule);
    for (const [id, entry] of this.#facts) {
      if (own.has(id) || entry.query.kind.after.length === 0 || rule(entry.query, entry.value) === undefined) continue;
      if (this.#checkMode) this.#facts.set(id, applyRule(entry, rule));
      else this.#facts.delete(id);
    }
  }

  /** What a user's command has answered, or what was true of the moment only, may be different after any change at all. */
  #doubtVolatile(by: string): void {
    const rule: Rule = (query, value) => (query.kind.volatile || query.kind.passing(value) ? { absent: false, reason: `until ${by}` } : undefined);
    if (this.#checkMode && !this.#volatileDoubted) {
      this.#volatileDoubted = true;
      this.#rules.push(rule);
    }
    for (const [id, entry] of this.#facts) {
      if (entry.uncertain !== undefined || rule(entry.query, entry.value) === undefined) continue;
      if (this.#checkMode) this.#facts.set(id, applyRule(entry, rule));
      else this.#facts.delete(id);
    }
  }

  #applyOne(effect: Effect, by: string): void {
    if (effect.type === 'set') {
      this.#facts.set(effect.query.id, { query: effect.query, value: effect.value, uncertain: undefined, believed: true });
      if (!this.#checkMode) this.#claims.set(effect.query.id, { query: effect.query, expected: effect.value, by });
      return;
    }
    const rule = ruleOf(effect, `until ${by}`);
    if (this.#checkMode && effect.type !== 'forget') this.#rules.push(rule);
    for (const [id, entry] of this.#facts) {
      const outcome = rule(entry.query, entry.value);
      if (outcome === undefined) continue;
      // A change that may have touched anything takes back no claim: what was set before it must still hold.
      if (effect.type !== 'forget-kinds') this.#claims.delete(id);
      if (this.#checkMode) this.#facts.set(id, applyRule(entry, rule));
      else if (outcome.absent) this.#facts.set(id, { query: entry.query, value: outcome.value, uncertain: undefined, believed: true });
      else this.#facts.delete(id);
    }
    if (this.#checkMode && effect.type === 'forget' && !this.#facts.has(effect.query.id)) this.#rules.push(rule);
  }

  /** The claims made since the last call, which the caller now confirms. */
  takeClaims(): readonly Claim[] {
    const claims = [...this.#claims.values()];
    this.#claims.clear();
    return claims;
  }

  /** Drops everything that is known (after a reboot, say). What changes have claimed is confirmed all the same. */
  clear(): void {
    this.#facts.clear();
  }
}

function applyRule(entry: Entry, rule: Rule): Entry {
  const outcome = rule(entry.query, entry.value);
  if (outcome === undefined) return entry;
  if (outcome.absent) return { query: entry.query, value: outcome.value, uncertain: undefined, believed: true };
  return { ...entry, uncertain: outcome.reason, ...(outcome.vague === true ? {} : { touched: outcome.reason }) };
}

function ruleOf(effect: Exclude<Effect, { type: 'set' }>, reason: string): Rule {
  switch (effect.type) {
    case 'forget':
      return (query) => (query.id === effect.query.id ? { absent: false, reason } : undefined);
    case 'forget-kinds':
      return (query) => (effect.kinds === 'all' || effect.kinds.includes(query.kind.name) ? { absent: false, reason, vague: effect.kinds === 'all' } : undefined);
    case 'forget-tree':
      return (query) => (query.kind.paths(query.key).some((p) => isWithin(p, effect.path)) ? { absent: false, reason } : undefined);
    case 'removed-tree':
      return (query) => {
        const paths = query.kind.paths(query.key);
        if (!paths.some((p) => isWithin(p, effect.path))) return undefined;
        const value = query.kind.absent(query.key);
        return value === undefined ? { absent: false, reason } : { absent: true, value, reason };
      };
  }
}
