/** `role.yml`: what a role is for, the options it takes with their types, and what it needs. */
import { z } from 'zod';
import { badInput, DiagnosticList, type Diagnostic } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { Secret } from '../../support/secret.ts';
import type { Span } from '../../support/source.ts';
import { isList, isMap, sameValue, typeName, type Value, type ValueMap } from '../../support/value.ts';
import { isOpaque, UnsafeText } from '../encrypted.ts';
import { hasTemplate } from '../template/index.ts';
import { keySpanOf, spanOf } from '../positions.ts';

export const OPTION_TYPES = ['string', 'integer', 'number', 'boolean', 'list', 'map', 'path', 'any'] as const;
export type OptionType = (typeof OPTION_TYPES)[number];

export interface OptionSpec {
  readonly type: OptionType;
  readonly description: string;
  readonly required?: boolean | undefined;
  readonly default?: unknown;
  readonly choices?: readonly (string | number | boolean)[] | undefined;
  /** Type of a list's items. */
  readonly elements?: OptionType | undefined;
  /** Keys of a map, or of each map of a list. */
  readonly options?: Readonly<Record<string, OptionSpec>> | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly pattern?: string | undefined;
  /** The value must be a secret (`!secret`, or from a template of one). */
  readonly secret?: boolean | undefined;
}

const optionSchema: z.ZodType<OptionSpec> = z.lazy(() =>
  z.strictObject({
    type: z.enum(OPTION_TYPES).describe('Type of the value'),
    description: z.string().min(1).describe('What the option is for, with its unit'),
    required: z.boolean().optional().describe('The role cannot work without it'),
    default: z.unknown().optional().describe('Value where none is given; may be a template'),
    choices: z.array(z.union([z.string(), z.number(), z.boolean()])).optional().describe('The only values allowed'),
    elements: z.enum(OPTION_TYPES).optional().describe('Type of the items of a list'),
    options: z.record(z.string(), optionSchema).optional().describe('Keys of a map, or of each map of a list'),
    minimum: z.number().optional().describe('Least value of a number'),
    maximum: z.number().optional().describe('Greatest value of a number'),
    pattern: z.string().optional().describe('Regular expression that the whole text must match; of a list, each of its texts'),
    secret: z.boolean().optional().describe('The value must be a secret'),
  }),
);

export const roleSpecSchema = z.strictObject({
  summary: z.string().min(1).describe('One sentence: what the role is for'),
  description: z.string().optional().describe('More, in Markdown'),
  options: z.record(z.string().regex(/^[a-z_][a-z0-9_]*$/, 'must be a variable name'), optionSchema).optional().describe('Variables that the role reads'),
  requires: z.array(z.string()).optional().describe('Roles that must have run before, on the same host'),
  artifacts: z.array(z.string()).optional().describe('Names of upstream artefacts that the role installs'),
});
export type RoleSpec = z.infer<typeof roleSpecSchema>;

/** Default values of a role's options, as variables of lowest precedence. */
export function optionDefaults(spec: RoleSpec, raw: ValueMap): ValueMap {
  const rawOptions = isMap(raw['options']) ? raw['options'] : {};
  const defaults: Record<string, Value> = {};
  for (const name of Object.keys(spec.options ?? {})) {
    const option = rawOptions[name];
    if (isMap(option) && Object.hasOwn(option, 'default')) defaults[name] = option['default'] ?? null;
  }
  return defaults;
}

interface Place {
  readonly container: object | undefined;
  readonly key: string | number;
  readonly fallback: Span | undefined;
}

function placeSpan(place: Place): Span | undefined {
  return (place.container === undefined ? undefined : spanOf(place.container, place.key)) ?? place.fallback;
}

function hasType(type: OptionType, value: Value): boolean {
  switch (type) {
    case 'any':
      return true;
    case 'string':
      return typeof value === 'string' || value instanceof Secret;
    case 'path':
      return typeof value === 'string' && value.startsWith('/');
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'list':
      return isList(value);
    case 'map':
      return isMap(value);
  }
}

const TYPE_WORDS: Readonly<Record<OptionType, string>> = {
  any: 'anything',
  string: 'a string',
  path: 'an absolute path',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  list: 'a list',
  map: 'a map',
};

