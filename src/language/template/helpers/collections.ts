/** Lists and maps. */
import { Secret } from '../../../support/secret.ts';
import { isList, isMap, sameValue, typeName, type Value } from '../../../support/value.ts';
import { suggestion } from '../../../support/nearest.ts';
import { keysInFileOrder } from '../../positions.ts';
import { HelperProblem } from '../problems.ts';
import { equal } from './logic.ts';
import { integer, list, map, number, own, text, type Helper } from './types.ts';

/** Longest list that `range` makes. */
const LONGEST_RANGE = 100_000;

function part(container: Value | undefined, key: Value | undefined): Value | undefined {
  if (isList(container)) {
    const index = typeof key === 'string' && /^-?\d+$/.test(key) ? Number(key) : key;
    if (typeof index !== 'number') throw new HelperProblem(`an item of a list is named by a number, not by ${typeName(key)}`);
    return container.at(index);
  }
  if (isMap(container)) {
    if (typeof key !== 'string' && typeof key !== 'number') throw new HelperProblem(`a part of a map is named by text, not by ${typeName(key)}`);
    return own(container, String(key));
  }
  throw new HelperProblem(`${typeName(container)} has no parts`);
}

function walk(args: readonly Value[]): Value {
  const [start = null, ...keys] = args;
  let at: Value = start;
  for (const key of keys) {
    const next: Value | undefined = part(at, key);
    if (next === undefined) {
      const named = typeof key === 'string' || typeof key === 'number' ? String(key) : 'such part';
      throw new HelperProblem(`there is no ${named} in ${typeName(at)}`, isMap(at) ? suggestion(named, Object.keys(at)) : undefined);
    }
    at = next;
  }
  return at;
}

function ends(name: 'first' | 'last', at: number, result: string): Helper {
  return {
    name, group: 'Lists and maps', usage: `${name} list`, summary: `The ${name} item of a list that is not empty`,
    example: { template: `{{ ${name} names }}`, variables: { names: ['a', 'b'] }, result },
    min: 1, max: 1, kind: 'plain', secrets: 'keep',
    call: (args) => {
      const item = list(args, 0).at(at);
      if (item === undefined) throw new HelperProblem('the list is empty');
      return item;
    },
  };
}

function byOrder(items: readonly Value[]): Value[] {
  if (items.every((i) => typeof i === 'number')) return items.toSorted((a, b) => a - b);
  if (items.every((i) => typeof i === 'string')) return items.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  throw new HelperProblem('only a list of numbers, or of texts, has an order');
}

