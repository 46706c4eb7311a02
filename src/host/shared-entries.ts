/**
 * What is known of a host's single things, shared between hosts where it is the same: of a thousand hosts with the same
 * hundred files the facts would otherwise be most of the controller's memory.
 */
import { Secret } from '../support/secret.ts';
import type { AnyQuery } from './query.ts';

/** One fact; never changed, only replaced. */
export interface Entry {
  readonly query: AnyQuery;
  readonly value: unknown;
  /** Why the value cannot be relied on (check mode). */
  readonly uncertain: string | undefined;
  /** The same, when the change is about this very thing and not one that may have touched anything. */
  readonly touched?: string;
  /** It is what a change says of it, not what the host has shown. */
  readonly believed?: true;
}

/** Different values of one fact that are kept for others: what differs from host to host is not worth comparing. */
const VARIANTS = 4;
/** Longer contents are not compared, nor kept longer than their host's. */
const LONGEST_BYTES = 4096;

export class SharedEntries {
  readonly #known = new Map<string, Entry[]>();

  /** @returns an entry with this value, made for another host if there is one */
  of(query: AnyQuery, value: unknown): Entry {
    const known = this.#known.get(query.id);
    if (known === undefined) {
      const entry = { query, value, uncertain: undefined };
      if (isPlain(value)) this.#known.set(query.id, [entry]);
      return entry;
    }
    const same = known.find((entry) => alike(entry.value, value));
    if (same !== undefined) return same;
    const entry = { query: known[0]?.query ?? query, value, uncertain: undefined };
    if (known.length < VARIANTS && isPlain(value)) known.push(entry);
    return entry;
  }
}

/** Made of nothing but what {@link alike} can compare. */
function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return typeof value !== 'function' && typeof value !== 'symbol';
  if (value instanceof Secret) return true;
  if (Buffer.isBuffer(value)) return value.length <= LONGEST_BYTES;
  if (Array.isArray(value)) return value.every(isPlain);
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}

/** Equal in everything, the order of fields included; false for what is not plain. */
function alike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Secret) return b instanceof Secret && a.equals(b);
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b);
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => alike(item, b[i]));
  if (Object.getPrototypeOf(a) !== Object.prototype || Object.getPrototypeOf(b) !== Object.prototype) return false;
  const [names, others] = [Object.keys(a), Object.keys(b)];
  if (names.length !== others.length) return false;
  const [left, right] = [Object.values(a), Object.values(b)];
  return names.every((name, i) => name === others[i] && alike(left[i], right[i]));
}
