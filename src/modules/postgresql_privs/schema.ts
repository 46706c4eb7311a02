/** Arguments of `postgresql_privs`: those of Ansible's module, and `state: exact`. */
import { z } from 'zod';
import { GRANT_TYPES, isDefaultType, type GrantType } from '../common/postgres/acl.ts';
import { databaseFields, loginFields, SqlName } from '../common/postgres/login.ts';
import { Names } from '../common/postgres/names.ts';
import { objectName } from '../common/postgres/objects.ts';

/** Privileges of each type (table 5.2 of PostgreSQL's documentation); MAINTAIN since 17. */
export const PRIVILEGES: Readonly<Record<GrantType, readonly string[]>> = {
  table: ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'],
  sequence: ['SELECT', 'UPDATE', 'USAGE'],
  function: ['EXECUTE'],
  procedure: ['EXECUTE'],
  type: ['USAGE'],
  database: ['CONNECT', 'CREATE', 'TEMPORARY'],
  schema: ['CREATE', 'USAGE'],
  language: ['USAGE'],
  foreign_data_wrapper: ['USAGE'],
  foreign_server: ['USAGE'],
  tablespace: ['CREATE'],
  parameter: ['SET', 'ALTER SYSTEM'],
};

const DEFAULT_PRIVILEGES = { TABLES: 'table', SEQUENCES: 'sequence', FUNCTIONS: 'function', TYPES: 'type', SCHEMAS: 'schema' } as const;

/** Types whose objects stand in a schema. */
export const IN_SCHEMA: ReadonlySet<string> = new Set(['table', 'sequence', 'function', 'procedure', 'type']);

/** The types of privileges that the arguments are about. */
export function privilegeTypes(args: { readonly type: GrantType | 'default_privs'; readonly objs: readonly string[] }): readonly GrantType[] {
  if (args.type !== 'default_privs') return [args.type];
  return args.objs.flatMap((word) => (isDefaultType(word) ? [DEFAULT_PRIVILEGES[word]] : []));
}

const Privileges = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [...new Set((typeof value === 'string' ? value.split(',') : value).map((word) => word.trim().toUpperCase().replaceAll(/\s+/g, ' ')).filter((word) => word !== ''))].map((word) => (word === 'TEMP' ? 'TEMPORARY' : word === 'ALL PRIVILEGES' ? 'ALL' : word)));

export const PrivsArgs = z
  .strictObject({
    roles: Names.refine((names) => names.length > 0, 'must name a role').transform((names) => names.map((name) => (name.toLowerCase() === 'public' ? 'PUBLIC' : name))).describe('Who gets or loses them, with commas in between or a list; PUBLIC is everybody'),
    privs: Privileges.default([]).describe('Privileges with commas in between or a list, or ALL'),
    type: z.enum([...GRANT_TYPES, 'default_privs']).default('table').describe('Type of the objects. Views and foreign tables are tables; `default_privs`: what objects made later get'),
    objs: z
      .union([z.string().transform((text) => splitObjects(text)), z.array(z.string())])
      .default([])
      .describe('The objects, with commas in between or a list; ALL_IN_SCHEMA for all of `schema`. A function with its arguments: `add(int:int)` or in a list `add(int, int)`. For `default_privs` of TABLES, SEQUENCES, FUNCTIONS, TYPES, SCHEMAS. For `database` the one logged in to unless said otherwise'),
    schema: SqlName.optional().describe('Schema of the objects, default public; for `default_privs` default all schemas (also `not-specified`)'),
    state: z.enum(['present', 'absent', 'exact']).default('present').describe('`exact`: the roles have these privileges on the objects and no others'),
    others: z.enum(['keep', 'revoke']).default('keep').describe('With `exact`: whether roles that are not named (but for the owner) lose what they have on the objects'),
    grant_option: z.boolean().optional().describe('Whether they may pass them on; not said: left as it is, and not for new ones'),
    target_roles: Names.optional().describe('With `default_privs`: the roles whose new objects it is about; default who logs in'),
    fail_on_role: z.boolean().default(true).describe('Whether a role that does not exist is a failure; otherwise it is passed over'),
    ...databaseFields,
    ...loginFields,
  })
  .refine((args) => args.privs.length > 0 || args.state === 'exact', { path: ['privs'], message: 'must name a privilege; only with state: exact may it be empty' })
  .refine((args) => args.objs.length > 0 || args.type === 'database', { path: ['objs'], message: 'must name the objects' })
  .refine((args) => args.target_roles === undefined || args.type === 'default_privs', { path: ['target_roles'], message: 'goes with type: default_privs only' })
  .refine((args) => args.others === 'keep' || args.state === 'exact', { path: ['others'], message: 'goes with state: exact only' })
  .refine((args) => args.type !== 'default_privs' || args.objs.every(isDefaultType), { path: ['objs'], message: 'must be of TABLES, SEQUENCES, FUNCTIONS, TYPES, SCHEMAS for default_privs' })
  .refine((args) => args.type !== 'default_privs' || args.schema === undefined || args.schema === 'not-specified' || !args.objs.includes('SCHEMAS'), { path: ['schema'], message: 'cannot go with SCHEMAS' })
  .refine((args) => args.schema === undefined || args.type === 'default_privs' || IN_SCHEMA.has(args.type), { path: ['schema'], message: 'goes only with what stands in a schema' })
  .refine((args) => !args.objs.includes('ALL_IN_SCHEMA') || (args.objs.length === 1 && IN_SCHEMA.has(args.type)), { path: ['objs'], message: 'ALL_IN_SCHEMA must stand alone, for what stands in a schema' })
  .refine((args) => args.type === 'default_privs' || !IN_SCHEMA.has(args.type) || !['function', 'procedure'].includes(args.type) || args.objs.every((o) => o === 'ALL_IN_SCHEMA' || objectName('function', o) !== undefined), { path: ['objs'], message: 'a function is named with its arguments: add(int, int)' })
  .superRefine((args, context) => {
    const known = privilegeTypes(args).map((type) => PRIVILEGES[type]);
    for (const word of args.privs) {
      if (word === 'ALL' || known.every((list) => list.includes(word))) continue;
      context.addIssue({ code: 'custom', path: ['privs'], message: `${word} is no privilege of ${args.type}; there are ${[...new Set(known.flat())].join(', ')}` });
    }
  });
export type PrivsArgs = z.output<typeof PrivsArgs>;

/** At commas, but for those within a function's arguments; colons between arguments stand for commas, as in Ansible. */
function splitObjects(text: string): readonly string[] {
  return (text.match(/[^,(]+(?:\([^)]*\))?/g) ?? []).map((name) => name.trim().replace(/\(.*\)$/, (args) => args.replaceAll(':', ','))).filter((name) => name !== '');
}
