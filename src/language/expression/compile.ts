/** Conditions and other expressions of playbooks: CEL (https://cel.dev), strict. */
import type { ParseResult } from '@marcbachmann/cel-js';
import type { Span } from '../../support/source.ts';
import { Secret } from '../../support/secret.ts';
import { typeName, type Value } from '../../support/value.ts';
import type { PositionedText } from '../positioned-text.ts';
import type { Scope } from '../scope-types.ts';
import { analyse, type Analysis } from './analysis.ts';
import { Conversion } from './convert.ts';
import { checker, evaluator, withEvaluation } from './environment.ts';
import { CONSTANTS } from './lookalikes.ts';
import { evaluationProblem, expressionProblem, staticProblem, undefinedVariable } from './problems.ts';

export interface Expression {
  readonly text: string;
  /** Root names of the variables that must exist when it is evaluated, each once, sorted. */
  readonly variables: readonly string[];
  /**
   * The value. When a secret was looked at on the way, texts and numbers in it are secrets.
   *
   * @throws Diagnostic bad-input
   */
  evaluate(scope: Scope): Value;
  /** As `evaluate`, for a result that must be true or false. @throws Diagnostic bad-input */
  test(scope: Scope): boolean;
}

interface Compiled {
  readonly program: ParseResult;
  readonly analysis: Analysis;
  /** CEL's name of the result's type; `dyn` when it depends on variables. */
  readonly type: string;
}

const CACHE_LIMIT = 10_000;
const cache = new Map<string, Compiled>();

/**
 * @param span where the text stands in its file
 * @throws Diagnostic bad-input: syntax, unknown functions, types that cannot fit
 */
export function compileExpression(text: string, span?: Span): Expression {
  const source: PositionedText = { text, span };
  return expression(source, compile(source));
}

/** As {@link compileExpression}, and refuses an expression that can never be true or false. */
export function compileCondition(text: string, span?: Span): Expression {
  const source: PositionedText = { text, span };
  const compiled = compile(source);
  if (compiled.type !== 'bool' && compiled.type !== 'dyn') {
    throw expressionProblem(source, 0, text.length, 'expression-type', `a condition must be true or false, this is of the type ${compiled.type}`, { remedy: 'compare it: x == "…", x > 0, size(x) > 0' });
  }
  return expression(source, compiled);
}

function compile(source: PositionedText): Compiled {
  const known = cache.get(source.text);
  if (known !== undefined) return known;
  refuseBraces(source);
  if (source.text.trim() === '') throw expressionProblem(source, 0, 1, 'expression-syntax', 'the expression is empty');
  const compiled = parse(source);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(source.text, compiled);
  return compiled;
}

function refuseBraces(source: PositionedText): void {
  const at = source.text.indexOf('{{');
  if (at === -1 || !/\{\{[\s\S]*\}\}/.test(source.text)) return;
  const inner = /\{\{\s*([\s\S]*?)\s*\}\}/.exec(source.text)?.[1] ?? 'x';
  throw expressionProblem(source, at, at + 2, 'template-in-expression', 'this is an expression already: it takes no {{ … }}', { remedy: `write the variable alone: ${inner}` });
}

function parse(source: PositionedText): Compiled {
  try {
    const analysis = analyse(evaluator().parse(source.text).ast, (name) => evaluator().hasVariable(name));
    refuseMistakes(source, analysis);
    const checked = checker().check(source.text);
    if (checked.error !== undefined) throw checked.error;
    return { program: evaluator().parse(source.text), analysis, type: checked.type ?? 'dyn' };
  } catch (error) {
    throw staticProblem(source, error);
  }
}

function refuseMistakes(source: PositionedText, analysis: Analysis): void {
  for (const use of analysis.uses) {
    if (!Object.hasOwn(CONSTANTS, use.name)) continue;
    throw expressionProblem(source, use.start, use.end, 'expression-syntax', `${use.name} is Python's`, { remedy: `write ${CONSTANTS[use.name] ?? ''}; a boolean needs no comparison: x, !x` });
  }
  const [call] = analysis.matches;
  if (call !== undefined) {
    throw expressionProblem(source, call.start, call.end, 'expression-matches', 'matches() can take forever on a bad pattern', { remedy: 'write re(text, "pattern"), which takes RE2 patterns and finds them anywhere in the text' });
  }
  const [bad] = analysis.badDefined;
  if (bad !== undefined) throw expressionProblem(source, bad.start, bad.end, 'expression-type', 'defined takes the name of a variable or of a part of one', { remedy: 'write defined(x), defined(x.y) or defined("x")' });
}

function expression(source: PositionedText, compiled: Compiled): Expression {
  const { analysis } = compiled;
  const required = analysis.uses.filter((use) => !analysis.asked.has(use.name));
  const evaluate = (scope: Scope): Value => run(source, compiled, scope);
  return {
    text: source.text,
    variables: [...new Set(required.map((use) => use.name))].sort(),
    evaluate,
    test(scope) {
      const result = evaluate(scope);
      if (typeof result === 'boolean') return result;
      throw expressionProblem(source, 0, source.text.length, 'expression-type', `a condition must be true or false, this is ${result instanceof Secret ? 'a secret' : typeName(result)}`, {
        remedy: typeof result === 'string' ? 'compare it: x == "…", or convert it: bool(x)' : 'compare it: x == "…", x > 0, size(x) > 0',
      });
    },
  };
}

function run(source: PositionedText, { program, analysis }: Compiled, scope: Scope): Value {
  // Every name must be known, also on the side of || that is not reached today; only defined() excuses.
  for (const use of analysis.uses) if (!analysis.asked.has(use.name) && !scope.has(use.name)) throw undefinedVariable(source, scope, use);
  const conversion = new Conversion(scope);
  const context: Record<string, unknown> = {};
  for (const { name } of analysis.uses) {
    Object.defineProperty(context, name, { configurable: true, enumerable: true, get: () => (scope.has(name) ? conversion.toCel(scope.get(name)) : undefined) });
  }
  try {
    const result: unknown = withEvaluation({ scope, conversion }, () => program(context) as unknown);
    return conversion.fromCel(result);
  } catch (error) {
    throw evaluationProblem(source, scope, error);
  }
}