/**
 * Checks one value against its option.
 *
 * @param name the option, for messages, e.g. `base_users[0].name`
 * @param value rendered, or raw: parts that still hold templates are passed over
 * @param fallback the place to name when the value's own is not known
 * @returns what is wrong, an empty list when nothing is
 */
export function checkOption(name: string, option: OptionSpec, value: Value, container: object | undefined, key: string | number, fallback?: Span): readonly Diagnostic[] {
  if (typeof value === 'string' && hasTemplate(value)) return [];
  if (value === null && option.required !== true) return [];
  const span = placeSpan({ container, key, fallback });
  const wrong = (summary: string, remedy?: string): readonly Diagnostic[] => [badInput('bad-role-option', summary, { span, detail: option.description, remedy })];
  const opaque: unknown = value;
  if (opaque instanceof UnsafeText) return checkOption(name, option, opaque.text, container, key, fallback);
  // What is encrypted is text, and a secret; more can't be told without a key.
  if (isOpaque(opaque)) return option.type === 'string' || option.type === 'any' ? [] : wrong(`${name} must be ${TYPE_WORDS[option.type]}, not an encrypted text`);
  if (!hasType(option.type, value)) return wrong(`${name} must be ${TYPE_WORDS[option.type]}, not ${typeName(value)}`);
  if (option.secret === true && typeof value === 'string' && value !== '') return wrong(`${name} must be a secret, not plain text`, 'encrypt it: care-provision secrets encrypt, and put the result in as !secret');
  if (option.choices !== undefined && !option.choices.some((c) => sameValue(c, value))) {
    return wrong(`${name} must be one of ${option.choices.map(String).join(', ')}`, typeof value === 'string' ? suggestion(value, option.choices.map(String)) : undefined);
  }
  if (typeof value === 'number' && option.minimum !== undefined && value < option.minimum) return wrong(`${name} must be at least ${String(option.minimum)}`);
  if (typeof value === 'number' && option.maximum !== undefined && value > option.maximum) return wrong(`${name} must be at most ${String(option.maximum)}`);
  if (typeof value === 'string' && option.pattern !== undefined && !new RegExp(`^(?:${option.pattern})$`).test(value)) return wrong(`${name} must match ${option.pattern}`);
  if (isMap(value)) return checkKeys(name, option, value, span);
  if (isList(value)) return value.flatMap((item, i) => checkItem(`${name}[${String(i)}]`, option, item, value, i, span));
  return [];
}

function checkItem(name: string, option: OptionSpec, item: Value, list: readonly Value[], index: number, fallback: Span | undefined): readonly Diagnostic[] {
  const elements = option.elements ?? (option.options === undefined ? 'any' : 'map');
  return checkOption(name, { type: elements, description: option.description, required: true, options: option.options, choices: elements === 'map' ? undefined : option.choices, pattern: elements === 'map' ? undefined : option.pattern }, item, list, index, fallback);
}

function checkKeys(name: string, option: OptionSpec, value: ValueMap, fallback: Span | undefined): readonly Diagnostic[] {
  const known = option.options;
  if (known === undefined) return [];
  const problems: Diagnostic[] = [];
  for (const key of Object.keys(value)) {
    const sub = known[key];
    if (sub === undefined) {
      problems.push(badInput('unknown-role-option', `${name} has no key ${key}`, { span: keySpanOf(value, key) ?? fallback, remedy: suggestion(key, Object.keys(known)) }));
    } else problems.push(...checkOption(`${name}.${key}`, sub, value[key] ?? null, value, key, fallback));
  }
  for (const [key, sub] of Object.entries(known)) {
    if (sub.required === true && !Object.hasOwn(value, key)) problems.push(badInput('missing-role-option', `${name} needs the key ${key}`, { span: fallback, detail: sub.description }));
  }
  return problems;
}

/** Throws one error for all problems, when there are any. */
export function throwProblems(problems: readonly Diagnostic[]): void {
  const [first, ...rest] = problems;
  if (first !== undefined) throw new DiagnosticList([first, ...rest]);
}
