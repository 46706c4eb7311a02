/** JSON Schemas of tasks and plays for editors: keywords of the language and arguments of every module. */
import { z } from 'zod';
import { BLOCK_KEYWORDS, HANDLER_KEYWORDS, PLAY_KEYWORDS, ROLE_USE_KEYWORDS, TASK_KEYWORDS } from '../../language/playbook/keywords.ts';
import type { Module } from '../../modules/define.ts';
import { inputSchema, type JsonSchema } from '../doc/json-schema.ts';

/** Any value may come from a template, whatever its type is afterwards. */
const TEMPLATE: JsonSchema = { type: 'string', pattern: '\\{\\{' };

function isPlainString(schema: JsonSchema): boolean {
  return schema.type === 'string' && schema.enum === undefined && schema.pattern === undefined && schema.const === undefined;
}

/** The schema with templates allowed in place of every value that is not free text anyway. */
export function allowTemplates(schema: JsonSchema): JsonSchema {
  if (isPlainString(schema)) return schema;
  const { description, default: preset, ...rest } = schema;
  const inner: JsonSchema = {
    ...rest,
    ...(schema.properties === undefined ? {} : { properties: mapValues(schema.properties, allowTemplates) }),
    ...(typeof schema.items === 'object' ? { items: allowTemplates(schema.items) } : {}),
    ...(typeof schema.additionalProperties === 'object' ? { additionalProperties: allowTemplates(schema.additionalProperties) } : {}),
  };
  const alternatives = schema.anyOf ?? [inner];
  return {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
    anyOf: [...alternatives, TEMPLATE],
  };
}

function mapValues(record: Readonly<Record<string, JsonSchema>>, change: (schema: JsonSchema) => JsonSchema): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** What may stand after a module's name: its arguments, a plain string where it takes one, nothing where nothing is required. */
function moduleValue(module: Module): JsonSchema {
  const args = inputSchema(module.args);
  const templated: JsonSchema = args.properties === undefined ? args : { ...args, properties: mapValues(args.properties, allowTemplates) };
  const alternatives: JsonSchema[] = [templated];
  if (module.freeForm !== undefined) alternatives.push({ type: 'string' });
  if ((args.required ?? []).length === 0) alternatives.push({ type: 'null' });
  const [only] = alternatives;
  const text = `${module.summary}.`;
  return alternatives.length === 1 && only !== undefined ? { description: text, ...only } : { description: text, anyOf: alternatives };
}

function keywords(shape: Readonly<Record<string, z.ZodType>>): Record<string, JsonSchema> {
  return { ...inputSchema(z.strictObject(shape)).properties };
}

const TASKS: JsonSchema = { type: 'array', items: { $ref: '#/definitions/task' } };
const HANDLERS: JsonSchema = { type: 'array', items: { $ref: '#/definitions/handler' } };
const withTexts = (properties: Readonly<Record<string, JsonSchema>>, lists: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> => ({
  ...properties,
  ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, { description: properties[name]?.description ?? '', ...list }])),
});

const INCLUDES = ['import_tasks', 'include_tasks', 'import_role', 'include_role'] as const;
const text: JsonSchema = { type: 'string' };
const TASKS_TARGET: JsonSchema = { anyOf: [text, { type: 'object', properties: { file: text }, required: ['file'], additionalProperties: false }] };
const ROLE_TARGET: JsonSchema = { anyOf: [text, { type: 'object', properties: { name: text, tasks_from: text }, required: ['name'], additionalProperties: false }] };
const INCLUDE_PROPERTIES: Readonly<Record<(typeof INCLUDES)[number], JsonSchema>> = {
  import_tasks: { description: 'Tasks of a file, read before the run', ...TASKS_TARGET },
  include_tasks: { description: 'Tasks of a file, read when the task is reached', ...TASKS_TARGET },
  import_role: { description: 'Tasks of a role, read before the run', ...ROLE_TARGET },
  include_role: { description: 'Tasks of a role, read when the task is reached', ...ROLE_TARGET },
};

/** The definitions that playbook and task file share. */
export function taskDefinitions(modules: readonly Module[]): Record<string, JsonSchema> {
  const task = { ...keywords(TASK_KEYWORDS), ...Object.fromEntries(modules.map((module) => [module.name, { $ref: `#/definitions/module_${module.name}` }])) };
  const closed = (properties: Record<string, JsonSchema>): JsonSchema => ({ type: 'object', properties, patternProperties: { '^ansible\\.(builtin|posix)\\.|^community\\.': {} }, additionalProperties: false });
  return {
    ...Object.fromEntries(modules.map((module) => [`module_${module.name}`, moduleValue(module)])),
    // if/then keeps an editor's complaint about the one shape that was meant.
    task: {
      type: 'object',
      if: { required: ['block'] },
      then: { $ref: '#/definitions/block' },
      else: {
        if: { anyOf: INCLUDES.map((word) => ({ required: [word] })) },
        then: { $ref: '#/definitions/inclusion' },
        else: { $ref: '#/definitions/moduleTask' },
      },
    },
    moduleTask: closed(task),
    handler: closed({ ...task, ...keywords(HANDLER_KEYWORDS) }),
    block: { type: 'object', properties: withTexts(keywords(BLOCK_KEYWORDS), { block: TASKS, rescue: TASKS, always: TASKS }), additionalProperties: false },
    inclusion: { type: 'object', properties: { ...keywords(TASK_KEYWORDS), ...INCLUDE_PROPERTIES }, additionalProperties: false },
    role: { anyOf: [text, { type: 'object', properties: keywords(ROLE_USE_KEYWORDS), anyOf: [{ required: ['role'] }, { required: ['name'] }] }] },
    play: {
      type: 'object',
      if: { required: ['import_playbook'] },
      then: { properties: { import_playbook: text, name: text, tags: keywords(PLAY_KEYWORDS)['tags'] ?? {}, vars: { type: 'object' } }, additionalProperties: false },
      else: {
        properties: withTexts(keywords(PLAY_KEYWORDS), { pre_tasks: TASKS, tasks: TASKS, post_tasks: TASKS, handlers: HANDLERS, roles: { type: 'array', items: { $ref: '#/definitions/role' } } }),
        required: ['hosts'],
        additionalProperties: false,
      },
    },
  };
}
