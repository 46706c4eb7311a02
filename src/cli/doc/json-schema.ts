/** JSON Schemas from zod: one place for the settings, so that reference and editor schemas agree. */
import { z } from 'zod';
import { Secret } from '../../support/secret.ts';

/** A JSON Schema (draft 7) as plain data; only the parts read here are named. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly items?: JsonSchema | boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly [other: string]: unknown;
}

/** What is written in a file for this schema: input side, draft 7 (what editors read); a secret is text there. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.bag['Class'] === Secret) jsonSchema.type = 'string';
      // Number limits that only say "a safe integer" help nobody.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.anyOf !== undefined) jsonSchema.anyOf = distinct(jsonSchema.anyOf);
    },
  });
  return asJsonSchema(made);
}

/** zod's result as the type used here, without `$schema`: only a whole file says its draft. */
export function asJsonSchema(made: object): JsonSchema {
  return Object.fromEntries(Object.entries(made).filter(([key]) => key !== '$schema'));
}

function distinct<T>(list: readonly T[]): T[] {
  const seen = new Map<string, T>();
  for (const each of list) seen.set(JSON.stringify(each), each);
  return [...seen.values()];
}

const NAMES: Readonly<Record<string, string>> = { string: 'string', integer: 'integer', number: 'number', boolean: 'boolean', null: 'null' };

/** The type in words: `string`, `integer`, `list of string`, `map`, `string or list of string`. */
export function typeWords(schema: JsonSchema): string {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return [...new Set(alternatives.map(typeWords))].join(' or ');
  if (schema.allOf !== undefined) return [...new Set(schema.allOf.map(typeWords))].join(' and ');
  // Only a recursive map is referred to.
  if (schema.$ref !== undefined) return 'map';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === undefined) return schema.enum === undefined ? 'any' : [...new Set(schema.enum.map((value) => typeof value))].join(' or ');
  if (typeof schema.type !== 'string') return schema.type.map((name) => NAMES[name] ?? name).join(' or ');
  if (schema.type === 'array') return typeof schema.items === 'object' ? `list of ${typeWords(schema.items)}` : 'list';
  if (schema.type === 'object') return typeof schema.additionalProperties === 'object' && Object.keys(schema.additionalProperties).length > 0 ? `map of ${typeWords(schema.additionalProperties)}` : 'map';
  return NAMES[schema.type] ?? schema.type;
}

/** The values that alone are allowed, of this schema or of its alternatives; undefined when others are too. */
export function choicesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if (schema.enum !== undefined) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives === undefined) return undefined;
  const lists = alternatives.map(choicesOf);
  return lists.some((list) => list === undefined) ? undefined : lists.flatMap((list) => list ?? []);
}

/** The object schemas nested in a field: its own, its items', its alternatives'. */
export function nestedObjects(schema: JsonSchema): readonly JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? []), ...(typeof schema.items === 'object' ? [schema.items] : []), ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [])];
  return [...(schema.properties === undefined ? [] : [schema]), ...inner.flatMap(nestedObjects)];
}
