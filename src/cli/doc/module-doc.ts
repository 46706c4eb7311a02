/** A module's reference as data, read from its zod schema; text and Markdown are two renderings of it. */
import type { Module, ModuleExample } from '../../modules/define.ts';
import { modules } from '../../modules/registry.ts';
import { choicesOf, inputSchema, nestedObjects, typeWords, type JsonSchema } from './json-schema.ts';

export interface ArgumentDoc {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  /** As JSON; undefined when there is none. */
  readonly default: string | undefined;
  readonly choices: readonly string[];
  readonly text: string | undefined;
  /** Never shown in output. */
  readonly secret: boolean;
  /** The value that a plain string after the module's name fills. */
  readonly freeForm: boolean;
  readonly nested: readonly ArgumentDoc[];
}

export interface ModuleDoc {
  readonly name: string;
  readonly summary: string;
  readonly description: string | undefined;
  readonly arguments: readonly ArgumentDoc[];
  readonly examples: readonly ModuleExample[];
  readonly returns: readonly { readonly name: string; readonly text: string }[];
}

interface Marks {
  readonly secretArgs: readonly string[];
  readonly freeForm: string | undefined;
}

export function argumentDocs(schema: JsonSchema, marks: Marks): ArgumentDoc[] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    type: typeWords(field),
    required: schema.required?.includes(name) === true,
    default: field.default === undefined ? undefined : JSON.stringify(field.default),
    choices: (choicesOf(field) ?? []).map((choice) => (typeof choice === 'string' ? choice : JSON.stringify(choice))),
    text: field.description,
    secret: marks.secretArgs.includes(name),
    freeForm: marks.freeForm === name,
    nested: merged(nestedObjects(field).flatMap((inner) => argumentDocs(inner, { secretArgs: [], freeForm: undefined }))),
  }));
}

/** One entry a name; a name that several alternatives share is required only when all of them require it. */
function merged(docs: readonly ArgumentDoc[]): ArgumentDoc[] {
  const byName = new Map<string, ArgumentDoc>();
  for (const doc of docs) {
    const before = byName.get(doc.name);
    byName.set(doc.name, before === undefined ? doc : { ...before, required: before.required && doc.required });
  }
  return [...byName.values()];
}

/** Required arguments first, then by name: what a reader looks for. */
function ordered(docs: readonly ArgumentDoc[]): ArgumentDoc[] {
  return [...docs].sort((a, b) => Number(b.required) - Number(a.required) || a.name.localeCompare(b.name, 'en'));
}

/** Every module by name. */
export function sortedModules(): Module[] {
  return [...modules.values()];
}

export function moduleDoc(module: Module): ModuleDoc {
  const schema = inputSchema(module.args);
  // A module with alternative sets of arguments is a union at the top.
  const tops = schema.properties === undefined ? [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])] : [schema];
  const all = tops.flatMap((top) => argumentDocs(top, module));
  return {
    name: module.name,
    summary: module.summary,
    description: module.description,
    arguments: ordered(merged(all)),
    examples: module.examples,
    returns: Object.entries(module.returns).map(([name, text]) => ({ name, text })),
  };
}

/** Paths of arguments without a text, `a.b` for nested ones: must be empty. */
export function undocumented(docs: readonly ArgumentDoc[], prefix = ''): string[] {
  return docs.flatMap((doc) => [...(doc.text === undefined || doc.text === '' ? [`${prefix}${doc.name}`] : []), ...undocumented(doc.nested, `${prefix}${doc.name}.`)]);
}
