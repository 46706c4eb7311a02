/** Turns the library's errors into ours. Values never get into a message: they may be secrets. */
import { EvaluationError, ParseError, TypeError as CelTypeError, type ASTNode } from '@marcbachmann/cel-js';
import { badInput, Diagnostic } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { spanWithin, type PositionedText } from '../positioned-text.ts';
import type { Scope } from '../scope-types.ts';
import { ResultProblem } from './convert.ts';
import { functionNames, FunctionProblem, NeverEqual } from './environment.ts';
import { explainCondition } from './lookalikes.ts';

export interface Explanation {
  readonly detail?: string | undefined;
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

export function expressionProblem(source: PositionedText, start: number, end: number, code: string, summary: string, more: Explanation = {}): Diagnostic {
  return badInput(code, summary, { ...more, span: spanWithin(source, start, Math.max(end, start + 1)) });
}

const TYPE_WORDS: Readonly<Record<string, string>> = { int: 'an integer', double: 'a fraction', string: 'a string', bool: 'a boolean', list: 'a list', map: 'a map', null: 'null', null_type: 'null', dyn: 'a value' };

function typeWord(type: string): string {
  const plain = type.replace(/^dyn<(.*)>$/, '$1').replace(/<.*>$/, '');
  return Object.hasOwn(TYPE_WORDS, plain) ? (TYPE_WORDS[plain] ?? plain) : plain;
}

/** For what is found before anything is evaluated. */
export function staticProblem(source: PositionedText, error: unknown): unknown {
  if (!(error instanceof ParseError) && !(error instanceof CelTypeError)) return error;
  const advice = explainCondition(source.text);
  if (advice !== undefined && error instanceof ParseError) return expressionProblem(source, advice.start, advice.end, 'expression-syntax', advice.summary, { remedy: advice.remedy, cause: error });
  const { start, end } = error.range ?? { start: 0, end: source.text.length };
  if (error instanceof ParseError) return expressionProblem(source, start, end, 'expression-syntax', `this is not an expression: ${firstLine(error.summary)}`, { cause: error, remedy: 'docs/templates.md, Conditions, shows how they are written' });
  return typeProblem(source, error.code, error.summary, start, end, error);
}

function typeProblem(source: PositionedText, code: string, summary: string, start: number, end: number, cause: unknown): Diagnostic {
  const call = /overload for '(?:(.*)\.)?(\w+)\((.*)\)'/.exec(summary);
  if (call !== null) {
    const [, receiver, name = '', args = ''] = call;
    const known = functionNames();
    if (!known.includes(name)) return expressionProblem(source, start, end, 'unknown-function', `there is no function ${name}`, { remedy: suggestion(name, known) ?? 'docs/templates.md lists the functions', cause });
    const taken = [receiver, ...args.split(', ')].filter((t) => t !== undefined && t !== '').map((t) => typeWord(t ?? ''));
    return expressionProblem(source, start, end, 'expression-type', `${name} does not take ${taken.join(', ') || 'no arguments'}`, { remedy: 'convert with int(…), string(…), or test with defined(…)', cause });
  }
  const binary = /no such overload: (.+?) (==|!=|<=|>=|<|>|\+|-|\*|\/|%|in) (.+)$/.exec(summary);
  if (binary !== null) {
    const [, left = '', sign = '', right = ''] = binary;
    const remedy = sign === 'in' && right === 'string' ? 'a piece of text is found with text.contains("piece")' : 'convert one: int(x), string(x), double(x)';
    return expressionProblem(source, start, end, 'expression-type', `${sign} does not work between ${typeWord(left)} and ${typeWord(right)}`, { remedy, cause });
  }
  const unary = /no such overload: ([!-])(.+)$/.exec(summary);
  if (unary !== null) return expressionProblem(source, start, end, 'expression-type', `${unary[1] ?? ''} does not work on ${typeWord(unary[2] ?? '')}`, { remedy: unary[1] === '!' ? 'compare it: x == "…", size(x) > 0' : undefined, cause });
  if (code === 'invalid_logical_operand' || code === 'invalid_condition_type') {
    const type = /got '([^']*)'/.exec(summary)?.[1] ?? 'dyn';
    return expressionProblem(source, start, end, 'expression-type', `a condition must be true or false, this is ${typeWord(type)}`, { remedy: 'compare it: x == "…", x > 0, size(x) > 0, bool(x)', cause });
  }
  return expressionProblem(source, start, end, 'expression-type', firstLine(summary), { cause });
}

/** For what turns up during evaluation. */
export function evaluationProblem(source: PositionedText, scope: Scope, error: unknown): unknown {
  if (error instanceof Diagnostic) return error;
  if (error instanceof NeverEqual) {
    return expressionProblem(source, error.start, error.end, 'expression-type', `${typeWord(error.left)} and ${typeWord(error.right)} are compared: they are never equal`, { remedy: 'convert one: int(x), string(x), bool(x)' });
  }
  if (error instanceof FunctionProblem || error instanceof ResultProblem) return expressionProblem(source, 0, source.text.length, 'expression-failed', error.message);
  if (!(error instanceof EvaluationError) && !(error instanceof CelTypeError)) return error;
  const { start, end } = error.range ?? { start: 0, end: source.text.length };
  // The library's own message quotes the values, so neither it nor the error goes along as a cause.
  switch (error.code) {
    case 'unknown_variable': {
      const name = source.text.slice(start, end);
      return undefinedVariable(source, scope, { name, start, end });
    }
    case 'no_such_key':
    case 'index_out_of_bounds':
      return missingKey(source, error.node, start, end, error.code === 'index_out_of_bounds');
    case 'no_such_overload':
    case 'no_matching_overload':
    case 'invalid_logical_operand':
    case 'invalid_condition_type':
      return typeProblem(source, error.code, error.summary, start, end, undefined);
    case 'division_by_zero':
    case 'modulo_by_zero':
      return expressionProblem(source, start, end, 'expression-failed', 'division by zero');
    default:
      return expressionProblem(source, start, end, 'expression-failed', `the expression failed here: ${error.code.replaceAll('_', ' ')}`);
  }
}

export function undefinedVariable(source: PositionedText, scope: Scope, use: { readonly name: string; readonly start: number; readonly end: number }): Diagnostic {
  return expressionProblem(source, use.start, use.end, 'undefined-variable', `the variable ${use.name} is not defined`, {
    remedy: suggestion(use.name, scope.names()) ?? `define it, or ask first: defined(${use.name}) && …`,
  });
}

function missingKey(source: PositionedText, node: ASTNode | undefined, start: number, end: number, index: boolean): Diagnostic {
  if (index) return expressionProblem(source, start, end, 'missing-key', 'the list has no such item', { remedy: 'ask first: size(list) > n' });
  const literal = node?.op === '.' || node?.op === '.?' ? node.args[1] : node?.op === '[]' && node.args[1].op === 'value' ? String(node.args[1].args) : undefined;
  const base = node?.op === '.' || node?.op === '[]' ? source.text.slice(node.args[0].start, node.args[0].end) : undefined;
  const where = base === undefined || base === '' ? 'the map' : base;
  const remedy = literal === undefined ? 'ask first: key in map' : /^\w+$/.test(literal) ? `ask first with has(${where}.${literal}), or take a default: ${where}.?${literal}.orValue(…)` : `ask first: "${literal}" in ${where}`;
  return expressionProblem(source, start, end, 'missing-key', literal === undefined ? `${where} has no such key` : `there is no ${literal} in ${where}`, { remedy });
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
