import { createRequire } from 'node:module';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { generatedFiles } from '../../../src/cli/doc/generated.ts';
import { inputSchema, typeWords } from '../../../src/cli/doc/json-schema.ts';
import { moduleDoc, sortedModules, undocumented } from '../../../src/cli/doc/module-doc.ts';
import { moduleText, wrap } from '../../../src/cli/doc/render.ts';
import { roleMarkdown, roleText } from '../../../src/cli/doc/role-doc.ts';
import { schemaFiles } from '../../../src/cli/schemas/all.ts';
import { allowTemplates } from '../../../src/cli/schemas/task-schema.ts';
import { painter } from '../../../src/cli/terminal/colour.ts';
import { defineModule } from '../../../src/modules/define.ts';
import { AbsolutePath, Mode, SecretText, StringList } from '../../../src/modules/arguments.ts';
import { ok } from '../../../src/host/plan.ts';
import type { Role } from '../../../src/language/playbook/role.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const modules = sortedModules();

/** A validator of JSON Schema draft 7. eslint brings one along; the program itself needs none. */
interface Validator {
  (data: unknown): boolean;
  errors?: { dataPath: string; message?: string; params: unknown }[] | null;
}
const fromEslint = createRequire(createRequire(import.meta.url).resolve('eslint'));
const Ajv = fromEslint('ajv') as new (options: object) => { compile(schema: object): Validator };

const schemas = schemaFiles(modules);
/** To compile one takes longer than all that is validated by it. */
const compiled = new Map<string, Validator>();
function validator(name: string): Validator {
  const text = schemas[`${name}.schema.json`];
  if (text === undefined) throw new Error(`no schema ${name}`);
  const made = compiled.get(name) ?? new Ajv({ allErrors: true }).compile(JSON.parse(text) as object);
  compiled.set(name, made);
  return made;
}

describe('generated files', () => {
  const files = generatedFiles();
  test.each(Object.keys(files))('%s is up to date (else run scripts/docs)', (path) => {
    expect(existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '').toBe(files[path]);
  });

  test('nothing else is in schemas/', () => {
    expect(readdirSync(join(root, 'schemas')).map((name) => `schemas/${name}`).sort()).toEqual(Object.keys(files).filter((path) => path.startsWith('schemas/')).sort());
  });
});

describe('every module', () => {
  const validateTasks = validator('tasks');

  test('describes every argument', () => {
    expect(modules.flatMap((module) => undocumented(moduleDoc(module).arguments).map((path) => `${module.name}: ${path}`))).toEqual([]);
  });

  test('has an example that shows it and is right', () => {
    const wrong = modules.flatMap((module) => {
      if (module.examples.length === 0) return [`${module.name}: has no example`];
      return module.examples.flatMap((example) => {
        const task: unknown = parse(example.yaml, { version: '1.2' });
        const tasks = Array.isArray(task) ? task : [task];
        if (!tasks.some((each) => typeof each === 'object' && each !== null && module.name in each)) return [`${module.name}: ${example.title}: does not use it`];
        const says = validateTasks(tasks) ? [] : (validateTasks.errors ?? []).map((error) => `${error.dataPath} ${error.message ?? ''} ${JSON.stringify(error.params)}`);
        return [...says, ...argumentProblems(module, tasks)].map((problem) => `${module.name}: ${example.title}: ${problem}`);
      });
    });
    expect(wrong).toEqual([]);
  });

  test('has a summary of one line, without a final full stop', () => {
    expect(modules.filter((module) => !/^[A-Z].*[^.\n]$/.test(module.summary)).map((module) => module.name)).toEqual([]);
  });
});

/** What zod itself says of a module's arguments where no template stands in them. */
function argumentProblems(module: (typeof modules)[number], tasks: readonly unknown[]): string[] {
  return tasks.flatMap((task) => {
    const value = z.record(z.string(), z.unknown()).parse(task)[module.name];
    if (value === undefined || JSON.stringify(value).includes('{{')) return [];
    const args = typeof value === 'string' && module.freeForm !== undefined ? { [module.freeForm]: value } : (value ?? {});
    const result = module.args.safeParse(args);
    return result.success ? [] : [z.prettifyError(result.error)];
  });
}

