/** docs/keywords.md, from the one list of keywords that parsing and editor schemas share. */
import { z } from 'zod';
import { BLOCK_KEYWORDS, HANDLER_KEYWORDS, PLAY_KEYWORDS, REPLACED_KEYWORDS, ROLE_USE_KEYWORDS, TASK_KEYWORDS } from '../../language/playbook/keywords.ts';
import { roleSpecSchema } from '../../language/playbook/role-spec.ts';
import { inputSchema, nestedObjects, type JsonSchema } from './json-schema.ts';
import { argumentDocs, type ArgumentDoc } from './module-doc.ts';
import { argumentRows } from './render.ts';

function docsOf(schema: z.ZodType): readonly ArgumentDoc[] {
  return nestedObjects(inputSchema(schema)).slice(0, 1).flatMap((object) => argumentDocs(object, { secretArgs: [], freeForm: undefined }));
}

/** The option schema is recursive, so zod gives it as the one definition that role.yml's schema refers to. */
function optionDocs(): readonly ArgumentDoc[] {
  const { definitions } = inputSchema(roleSpecSchema);
  if (typeof definitions !== 'object' || definitions === null) throw new Error("role.yml's schema has no definition of an option");
  return Object.values(definitions).flatMap((schema) => argumentDocs(schema as JsonSchema, { secretArgs: [], freeForm: undefined }));
}

function section(title: string, text: string, docs: readonly ArgumentDoc[]): string {
  return [`## ${title}`, '', text, '', '| keyword | type | | what it does |', '| --- | --- | --- | --- |', ...argumentRows([...docs].sort((a, b) => (a.name < b.name ? -1 : 1)), ''), ''].join('\n');
}

/** The keywords of one thing that another does not have. */
function beyond(own: Readonly<Record<string, z.ZodType>>, other: Readonly<Record<string, z.ZodType>>): z.ZodType {
  return z.strictObject(Object.fromEntries(Object.entries(own).filter(([name]) => !Object.hasOwn(other, name)))).partial();
}

export function keywordsMarkdown(): string {
  return `${[
    '# Keywords',
    '',
    '<!-- Made by scripts/docs from src/language/playbook/keywords.ts; changes belong there. -->',
    '',
    'Every word that a play, task, block, handler, role use and role.yml may have. `docs/playbooks.md` explains how they go together.',
    'Where a type says string besides another, the string is a template that gives the value.',
    '',
    section('Play', 'A play is one entry of a playbook.', docsOf(z.strictObject(PLAY_KEYWORDS).partial().required({ hosts: true }))),
    section('Task', "A task has these and one module's name with its arguments.", docsOf(z.strictObject(TASK_KEYWORDS).partial())),
    section('Handler', 'A handler has those of a task, and:', docsOf(beyond(HANDLER_KEYWORDS, TASK_KEYWORDS))),
    section('Block', 'A block has these; what a task has besides, it has not.', docsOf(z.strictObject(BLOCK_KEYWORDS).partial().required({ block: true }))),
    section('Role use', 'An entry of `roles`: the name of a role, or a map with these.', docsOf(z.strictObject(ROLE_USE_KEYWORDS).partial())),
    section('role.yml', 'What a role says of itself.', docsOf(roleSpecSchema)),
    section('Option in role.yml', 'An entry of `options`, by the name of the variable; see `care-provision doc --role ROLE`.', optionDocs()),
    '## Words of Ansible that are answered otherwise',
    '',
    '| word | instead |',
    '| --- | --- |',
    ...Object.entries(REPLACED_KEYWORDS).map(([word, instead]) => `| \`${word}\` | ${instead.replaceAll('|', '\\|')} |`),
  ].join('\n').trimEnd()}\n`;
}
