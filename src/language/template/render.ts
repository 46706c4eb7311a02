/** Rendering of values and of template files. */
import { badInput } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import type { SourceFile, Span } from '../../support/source.ts';
import { isList, isMap, type Value } from '../../support/value.ts';
import { isOpaque } from '../encrypted.ts';
import { copyPositions, keySpanOf, spanOf } from '../positions.ts';
import { wholeFile, type PositionedText } from '../positioned-text.ts';
import type { Scope } from '../scope-types.ts';
import { Evaluation } from './evaluate.ts';
import { jinjaInText } from './lookalikes.ts';
import { parseTemplate } from './parse.ts';
import { settle } from './settle.ts';

/** Deepest nesting of values that is rendered; more is a value that holds itself. */
const DEEPEST = 200;

/** True when rendering would change the text, or refuse it as Jinja. */
export function hasTemplate(text: string): boolean {
  return text.includes('{{') || (text.includes('{') && jinjaInText(text) !== undefined);
}

/**
 * Renders every text in a value. A text that is one whole `{{ expression }}` becomes the expression's
 * value with its type; what templates insert is never rendered again. `!secret` values are decrypted.
 * Positions are carried over to the copy. A value without templates is returned as it is.
 *
 * @param span the place of a text that stands alone; texts in maps and lists have theirs from the parser
 * @throws Diagnostic bad-input with the place inside the text
 */
export function renderValue(value: Value, scope: Scope, span?: Span): Value {
  return render(value, scope, span, 0);
}

function render(value: Value, scope: Scope, span: Span | undefined, depth: number): Value {
  if (depth > DEEPEST) throw badInput('value-too-deep', `the value is nested more than ${String(DEEPEST)} levels deep`, { span });
  if (typeof value === 'string') return hasTemplate(value) ? renderString({ text: value, span }, scope) : value;
  if (isOpaqueValue(value)) return settle(value, scope);
  if (isList(value)) {
    const items = value.map((item, i) => render(item, scope, spanOf(value, i) ?? span, depth + 1));
    return items.every((item, i) => item === value[i]) ? value : positioned(value, items);
  }
  if (isMap(value)) {
    const entries = Object.entries(value).map(([key, item]) => {
      if (key.includes('{{')) throw templateInKey(key, keySpanOf(value, key) ?? spanOf(value) ?? span);
      return [key, render(item, scope, spanOf(value, key) ?? span, depth + 1)] as const;
    });
    return entries.every(([key, item]) => item === value[key]) ? value : positioned(value, Object.fromEntries(entries));
  }
  return value;
}

function isOpaqueValue(value: Value): boolean {
  return typeof value === 'object' && value !== null && isOpaque(value);
}

function positioned<T extends object>(from: object, to: T): T {
  copyPositions(from, to);
  return to;
}

function templateInKey(key: string, span: Span | undefined): Error {
  return badInput('template-in-key', `the key ${key} holds a template: keys are not rendered`, { span, remedy: 'build the map with a helper: "{{ dict key value }}"' });
}

function renderString(source: PositionedText, scope: Scope): Value {
  const program = parseTemplate(source);
  const evaluation = new Evaluation(source, scope);
  const [only, ...more] = program.body;
  if (only?.type === 'MustacheStatement' && more.length === 0) return evaluation.native(only);
  return evaluation.text(program);
}

/**
 * Renders a whole template file.
 *
 * @returns a secret when any part of it is one
 * @throws Diagnostic bad-input with file, line and column in that file
 */
export function renderText(file: SourceFile, scope: Scope): string | Secret {
  const source = wholeFile(file);
  return new Evaluation(source, scope).text(parseTemplate(source));
}