describe('editor schemas', () => {
  test.each([
    ['playbook', [{ hosts: 'all', become: true, roles: ['base', { role: 'pki', vars: { a: 1 } }], tasks: [{ block: [{ debug: { msg: 'x' } }], rescue: [{ fail: { msg: 'y' } }] }] }], true],
    ['playbook', [{ hosts: 'all', taks: [] }], false],
    ['playbook', [{ tasks: [] }], false],
    ['playbook', [{ import_playbook: 'other.yml' }], true],
    ['playbook', [{ hosts: 'all', tasks: [{ debug: { mesg: 'x' } }] }], false],
    ['tasks', [{ name: 'a', command: 'true', when: 'x == 1', register: 'r', until: 'r.rc == 0' }], true],
    ['tasks', [{ file: { path: '/x', state: '{{ wanted }}', mode: '0644' } }], true],
    ['tasks', [{ file: { path: '/x', state: 'directry' } }], false],
    ['tasks', [{ fil: { path: '/x' } }], false],
    ['tasks', [{ include_tasks: 'x.yml', loop: [1] }], true],
    ['tasks', [{ include_tasks: 'x.yml', listen: 'x' }], false],
    ['handlers', [{ name: 'a', service: { name: 'x', state: 'restarted' }, listen: 'b' }], true],
    ['role', { summary: 'x', options: { a: { type: 'string', description: 'y' } } }, true],
    ['role', { summary: 'x', options: { a: { type: 'text', description: 'y' } } }, false],
    ['inventory', { all: { children: { web: { hosts: { 'web[1:3]': null } } }, vars: { a: 1 } } }, true],
    ['inventory', { all: { host: {} } }, false],
    ['run-event', { type: 'retry', host: 'a', task: 't', attempt: 1, of: 3 }, true],
    ['run-event', { type: 'retry', host: 'a' }, false],
  ])('%s: %j is %s', (name, data, right) => {
    const validate = validator(name);
    expect([validate(data), right ? validate.errors : null]).toEqual([right, null]);
  });

  test('a template may stand for any value, and plain text needs no second form', () => {
    expect(allowTemplates({ type: 'integer', description: 'n' })).toEqual({ description: 'n', anyOf: [{ type: 'integer' }, { type: 'string', pattern: '\\{\\{' }] });
    expect(allowTemplates({ type: 'string' })).toEqual({ type: 'string' });
  });

  test('identities carry the version', () => {
    for (const text of Object.values(schemaFiles([]))) expect(JSON.parse(text)).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', $id: expect.stringMatching(/^urn:care-provision:schema:[a-z-]+:\d+\.\d+$/) as string });
  });
});

describe('examples in the book', () => {
  const blocks = readdirSync(join(root, 'docs'))
    .filter((name) => ['playbooks.md', 'getting-started.md'].includes(name))
    .flatMap((name) => [...readFileSync(join(root, 'docs', name), 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)].map((match) => [name, match[1] ?? ''] as const))
    .filter(([, text]) => !text.startsWith('# yaml-language-server'));

  test.each(blocks.map(([name, text], i) => [`${name}, example ${String(i + 1)}`, text] as const))('%s', (_name, text) => {
    const content: unknown = parse(text, { version: '1.2' });
    const name = Array.isArray(content) ? 'playbook' : text.includes('summary:') ? 'role' : 'inventory';
    const validate = validator(name);
    expect([validate(content), validate.errors]).toEqual([true, null]);
  });

  test('are found', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(4);
  });
});

describe('the reference', () => {
  const toy = defineModule({
    name: 'toy',
    summary: 'Play',
    description: 'A first paragraph\nin two lines.\n\n- one\n- two',
    args: z.strictObject({
      path: AbsolutePath.describe('Where'),
      mode: Mode.optional().describe('Permissions'),
      content: SecretText.optional().describe('Text'),
      state: z.enum(['here', 'gone']).default('here').describe('What'),
      names: StringList.optional().describe('Names'),
      parts: z.array(z.strictObject({ size: z.int().min(1).describe('Bytes') })).optional().describe('Parts'),
    }),
    freeForm: 'path',
    secretArgs: ['content'],
    examples: [{ title: 'Play', yaml: 'toy: /x' }],
    returns: { size: 'Bytes' },
    plan: () => ok(),
  });

  test('says of each argument what the schema says', () => {
    expect(moduleText(moduleDoc(toy), painter(false), 60)).toBe(`toy: Play

A first paragraph in two lines.

- one
- two

Arguments
  path  (string; required; may stand alone after the name)
      Where
  content  (string; never shown)
      Text
  mode  (string)
      Permissions
  names  (string or list of string)
      Names
  parts  (list of map)
      Parts
      size  (integer; required)
          Bytes
  state  (string; default: "here"; one of: here, gone)
      What

Returned values (for register)
  size  Bytes

Examples
  # Play
  toy: /x
`);
  });

  test('a missing text is found, also in nested maps', () => {
    const bare = defineModule({ name: 'bare', summary: 'B', args: z.strictObject({ a: z.strictObject({ b: z.string() }).describe('A') }), examples: [], plan: () => ok() });
    expect(undocumented(moduleDoc(bare).arguments)).toEqual(['a.b']);
  });

  test('types in words', () => {
    expect([z.record(z.string(), z.int()), z.union([z.boolean(), z.array(z.string())]), z.unknown(), z.literal('x')].map((schema) => typeWords(inputSchema(schema)))).toEqual(['map of integer', 'boolean or list of string', 'any', '"x"']);
  });

  test('text is wrapped to the width', () => {
    expect(wrap('aa bb cc dd', 7, '  ')).toEqual(['  aa bb', '  cc dd']);
  });

  test('a role shows its options', () => {
    const role: Role = { name: 'base', directory: '/x', defaults: {}, vars: {}, spec: { summary: 'First things.', requires: ['pki'], options: { users: { type: 'list', elements: 'map', required: true, description: 'Who', options: { name: { type: 'string', required: true, description: 'Login' } } }, port: { type: 'integer', default: 22, minimum: 1, description: 'Port' } } } };
    expect(roleText(role, painter(false), 80)).toBe(`base: First things.

Runs after: pki

Options
  users  (list of map; required)
      Who
      name  (string; required)
          Login
  port  (integer, at least 1; default: 22)
      Port
`);
    expect(roleMarkdown(role)).toContain('| `users.name` | string | required | Login |');
  });
});
