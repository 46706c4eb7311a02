/**
 * Where parsed values came from. Maps and lists out of {@link parseYaml} are plain objects and arrays;
 * their places live beside them, in a table that forgets a container when the program does.
 */
import type { Span } from '../support/source.ts';

interface Positions {
  self: Span | undefined;
  readonly values: Map<string, Span>;
  readonly keys: Map<string, Span>;
}

const table = new WeakMap<object, Positions>();

function positionsOf(container: object): Positions {
  let positions = table.get(container);
  if (positions === undefined) {
    positions = { self: undefined, values: new Map(), keys: new Map() };
    table.set(container, positions);
  }
  return positions;
}

/** The place of the value at `key`, or of the container itself without one; undefined when not known. */
export function spanOf(container: object, key?: string | number): Span | undefined {
  const positions = table.get(container);
  return key === undefined ? positions?.self : positions?.values.get(String(key));
}

/** The place of the key itself (`name` in `name: value`); undefined for lists and when not known. */
export function keySpanOf(container: object, key: string | number): Span | undefined {
  return table.get(container)?.keys.get(String(key));
}

/** Notes where a container stands. */
export function setSpan(container: object, span: Span): void {
  positionsOf(container).self = span;
}

/** Notes where one entry of a container stands; an undefined span leaves what is known as it is. */
export function setEntrySpan(container: object, key: string | number, value: Span | undefined, keySpan?: Span): void {
  const positions = positionsOf(container);
  if (value !== undefined) positions.values.set(String(key), value);
  if (keySpan !== undefined) positions.keys.set(String(key), keySpan);
}

/** Gives `to` all the places of `from`: for a transformed copy with the same keys. */
export function copyPositions(from: object, to: object): void {
  const positions = table.get(from);
  if (positions === undefined) return;
  table.set(to, { self: positions.self, values: new Map(positions.values), keys: new Map(positions.keys) });
}

/** Gives one entry of `to` the place it has in `from`: for maps merged out of several. */
export function copyEntryPosition(from: object, to: object, key: string | number): void {
  setEntrySpan(to, key, spanOf(from, key), keySpanOf(from, key));
}

/**
 * The keys of a parsed map in the order in which the file has them. (JavaScript puts keys that look
 * like integers first.) Keys without a place, or from another file, keep JavaScript's order.
 */
export function keysInFileOrder(container: object): string[] {
  const keys = Object.keys(container);
  if (!keys.some((key) => /^\d+$/.test(key))) return keys;
  const file = spanOf(container)?.file;
  const start = (key: string): number | undefined => {
    const span = keySpanOf(container, key);
    return span === undefined || span.file !== file ? undefined : span.start;
  };
  if (keys.some((key) => start(key) === undefined)) return keys;
  return keys.sort((a, b) => (start(a) ?? 0) - (start(b) ?? 0));
}