export const COLLECTION_HELPERS: readonly Helper[] = [
  {
    name: 'get', group: 'Lists and maps', usage: 'get container key …', summary: 'A part of a map or list by a key that may be in a variable; several keys go deeper; a missing part is an error',
    example: { template: '{{ get hostvars host "ansible_host" }}', variables: { host: 'db1', hostvars: { db1: { ansible_host: '10.0.0.1' } } }, result: '10.0.0.1' },
    min: 2, max: Infinity, kind: 'plain', secrets: 'keep', call: walk,
  },
  {
    name: 'lookup', group: 'Lists and maps', usage: 'lookup container key', summary: "Handlebars' name for `get`",
    example: { template: '{{ lookup ports "web" }}', variables: { ports: { web: 443 } }, result: 443 },
    min: 2, max: 2, kind: 'plain', secrets: 'keep', call: walk,
  },
  {
    name: 'get_or', group: 'Lists and maps', usage: 'get_or otherwise container key …', summary: 'As `get`, but `otherwise` when a part is missing',
    example: { template: '{{ get_or 80 ports "web" }}', variables: { ports: {} }, result: 80 },
    min: 3, max: Infinity, kind: 'plain', secrets: 'keep',
    call: ([otherwise = null, start = null, ...keys]) => {
      let at: Value | undefined = start;
      for (const key of keys) {
        at = part(at, key);
        if (at === undefined) return otherwise;
      }
      return at;
    },
  },
  {
    name: 'list', group: 'Lists and maps', usage: 'list a b …', summary: 'A list of the arguments',
    example: { template: '{{ list 1 2 }}', result: [1, 2] },
    min: 0, max: Infinity, kind: 'plain', secrets: 'keep', call: (args) => [...args],
  },
  {
    name: 'dict', group: 'Lists and maps', usage: 'dict key value …', summary: 'A map of keys and values by turns',
    example: { template: '{{ dict "a" 1 }}', result: { a: 1 } },
    min: 0, max: Infinity, kind: 'plain', secrets: 'keep',
    call: (args) => {
      if (args.length % 2 !== 0) throw new HelperProblem('a key has no value');
      return Object.fromEntries(Array.from({ length: args.length / 2 }, (_, i) => [text(args, 2 * i), args[2 * i + 1] ?? null]));
    },
  },
  {
    name: 'merge', group: 'Lists and maps', usage: 'merge map map …', summary: 'One map of all keys; later maps win; not deep',
    example: { template: '{{ merge (dict "a" 1) (dict "b" 2) }}', result: { a: 1, b: 2 } },
    min: 1, max: Infinity, kind: 'plain', secrets: 'keep',
    call: (args) => Object.fromEntries(args.flatMap((_, i) => Object.entries(map(args, i)))),
  },
  {
    name: 'keys', group: 'Lists and maps', usage: 'keys map', summary: 'The keys of a map, in order',
    example: { template: '{{ keys m }}', variables: { m: { a: 1, b: 2 } }, result: ['a', 'b'] },
    min: 1, max: 1, kind: 'plain', secrets: 'keep', call: (args) => keysInFileOrder(map(args, 0)),
  },
  {
    name: 'values', group: 'Lists and maps', usage: 'values map', summary: 'The values of a map, in order',
    example: { template: '{{ values m }}', variables: { m: { a: 1, b: 2 } }, result: [1, 2] },
    min: 1, max: 1, kind: 'plain', secrets: 'keep',
    call: (args) => keysInFileOrder(map(args, 0)).map((key) => map(args, 0)[key] ?? null),
  },
  {
    name: 'items', group: 'Lists and maps', usage: 'items map', summary: 'A list of maps `key` and `value`, in order (dict2items)',
    example: { template: '{{ items m }}', variables: { m: { a: 1 } }, result: [{ key: 'a', value: 1 }] },
    min: 1, max: 1, kind: 'plain', secrets: 'keep',
    call: (args) => keysInFileOrder(map(args, 0)).map((key) => ({ key, value: map(args, 0)[key] ?? null })),
  },
  {
    name: 'pluck', group: 'Lists and maps', usage: 'pluck list key …', summary: 'That part of every item of a list (map(attribute=…))',
    example: { template: '{{ pluck users "name" }}', variables: { users: [{ name: 'a' }, { name: 'b' }] }, result: ['a', 'b'] },
    min: 2, max: Infinity, kind: 'plain', secrets: 'keep',
    call: (args) => list(args, 0).map((item) => walk([item, ...args.slice(1)])),
  },
  {
    name: 'where', group: 'Lists and maps', usage: 'where list key value', summary: 'The items whose part is equal to the value; without a value, those that have it and it is true',
    example: { template: '{{ pluck (where users "admin") "name" }}', variables: { users: [{ name: 'a', admin: true }, { name: 'b' }] }, result: ['a'] },
    min: 2, max: 3, kind: 'plain', secrets: 'keep',
    call: (args) => list(args, 0).filter((item) => {
      const found = part(item, args[1]);
      if (found === undefined) return false;
      return args.length === 2 ? found === true : equal(found, args[2] ?? null);
    }),
  },
  ends('first', 0, 'a'),
  ends('last', -1, 'b'),
  {
    name: 'length', group: 'Lists and maps', usage: 'length value', summary: 'Number of items, keys or characters',
    example: { template: '{{ length names }}', variables: { names: ['a', 'b'] }, result: 2 },
    min: 1, max: 1, kind: 'plain', secrets: 'keep',
    call: ([argument]) => {
      const value = argument instanceof Secret ? argument.reveal() : argument;
      if (typeof value === 'string') return Array.from(value).length;
      if (isList(value)) return value.length;
      if (isMap(value)) return Object.keys(value).length;
      throw new HelperProblem(`${typeName(value)} has no length`);
    },
  },
  {
    name: 'sort', group: 'Lists and maps', usage: 'sort list', summary: 'The list in order: numbers by size, texts by their characters',
    example: { template: '{{ sort names }}', variables: { names: ['b', 'a'] }, result: ['a', 'b'] },
    min: 1, max: 1, kind: 'plain', secrets: 'contain', call: (args) => byOrder(list(args, 0)),
  },
  {
    name: 'unique', group: 'Lists and maps', usage: 'unique list', summary: 'The list without repeated items',
    example: { template: '{{ unique names }}', variables: { names: ['a', 'b', 'a'] }, result: ['a', 'b'] },
    min: 1, max: 1, kind: 'plain', secrets: 'keep',
    call: (args) => list(args, 0).filter((item, i, all) => all.findIndex((other) => sameValue(other, item)) === i),
  },
  {
    name: 'without', group: 'Lists and maps', usage: 'without list item …', summary: 'The list without those items (difference)',
    example: { template: '{{ without names "a" }}', variables: { names: ['a', 'b'] }, result: ['b'] },
    min: 2, max: Infinity, kind: 'plain', secrets: 'keep',
    call: (args) => {
      const gone = args.slice(1).flatMap((a) => (isList(a) ? a : [a]));
      return list(args, 0).filter((item) => !gone.some((g) => sameValue(g, item)));
    },
  },
  {
    name: 'reverse', group: 'Lists and maps', usage: 'reverse list', summary: 'The list from its end',
    example: { template: '{{ reverse names }}', variables: { names: ['a', 'b'] }, result: ['b', 'a'] },
    min: 1, max: 1, kind: 'plain', secrets: 'keep', call: (args) => list(args, 0).toReversed(),
  },
  {
    name: 'slice', group: 'Lists and maps', usage: 'slice list from to', summary: 'The items from one index (from 0; negative: from the end) up to, not including, another',
    example: { template: '{{ slice names 1 }}', variables: { names: ['a', 'b', 'c'] }, result: ['b', 'c'] },
    min: 2, max: 3, kind: 'plain', secrets: 'keep',
    call: (args) => list(args, 0).slice(integer(args, 1), args.length > 2 ? integer(args, 2) : undefined),
  },
  {
    name: 'flatten', group: 'Lists and maps', usage: 'flatten list', summary: 'A list of lists as one list',
    example: { template: '{{ flatten (list (list 1 2) (list 3)) }}', result: [1, 2, 3] },
    min: 1, max: 1, kind: 'plain', secrets: 'keep',
    call: (args) => list(args, 0).flatMap((item) => (isList(item) ? item : [item])),
  },
  {
    name: 'index_of', group: 'Lists and maps', usage: 'index_of list item', summary: 'Where the item stands in the list, from 0; an error when it does not',
    example: { template: '{{ index_of names "b" }}', variables: { names: ['a', 'b'] }, result: 1 },
    min: 2, max: 2, kind: 'plain', secrets: 'measure',
    call: (args) => {
      const at = list(args, 0).findIndex((item) => sameValue(item, args[1]));
      if (at === -1) throw new HelperProblem('the item is not in the list');
      return at;
    },
  },
  {
    name: 'range', group: 'Lists and maps', usage: 'range end, range start end', summary: 'The integers from 0 (or `start`) up to, not including, `end`',
    example: { template: '{{ range 1 4 }}', result: [1, 2, 3] },
    min: 1, max: 2, kind: 'plain', secrets: 'refuse',
    call: (args) => {
      const start = args.length > 1 ? integer(args, 0) : 0;
      const length = Math.max(0, integer(args, args.length - 1) - start);
      if (length > LONGEST_RANGE) throw new HelperProblem(`a range has at most ${String(LONGEST_RANGE)} numbers`);
      return Array.from({ length }, (_, i) => start + i);
    },
  },
  {
    name: 'sum', group: 'Numbers and types', usage: 'sum list', summary: 'The sum of a list of numbers',
    example: { template: '{{ sum (list 1 2 3) }}', result: 6 },
    min: 1, max: 1, kind: 'plain', secrets: 'refuse',
    call: (args) => list(args, 0).reduce((total: number, _, i, all) => total + number(all, i), 0),
  },
];

