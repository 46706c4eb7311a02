/** Values into CEL's and back. Integers travel as BigInt, or CEL would take them for doubles. */
import { Optional } from '@marcbachmann/cel-js';
import { Secret } from '../../support/secret.ts';
import { isList, isMap, typeName, type Value } from '../../support/value.ts';
import type { Scope } from '../scope-types.ts';
import { settle } from '../template/settle.ts';

/** A result that has no counterpart among this program's values. Holds no value. */
export class ResultProblem extends Error {
  override readonly name = 'ResultProblem';
}

/** One evaluation's conversions: what was looked at, and what it was made from. */
export class Conversion {
  readonly #scope: Scope;
  readonly #originals = new WeakMap<object, Value>();
  /** True once a secret was looked at. */
  secret = false;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Maps are converted entry by entry as they are read, so that `hostvars` costs nothing. */
  toCel(raw: Value): unknown {
    const value = settle(raw, this.#scope);
    if (value instanceof Secret) {
      this.secret = true;
      return value.reveal();
    }
    if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
    if (isList(value)) {
      const items = value.map((item) => this.toCel(item));
      this.#originals.set(items, value);
      return items;
    }
    if (!isMap(value)) return value;
    // No prototype: nothing inherited can be taken for an entry.
    const map: object = Object.create(null) as object;
    for (const key of Object.keys(value)) {
      Object.defineProperty(map, key, {
        enumerable: true,
        configurable: true,
        get: (): unknown => {
          const item = this.toCel(value[key] ?? null);
          Object.defineProperty(map, key, { enumerable: true, value: item });
          return item;
        },
      });
    }
    this.#originals.set(map, value);
    return map;
  }

  /** @throws ResultProblem */
  fromCel(result: unknown): Value {
    if (result === null || typeof result === 'boolean') return result;
    if (typeof result === 'string') return this.secret && result !== '' ? new Secret(result) : result;
    if (typeof result === 'bigint') return this.#number(Number(result), result >= BigInt(Number.MIN_SAFE_INTEGER) && result <= BigInt(Number.MAX_SAFE_INTEGER));
    if (typeof result === 'number') return this.#number(result, Number.isFinite(result));
    if (typeof result !== 'object') throw new ResultProblem(`the result is ${typeName(result)}`);
    const original = this.#originals.get(result);
    if (original !== undefined) return original;
    if (Array.isArray(result)) return result.map((item) => this.fromCel(item));
    if (result instanceof Optional) {
      if (result.hasValue()) return this.fromCel(result.value());
      throw new ResultProblem('the result is an optional without a value: end it with .orValue(…)');
    }
    const prototype: unknown = Object.getPrototypeOf(result);
    if (prototype !== null && prototype !== Object.prototype) throw new ResultProblem('the result is a type of CEL that has no value here: turn it into text with string(…)');
    return Object.fromEntries(Object.entries(result).map(([key, item]) => [key, this.fromCel(item)]));
  }

  #number(value: number, exact: boolean): Value {
    if (!exact) throw new ResultProblem('the number is too large to be kept exactly (2^53)');
    return this.secret ? new Secret(String(value)) : value;
  }
}
