/** From zod's complaints about a parsed file to diagnostics that point into it. */
import type { z } from 'zod';
import { badInput, DiagnosticList, type Diagnostic } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { Span } from '../support/source.ts';
import { typeName } from '../support/value.ts';
import { keySpanOf, spanOf } from './positions.ts';
import { booleanHint } from './scalars.ts';
import { knownKeys } from './schema-keys.ts';

type Path = readonly PropertyKey[];

export interface SchemaContext {
  /** What is being read, for messages: `the arguments of file`, `play`. */
  readonly what: string;
  /** The schema that refused the value: its keys are suggested for misspelt ones. */
  readonly schema?: z.core.$ZodType | undefined;
  /** Where to point when the value has no place of its own. */
  readonly fallback?: Span | undefined;
  /** Stable code of the diagnostics; `invalid-value` without one. Unknown keys have `unknown-key`, absent ones `missing-key`. */
  readonly code?: string | undefined;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function child(value: unknown, key: PropertyKey): unknown {
  if (!isContainer(value) || !Object.hasOwn(value, key)) return undefined;
  // An own property of an object may be read by its key; its type stays unknown.
  return (value as Record<PropertyKey, unknown>)[key];
}

function at(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(child, root);
}

/** The place of the value at a path, or of the nearest container above it that has one. */
function spanAt(root: unknown, path: Path, fallback: Span | undefined): Span | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = at(root, path.slice(0, length - 1));
    const key = path[length - 1];
    const span = isContainer(parent) && key !== undefined ? spanOf(parent, String(key)) : undefined;
    if (span !== undefined) return span;
  }
  return (isContainer(root) ? spanOf(root) : undefined) ?? fallback;
}

/** `tasks[0].name`, as people write it. */
export function formatPath(path: Path): string {
  let out = '';
  for (const key of path) out += typeof key === 'number' ? `[${key}]` : `${out === '' ? '' : '.'}${String(key)}`;
  return out;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'null',
  undefined: 'absent',
};

/** Zod's own English texts begin with one of these; any other message was written by the schema's author. */
const DEFAULT_TEXT = /^(?:Invalid |Too (?:big|small)|Unrecognized )/;

function wanted(issue: z.core.$ZodIssue): string {
  if (!DEFAULT_TEXT.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return issue.values.length === 1 ? `must be ${String(issue.values[0])}` : `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `must ${measure(issue.origin)} ${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}${unit(issue.origin)}`;
    case 'too_big':
      return `must ${measure(issue.origin)} ${issue.inclusive === false ? 'less than' : 'at most'} ${String(issue.maximum)}${unit(issue.origin)}`;
    case 'invalid_format':
      return issue.format === 'regex' && issue.pattern !== undefined ? `must match ${issue.pattern}` : `must be a valid ${issue.format}`;
    case 'not_multiple_of':
      return `must be a multiple of ${String(issue.divisor)}`;
    case 'invalid_union':
      return alternatives(issue.errors);
    case 'invalid_key':
      return `has a key that ${issue.issues.map(wanted).join(' and ')}`;
    case 'invalid_element':
    case 'unrecognized_keys':
    case 'custom':
      return issue.message;
  }
}

function measure(origin: string): string {
  return origin === 'string' || origin === 'array' || origin === 'set' ? 'have' : 'be';
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' ? ' entries' : '';
}

function alternatives(branches: readonly (readonly z.core.$ZodIssue[])[]): string {
  const texts = branches.map((issues) => issues.map((issue) => wanted(issue)).join(' and '));
  const words = [...new Set(texts)].map((text, i) => (i === 0 ? text : text.replace(/^must be /, '')));
  return words.length === 0 ? 'has no form that is known here' : words.join(', or ');
}

/** Of a union's branches, the one that got furthest into the value says what the user meant. */
function deepest(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const depth = (issues: readonly z.core.$ZodIssue[]): number => Math.max(0, ...issues.map((issue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)));
  const ranked = branches.map((issues) => ({ issues, depth: depth(issues) })).sort((a, b) => b.depth - a.depth);
  const [first, second] = ranked;
  return first !== undefined && first.depth > (second?.depth ?? 0) ? first.issues : undefined;
}

function diagnose(issue: z.core.$ZodIssue, above: Path, root: unknown, context: SchemaContext): Diagnostic[] {
  const path = [...above, ...issue.path];
  const name = formatPath(path);
  const value = at(root, path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(context.schema, path);
    return issue.keys.map((key) =>
      badInput('unknown-key', `${key} is not known in ${name === '' ? context.what : `${name} of ${context.what}`}`, {
        span: (isContainer(value) ? keySpanOf(value, key) : undefined) ?? spanAt(root, path, context.fallback),
        remedy: suggestion(key, known),
      }),
    );
  }
  if (issue.code === 'invalid_union') {
    const branch = deepest(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => diagnose(inner, path, root, context));
  }
  if (value === undefined && path.length > 0) {
    return [
      badInput('missing-key', `${name} is missing in ${context.what}`, {
        span: spanAt(root, path, context.fallback),
        detail: `${name} ${wanted(issue)}`,
      }),
    ];
  }
  const close = issue.code === 'invalid_value' && typeof value === 'string' ? suggestion(value, issue.values.map(String)) : undefined;
  return [
    badInput(context.code ?? 'invalid-value', `${name === '' ? context.what : name} ${wanted(issue)}`, {
      span: spanAt(root, path, context.fallback),
      detail: [name === '' ? undefined : `in ${context.what}`, `found ${found(value)}`].filter((text) => text !== undefined).join(', '),
      remedy: expectsBoolean(issue) ? (booleanHint(value) ?? close) : close,
    }),
  ];
}

function found(value: unknown): string {
  const shown = typeof value === 'string' ? JSON.stringify(value) : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  return shown !== undefined && shown.length <= 60 ? `${typeName(value)}: ${shown}` : typeName(value);
}

function expectsBoolean(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_type') return issue.expected === 'boolean';
  return issue.code === 'invalid_union' && issue.errors.some((branch) => branch.some(expectsBoolean));
}

/**
 * One diagnostic for every complaint, each at its key or value.
 *
 * @param root the value that the schema refused, as `parseYaml` gave it
 */
export function schemaErrors(error: z.core.$ZodError, root: unknown, context: SchemaContext): DiagnosticList {
  const [first, ...others] = error.issues.flatMap((issue) => diagnose(issue, [], root, context));
  if (first === undefined) throw new Error('a schema refused a value without saying why', { cause: error });
  return new DiagnosticList([first, ...others]);
}
