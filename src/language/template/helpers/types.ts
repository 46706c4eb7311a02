/** What a template helper is. Helpers are pure; each carries its own text and an example that a test runs. */
import { Secret } from '../../../support/secret.ts';
import { isList, isMap, typeName, type Value, type ValueMap } from '../../../support/value.ts';
import { HelperProblem } from '../problems.ts';

export type HelperGroup = 'Missing values' | 'Comparing' | 'Text' | 'Lists and maps' | 'Numbers and types' | 'Formats and encodings' | 'Paths and networks';

interface HelperText {
  readonly name: string;
  readonly group: HelperGroup;
  /** How it is called, without braces: `join list separator`. */
  readonly usage: string;
  /** One sentence, no final full stop. */
  readonly summary: string;
  readonly example: { readonly template: string; readonly variables?: ValueMap; readonly result: Value };
  readonly min: number;
  /** Most arguments taken; Infinity for any number. */
  readonly max: number;
  /** Names of `name=value` arguments. */
  readonly options?: readonly string[];
}

/**
 * How a helper meets secrets:
 * - `keep`: it moves values about without looking into them, so it gets secrets as they are;
 * - `reveal`: it gets their texts, and every text and number that it returns is a secret;
 * - `contain`: the same, but what it returns shows the secrets unaltered, so they need no mask of their own;
 * - `measure`: it gets their texts, and what it returns tells nothing worth hiding (equal or not, how long);
 * - `refuse`: a secret is an error.
 */
export type SecretRule = 'keep' | 'reveal' | 'contain' | 'measure' | 'refuse';

export interface PlainHelper extends HelperText {
  readonly kind: 'plain';
  readonly secrets: SecretRule;
  /** @throws HelperProblem */
  call(args: readonly Value[], options: ValueMap): Value;
}

/** An argument that is evaluated when, and only if, it is asked for. */
export interface LazyArgument {
  /** @throws Diagnostic when a variable in it is undefined */
  value(): Value;
  /** Undefined when the argument is the name of a variable, or of a part of one, that does not exist. */
  optional(): Value | undefined;
  /** @throws Diagnostic when the value is neither true nor false in a clear way */
  truth(): boolean;
}

export interface LazyHelper extends HelperText {
  readonly kind: 'lazy';
  call(args: readonly LazyArgument[]): Value;
}

/** What it gives is not here: its one argument, written out as text, says where, so that it can be asked for before a run begins. */
export interface ReferenceHelper extends HelperText {
  readonly kind: 'reference';
  /** What a `!secret` would have in its place; undefined when the text is of another form. */
  reference(text: string): string | undefined;
}

export type Helper = PlainHelper | LazyHelper | ReferenceHelper;

/** The n-th argument (from 0) as text. @throws HelperProblem */
export function text(args: readonly Value[], n: number, what = ordinal(n)): string {
  const value = args[n];
  if (typeof value === 'string') return value;
  if (value instanceof Secret) throw new HelperProblem(`the ${what} argument must not be a secret`);
  throw new HelperProblem(`the ${what} argument must be a string, is ${typeName(value)}`, 'turn it into text with (string …)');
}

/** Text, or a number or boolean written as text. @throws HelperProblem */
export function scalarText(value: Value | undefined, what: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new HelperProblem(`${what} must be text, a number or a boolean, is ${typeName(value)}`);
}

export function list(args: readonly Value[], n: number): readonly Value[] {
  const value = args[n];
  if (isList(value)) return value;
  throw new HelperProblem(`the ${ordinal(n)} argument must be a list, is ${typeName(value)}`);
}

export function map(args: readonly Value[], n: number): ValueMap {
  const value = args[n];
  if (isMap(value)) return value;
  throw new HelperProblem(`the ${ordinal(n)} argument must be a map, is ${typeName(value)}`);
}

export function number(args: readonly Value[], n: number): number {
  const value = args[n];
  if (typeof value === 'number') return value;
  throw new HelperProblem(`the ${ordinal(n)} argument must be a number, is ${typeName(value)}`, 'turn text into a number with (int …)');
}

/** @param least smallest number taken */
export function integer(args: readonly Value[], n: number, least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER): number {
  const value = number(args, n);
  if (!Number.isSafeInteger(value)) throw new HelperProblem(`the ${ordinal(n)} argument must be an integer`);
  if (value < least || value > most) throw new HelperProblem(`the ${ordinal(n)} argument must be from ${String(least)} to ${String(most)}`);
  return value;
}

export function flag(options: ValueMap, name: string): boolean {
  const value = options[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new HelperProblem(`${name}= must be true or false, is ${typeName(value)}`);
}

/** A map entry that the map itself holds; nothing inherited. */
export function own(container: ValueMap, key: string): Value | undefined {
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function ordinal(n: number): string {
  return ['first', 'second', 'third', 'fourth'][n] ?? `${String(n + 1)}th`;
}
