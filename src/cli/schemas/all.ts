/** Every file of schemas/: what editors and other programs check with. */
import { z } from 'zod';
import { artifactsFileSchema } from '../../artifacts/catalogue.ts';
import { roleSpecSchema } from '../../language/playbook/role-spec.ts';
import type { Module } from '../../modules/define.ts';
import { packageVersion } from '../../support/package-root.ts';
import { asJsonSchema, inputSchema, type JsonSchema } from '../doc/json-schema.ts';
import { JsonLineSchema } from './run-event.ts';
import { taskDefinitions } from './task-schema.ts';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** An `$id` that changes with every minor version, so that an editor's cache never mixes two. */
function identity(name: string): { readonly $schema: string; readonly $id: string } {
  return { $schema: DRAFT, $id: `urn:care-provision:schema:${name}:${packageVersion().split('.').slice(0, 2).join('.')}` };
}

function withIdentity(name: string, title: string, schema: JsonSchema): JsonSchema {
  return { ...identity(name), title, ...schema };
}

/** Ansible's YAML inventory; loose, for variables are free. */
const INVENTORY: JsonSchema = {
  type: 'object',
  additionalProperties: { $ref: '#/definitions/group' },
  definitions: {
    group: {
      type: ['object', 'null'],
      properties: {
        hosts: { description: 'Hosts by name; ranges such as db[01:12]', type: ['object', 'null'], additionalProperties: { description: 'Variables of the host', type: ['object', 'null'] } },
        children: { description: 'Groups below this one', type: ['object', 'null'], additionalProperties: { $ref: '#/definitions/group' } },
        vars: { description: 'Variables of all hosts of the group', type: ['object', 'null'] },
      },
      additionalProperties: false,
    },
  },
};

/**
 * @param modules all modules, whose arguments are part of the schemas
 * @returns file name in schemas/ → content, with a final newline
 */
export function schemaFiles(modules: readonly Module[]): Readonly<Record<string, string>> {
  const definitions = taskDefinitions(modules);
  const list = (name: string): JsonSchema => ({ type: ['array', 'null'], items: { $ref: `#/definitions/${name}` }, definitions });
  const line = asJsonSchema(z.toJSONSchema(JsonLineSchema, { target: 'draft-7' }));
  const schemas: Readonly<Record<string, JsonSchema>> = {
    playbook: withIdentity('playbook', 'care-provision playbook', list('play')),
    tasks: withIdentity('tasks', 'care-provision tasks file', list('task')),
    handlers: withIdentity('handlers', 'care-provision handlers file', list('handler')),
    artifacts: withIdentity('artifacts', 'care-provision artifacts.yml', inputSchema(artifactsFileSchema)),
    role: withIdentity('role', 'care-provision role.yml', inputSchema(roleSpecSchema)),
    inventory: withIdentity('inventory', 'Ansible YAML inventory', INVENTORY),
    'run-event': withIdentity('run-event', 'One line of care-provision --output json', line),
  };
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [`${name}.schema.json`, `${JSON.stringify(schema, undefined, 1)}\n`]));
}
