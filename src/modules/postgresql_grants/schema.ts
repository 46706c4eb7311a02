import { z } from 'zod';

const Name = z.string().min(1).max(63).regex(/^[^\0]+$/, 'must not hold a NUL byte');
const Privilege = z.enum(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN', 'USAGE', 'CREATE', 'CONNECT', 'TEMPORARY', 'EXECUTE']);

/** What may be given on what (PostgreSQL, table "ACL Privilege Abbreviations"). */
export const PRIVILEGES_OF = {
  database: ['CREATE', 'CONNECT', 'TEMPORARY'],
  schema: ['CREATE', 'USAGE'],
  table: ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'],
  column: ['SELECT', 'INSERT', 'UPDATE', 'REFERENCES'],
  sequence: ['SELECT', 'UPDATE', 'USAGE'],
  function: ['EXECUTE'],
} as const satisfies Record<string, readonly z.output<typeof Privilege>[]>;
export type GrantType = keyof typeof PRIVILEGES_OF;

function fits(type: GrantType, privs: readonly string[]): boolean {
  return privs.every((p) => PRIVILEGES_OF[type].some((known) => known === p));
}

const Grant = z
  .strictObject({
    role: Name.describe('Who gets them; PUBLIC is everybody'),
    type: z.enum(['database', 'schema', 'table', 'sequence', 'function']).describe('Kind of the objects; table stands for views and foreign tables, too'),
    schema: Name.optional().describe('Schema of the tables, sequences or functions, one of `schemas`'),
    objs: z.array(Name).optional().describe('Names of schemas, tables, sequences or functions (a function with its arguments: `total(integer)`); default: all of the schema but partitions, which are reached through their parents. One that does not exist (yet) is passed over'),
    columns: z.array(Name).optional().describe('Only these columns of the tables in `objs`'),
    privs: z.array(Privilege).min(1).describe('What they may do'),
    grant_option: z.boolean().default(false).describe('Whether they may pass it on'),
  })
  .refine((g) => fits(g.columns === undefined ? g.type : 'column', g.privs), { path: ['privs'], message: 'must be privileges that such an object has' })
  .refine((g) => g.type === 'database' || g.type === 'schema' || g.schema !== undefined, { path: ['schema'], message: 'must say in which schema the objects are' })
  .refine((g) => g.type !== 'schema' || g.objs !== undefined, { path: ['objs'], message: 'must say which schemas' })
  .refine((g) => g.columns === undefined || (g.type === 'table' && g.objs !== undefined), { path: ['columns'], message: 'are of tables that `objs` names' });
export type Grant = z.output<typeof Grant>;

const DefaultPrivilege = z
  .strictObject({
    creators: z.array(Name).min(1).optional().describe('Roles whose future objects it is about, since PostgreSQL keeps these per creator; default: all `creators`'),
    schema: Name.optional().describe('Only in this schema; default: in all'),
    role: Name.describe('Who gets them; PUBLIC is everybody'),
    type: z.enum(['table', 'sequence', 'function']).describe('Kind of the objects'),
    privs: z.array(Privilege).min(1).describe('What they may do'),
    grant_option: z.boolean().default(false).describe('Whether they may pass it on'),
  })
  .refine((g) => fits(g.type, g.privs), { path: ['privs'], message: 'must be privileges that such an object has' });
export type DefaultPrivilege = z.output<typeof DefaultPrivilege>;

/** The module's own arguments; those of the login come beside them. */
export const grantsShape = {
  owner: Name.optional().describe('Owner of every table, sequence and function in `schemas`; one that belongs to somebody else is given to it'),
  schemas: z.array(Name).describe('Schemas whose privileges, and those of everything in them, are exactly what `grants` says; what belongs to an extension is left alone'),
  grants: z.array(Grant).default([]).describe('All privileges that there are to be, besides the owners\' own'),
  creators: z.array(Name).default([]).describe('Roles whose default privileges, in all schemas, are exactly what `default_privs` says'),
  default_privs: z.array(DefaultPrivilege).default([]).describe('Privileges on objects that are made later'),
};
export interface GrantsArgs {
  readonly owner?: string | undefined;
  readonly schemas: readonly string[];
  readonly grants: readonly Grant[];
  readonly creators: readonly string[];
  readonly default_privs: readonly DefaultPrivilege[];
}
