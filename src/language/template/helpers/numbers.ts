/** Arithmetic and conversions. */
import { typeName, type Value } from '../../../support/value.ts';
import { HelperProblem } from '../problems.ts';
import { number, scalarText, type Helper } from './types.ts';

function exact(result: number): number {
  if (!Number.isFinite(result)) throw new HelperProblem('the result is not a number');
  if (Number.isInteger(result) && !Number.isSafeInteger(result)) throw new HelperProblem('the result is too large to be exact (2^53)');
  return result;
}

function arithmetic(name: string, summary: string, result: number, calculate: (a: number, b: number) => number): Helper {
  return {
    name, group: 'Numbers and types', usage: `${name} a b`, summary,
    example: { template: `{{ ${name} 7 2 }}`, result },
    min: 2, max: 2, kind: 'plain', secrets: 'refuse',
    call: (args) => exact(calculate(number(args, 0), number(args, 1))),
  };
}

function notZero(divisor: number): number {
  if (divisor === 0) throw new HelperProblem('division by zero');
  return divisor;
}

function toInteger(value: Value | undefined): number {
  if (typeof value === 'number') return exact(Math.trunc(value));
  if (typeof value === 'string' && /^\s*[-+]?\d+\s*$/.test(value)) return exact(Number(value));
  throw new HelperProblem(typeof value === 'string' ? 'the text is not an integer in decimal digits' : `${typeName(value)} cannot become an integer`);
}

function toBoolean(value: Value | undefined): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 1 || (typeof value === 'string' && /^(?:yes|on|true|y|1)$/i.test(value))) return true;
  if (value === 0 || (typeof value === 'string' && /^(?:no|off|false|n|0)$/i.test(value))) return false;
  throw new HelperProblem(`${typeName(value)} of this content cannot become a boolean`, 'known are: yes, no, on, off, true, false, y, n, 1, 0');
}

export const NUMBER_HELPERS: readonly Helper[] = [
  arithmetic('add', 'a + b', 9, (a, b) => a + b),
  arithmetic('sub', 'a − b', 5, (a, b) => a - b),
  arithmetic('mul', 'a × b', 14, (a, b) => a * b),
  arithmetic('div', 'The whole part of a ÷ b when both are integers, else a ÷ b', 3, (a, b) => {
    const quotient = a / notZero(b);
    return Number.isInteger(a) && Number.isInteger(b) ? Math.trunc(quotient) : quotient;
  }),
  arithmetic('mod', 'What is left of a after dividing by b; has the sign of a', 1, (a, b) => a % notZero(b)),
  arithmetic('min', 'The smaller one', 2, (a, b) => Math.min(a, b)),
  arithmetic('max', 'The larger one', 7, (a, b) => Math.max(a, b)),
  {
    name: 'int', group: 'Numbers and types', usage: 'int value', summary: 'The value as an integer; fractions are cut off; other text is an error',
    example: { template: '{{ int "42" }}', result: 42 },
    min: 1, max: 1, kind: 'plain', secrets: 'refuse', call: ([value]) => toInteger(value),
  },
  {
    name: 'string', group: 'Numbers and types', usage: 'string value', summary: 'A number or boolean as text',
    example: { template: '{{ string 42 }}', result: '42' },
    min: 1, max: 1, kind: 'plain', secrets: 'contain', call: ([value]) => scalarText(value, 'the argument'),
  },
  {
    name: 'bool', group: 'Numbers and types', usage: 'bool value', summary: 'yes, on, true, y, 1 as true and their opposites as false; anything else is an error',
    example: { template: '{{ bool "yes" }}', result: true },
    min: 1, max: 1, kind: 'plain', secrets: 'refuse', call: ([value]) => toBoolean(value),
  },
];
