/** Arguments of `postgresql_query`: those of Ansible's module, and three more. */
import { z } from 'zod';
import { StringList } from '../arguments.ts';
import { databaseFields, loginFields, SqlName } from '../common/postgres/login.ts';
import { Secret } from '../../support/secret.ts';

const Scalar = z.union([z.string(), z.number(), z.boolean(), z.null(), z.instanceof(Secret)]);
/** A value of a statement; a list is an array of PostgreSQL's. */
const Argument = z.union([Scalar, z.array(z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]))]);
export type Argument = z.output<typeof Argument>;

export const QueryArgs = z
  .strictObject({
    query: StringList.describe('A statement, or a list of them, which are run in one transaction'),
    positional_args: z.array(Argument).optional().describe('Values for `$1`, `$2` …, or for each `%s` in turn, of a single statement'),
    named_args: z.record(z.string(), Argument).optional().describe('Values for `%(name)s` of a single statement'),
    read_only: z.boolean().default(false).describe('It only reads: it is run in a read-only transaction, in check mode as well, and on a standby'),
    unless: z.string().optional().describe('A question (SELECT) whose answer says that nothing is to be done: a first row whose first column is not false, 0 or empty. It holds afterwards, or the task has failed'),
    autocommit: z.boolean().default(false).describe('Without a transaction, for what allows none (VACUUM, CREATE INDEX CONCURRENTLY)'),
    search_path: z.union([z.string().transform((text) => text.split(',').map((name) => name.trim())), z.array(SqlName)]).optional().describe('Schemas in which names are looked up; default: as the role has it'),
    ...databaseFields,
    ...loginFields,
  })
  .refine((args) => args.positional_args === undefined || args.named_args === undefined, { path: ['named_args'], message: 'cannot go with positional_args' })
  .refine((args) => args.query.length > 0 && (args.query.length === 1 || (args.positional_args === undefined && args.named_args === undefined)), { path: ['query'], message: 'must be a single statement when it has arguments' })
  .refine((args) => !args.read_only || (args.unless === undefined && !args.autocommit), { path: ['read_only'], message: 'goes with neither unless nor autocommit' });
export type QueryArgs = z.output<typeof QueryArgs>;
