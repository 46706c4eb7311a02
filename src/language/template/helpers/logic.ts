/** Missing values and comparisons. */
import { Secret } from '../../../support/secret.ts';
import { isList, isMap, sameValue, typeName, type Value } from '../../../support/value.ts';
import { HelperProblem } from '../problems.ts';
import { truth } from '../truth.ts';
import { own, type Helper, type PlainHelper } from './types.ts';

function family(value: Value): string {
  if (value instanceof Secret) return 'a string';
  return typeof value === 'number' ? 'a number' : typeName(value);
}

function bare(value: Value): Value {
  return value instanceof Secret ? value.reveal() : value;
}

/** @throws HelperProblem for two types that can never be equal: such a comparison is a mistake */
export function equal(a: Value, b: Value): boolean {
  if (a !== null && b !== null && family(a) !== family(b)) {
    throw new HelperProblem(`${family(a)} is compared with ${family(b)}: they are never equal`, 'convert one: (string x), (int x), (bool x)');
  }
  return sameValue(a, b);
}

function order(a: Value | undefined, b: Value | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  throw new HelperProblem(`${typeName(a)} and ${typeName(b)} have no order`, 'compare two numbers or two texts: (int x), (string x)');
}

function comparison(name: string, words: string, holds: (order: number) => boolean): PlainHelper {
  return {
    name,
    group: 'Comparing',
    usage: `${name} a b`,
    summary: `True when a is ${words} b; two numbers, or two texts by their characters`,
    example: { template: `{{ ${name} 2 3 }}`, result: holds(-1) },
    min: 2,
    max: 2,
    kind: 'plain',
    secrets: 'measure',
    call: ([a, b]) => holds(order(a, b)),
  };
}

export const LOGIC_HELPERS: readonly Helper[] = [
  {
    name: 'default', group: 'Missing values', usage: 'default value otherwise',
    summary: 'The value, or `otherwise` when it is undefined (a variable, or a part of one) or null',
    example: { template: '{{ default proxy.port 3128 }}', variables: { proxy: {} }, result: 3128 },
    min: 2, max: 2, kind: 'lazy',
    call: ([first, otherwise]) => first?.optional() ?? otherwise?.value() ?? null,
  },
  {
    name: 'defined', group: 'Missing values', usage: 'defined variable',
    summary: 'True when the variable, or the part of one, exists; a null exists',
    example: { template: '{{#if (defined proxy.host)}}yes{{else}}no{{/if}}', variables: { proxy: {} }, result: 'no' },
    min: 1, max: 1, kind: 'lazy',
    call: ([first]) => first?.optional() !== undefined,
  },
  {
    name: 'ternary', group: 'Comparing', usage: 'ternary condition yes no',
    summary: 'The second argument when the condition is true, else the third; the other one is not evaluated',
    example: { template: '{{ ternary (gt cpus 4) "big" "small" }}', variables: { cpus: 8 }, result: 'big' },
    min: 3, max: 3, kind: 'lazy',
    call: ([condition, yes, no]) => (condition?.truth() === true ? yes : no)?.value() ?? null,
  },
  {
    name: 'and', group: 'Comparing', usage: 'and a b …',
    summary: 'True when all are true; stops at the first that is not',
    example: { template: '{{ and true false }}', result: false },
    min: 2, max: Infinity, kind: 'lazy',
    call: (args) => args.every((a) => a.truth()),
  },
  {
    name: 'or', group: 'Comparing', usage: 'or a b …',
    summary: 'True when one is true; stops at the first that is',
    example: { template: '{{ or false true }}', result: true },
    min: 2, max: Infinity, kind: 'lazy',
    call: (args) => args.some((a) => a.truth()),
  },
  {
    name: 'not', group: 'Comparing', usage: 'not a', summary: 'True when the argument is false',
    example: { template: '{{ not false }}', result: true },
    min: 1, max: 1, kind: 'plain', secrets: 'measure',
    call: ([a = null]) => !truth(a),
  },
  {
    name: 'eq', group: 'Comparing', usage: 'eq a b', summary: 'True when both are equal, also inside; values of different types are an error',
    example: { template: '{{ eq port 5432 }}', variables: { port: 5432 }, result: true },
    min: 2, max: 2, kind: 'plain', secrets: 'measure',
    call: ([a = null, b = null]) => equal(a, b),
  },
  {
    name: 'ne', group: 'Comparing', usage: 'ne a b', summary: 'The opposite of `eq`',
    example: { template: '{{ ne "a" "b" }}', result: true },
    min: 2, max: 2, kind: 'plain', secrets: 'measure',
    call: ([a = null, b = null]) => !equal(a, b),
  },
  comparison('lt', 'less than', (o) => o < 0),
  comparison('le', 'at most', (o) => o <= 0),
  comparison('gt', 'greater than', (o) => o > 0),
  comparison('ge', 'at least', (o) => o >= 0),
  {
    name: 'in', group: 'Comparing', usage: 'in item container',
    summary: 'True when the list holds the item, the map the key, or the text the piece of text',
    example: { template: '{{ in "db1" groups.db }}', variables: { groups: { db: ['db1', 'db2'] } }, result: true },
    min: 2, max: 2, kind: 'plain', secrets: 'keep',
    call: (args) => {
      // Only the items themselves are looked into: a map such as hostvars is not rendered for a question about its keys.
      const [item = null, container = null] = args.map(bare);
      if (isList(container)) return container.some((c) => sameValue(bare(c), item));
      if (typeof item !== 'string') throw new HelperProblem(`${typeName(item)} cannot be in ${typeName(container)}`);
      if (isMap(container)) return own(container, item) !== undefined;
      if (typeof container === 'string') return container.includes(item);
      throw new HelperProblem(`nothing can be in ${typeName(container)}`);
    },
  },
];
