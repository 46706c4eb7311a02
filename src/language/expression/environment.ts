/** The dialect of CEL that conditions are written in: the library's, made strict, with a few functions. */
import { Environment, EvaluationError, type ASTNode } from '@marcbachmann/cel-js';
import { RE2JS, RE2JSException } from 're2js';
import type { Scope } from '../scope-types.ts';
import { fromJson } from '../template/helpers/encoding.ts';
import { HelperProblem } from '../template/problems.ts';
import { Conversion } from './convert.ts';
import { versionHolds } from './versions.ts';

/** Thrown where two types are compared that can never be equal. */
export class NeverEqual extends Error {
  override readonly name = 'NeverEqual';
  readonly left: string;
  readonly right: string;
  readonly start: number;
  readonly end: number;

  constructor(left: string, right: string, node: { readonly start: number; readonly end: number }) {
    super(`${left} is compared with ${right}`);
    this.left = left;
    this.right = right;
    this.start = node.start;
    this.end = node.end;
  }
}

/** What a function of ours throws for an argument that it cannot take. Never holds a value. */
export class FunctionProblem extends Error {
  override readonly name = 'FunctionProblem';
}

/** The evaluation going on; evaluation is synchronous, so there is one at a time, or a stack of them. */
export interface Evaluating {
  readonly scope: Scope;
  readonly conversion: Conversion;
}
const evaluating: Evaluating[] = [];

export function withEvaluation<T>(state: Evaluating, run: () => T): T {
  evaluating.push(state);
  try {
    return run();
  } finally {
    evaluating.pop();
  }
}

function now(): Evaluating {
  const state = evaluating.at(-1);
  if (state === undefined) throw new Error('an expression is evaluated outside of an evaluation');
  return state;
}

/** The names in `x`, `"x"`, `x.y` or `"x.y"`, or undefined for anything else. */
export function definedPath(node: ASTNode | undefined): readonly string[] | undefined {
  if (node?.op === 'id') return [node.args];
  if (node?.op === 'value') return typeof node.args === 'string' ? node.args.split('.') : undefined;
  if (node?.op === '.' || node?.op === '.?') {
    const before = definedPath(node.args[0]);
    return before === undefined ? undefined : [...before, node.args[1]];
  }
  if (node?.op === '[]') {
    const [base, key] = node.args;
    const before = definedPath(base);
    return before === undefined || key.op !== 'value' || typeof key.args !== 'string' ? undefined : [...before, key.args];
  }
  return undefined;
}

function isDefined(path: readonly string[], { scope, conversion }: Evaluating): boolean {
  const [root = '', ...keys] = path;
  if (!scope.has(root)) return false;
  let at = keys.length === 0 ? null : conversion.toCel(scope.get(root));
  for (const key of keys) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, key)) return false;
    at = Reflect.get(at, key);
  }
  return true;
}

const patterns = new Map<string, RE2JS>();

/** RE2 syntax: linear time whatever the pattern, unlike JavaScript's own. */
function matches(text: string, pattern: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    try {
      compiled = RE2JS.compile(pattern);
    } catch (error) {
      if (error instanceof RE2JSException) throw new FunctionProblem('the pattern is not a regular expression (RE2 syntax)');
      throw error;
    }
    if (patterns.size > 1000) patterns.clear();
    patterns.set(pattern, compiled);
  }
  return compiled.matcher(text).find();
}

interface LooseEvaluator {
  run(ast: ASTNode, context: unknown): unknown;
  debugType(value: unknown): unknown;
  tryEval?: unknown;
  debugTypeDeep?: unknown;
}

/**
 * CEL lets `a || b` be true when `a` fails, so that a misspelt name passes unseen; and it takes a list's
 * type from its first item. Both live in two methods of the library's evaluator, which a macro can reach.
 * `test/unit/language/expression` holds the library to this.
 */
function makeStrict(environment: Environment): void {
  environment.registerFunction('care_strict(ast): bool', () => ({
    typeCheck: (checker: { getType(name: string): unknown }) => checker.getType('bool'),
    evaluate(evaluator: LooseEvaluator): boolean {
      if (typeof evaluator.tryEval !== 'function' || typeof evaluator.debugTypeDeep !== 'function') throw new Error('the CEL library has changed: its evaluator cannot be made strict');
      evaluator.tryEval = (ast: ASTNode, context: unknown) => evaluator.run(ast, context);
      evaluator.debugTypeDeep = (value: unknown) => evaluator.debugType(value);
      return true;
    },
  }));
  environment.evaluate('care_strict(true)');
}

/** Pairs of types of which no two values are equal; null may be compared with anything. */
const UNEQUAL: readonly (readonly [string, string])[] = ['string', 'int', 'double', 'bool', 'list', 'map'].flatMap((left, i, all) =>
  all.slice(i + 1).filter((right) => !(left === 'int' && right === 'double')).map((right) => [left, right] as const),
);

function base(): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false, enableOptionalTypes: true })
    .registerFunction('defined(ast): bool', ({ args }: { readonly args: readonly ASTNode[] }) => ({
      typeCheck: (checker: { getType(name: string): unknown }) => checker.getType('bool'),
      evaluate: () => isDefined(definedPath(args[0]) ?? [], now()),
    }))
    .registerFunction('re(string, string): bool', matches)
    .registerFunction('version_compare(string, string, string): bool', (left: string, operator: string, right: string) => {
      const holds = versionHolds(left, operator, right);
      if (holds === undefined) throw new FunctionProblem('version_compare takes one of < <= == != >= > as its second argument');
      return holds;
    })
    .registerFunction('lower(string): string', (text: string) => text.toLowerCase())
    .registerFunction('upper(string): string', (text: string) => text.toUpperCase())
    .registerFunction('trim(string): string', (text: string) => text.trim())
    .registerFunction('split(string, string): list<string>', (text: string, separator: string) => text.split(separator))
    .registerFunction('join(list, string): string', (items: readonly unknown[], separator: string) => {
      if (!items.every((item) => typeof item === 'string')) throw new FunctionProblem('join takes a list of strings: turn its items into text with .map(i, string(i))');
      return items.join(separator);
    })
    .registerFunction('replace(string, string, string): string', (text: string, old: string, replacement: string) => text.split(old).join(replacement))
    .registerFunction('from_json(string): dyn', (text: string) => {
      try {
        return now().conversion.toCel(fromJson(text));
      } catch (error) {
        if (error instanceof HelperProblem) throw new FunctionProblem(error.message);
        throw error;
      }
    });
  return environment;
}

/** Made when it is first asked for: a playbook without conditions needs none. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** For checks before a run: knows that 1 == "a" cannot be. */
export const checker: () => Environment = once(base);
export const evaluator: () => Environment = once(() => {
  const environment = base();
  for (const [left, right] of UNEQUAL) {
    environment.registerOperator(`${left} == ${right}`, ((_a: unknown, _b: unknown, node: { readonly start: number; readonly end: number }) => {
      throw new NeverEqual(left, right, node);
    }) as (left: unknown, right: unknown) => never); // the library hands over the node as well, see its `handleBinary`
  }
  makeStrict(environment);
  return environment;
});

/** Names of all functions and methods, for suggestions. */
export function functionNames(): readonly string[] {
  return [...new Set(checker().getDefinitions().functions.map((f) => f.name))].filter((name) => !name.startsWith('care_'));
}

export { EvaluationError };
