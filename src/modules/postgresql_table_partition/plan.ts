/** What has to be done for a table's partitions to be as wished. Pure. */
import { z } from 'zod';
import { converge, type Plan, type ServiceChange } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { PostgresLogin } from '../../services/postgres/login.ts';
import { ident, listOf, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { databaseFields, databaseOf, loginFields, loginOf, SqlName } from '../common/postgres/login.ts';
import { Qualified, shownName, type QualifiedName } from '../common/postgres/names.ts';
import { known, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { Bound, boundSql, parseBound } from './bounds.ts';
import { partitions, type NamedTable, type Partition, type Partitioned, type PartitionsKey, type WishedPartition } from './query.ts';

const PartitionArgs = z
  .object({
    name: Qualified.describe('Its table: NAME (in schema public) or SCHEMA.NAME'),
    state: z.enum(['attached', 'detached', 'absent']).default('attached').describe('`attached` makes it when there is no such table; `detached` keeps the table by itself; `absent` drops it'),
    from: z.unknown().optional().describe('Range: the first value, or a list with one for each column of the key; MINVALUE for none'),
    to: z.unknown().optional().describe('Range: the first value that is not in it any more; MAXVALUE for none'),
    values: z.unknown().optional().describe('List: its values; null is one'),
    modulus: z.unknown().optional().describe('Hash: the number of parts'),
    remainder: z.unknown().optional().describe('Hash: which part, from 0'),
    default: z.unknown().optional().describe('`true`: what is in no other partition'),
  })
  .strict()
  .transform(({ name, state, ...rest }, context) => {
    const given = Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== undefined));
    const bound = Object.keys(given).length === 0 ? undefined : Bound.safeParse(given);
    if (bound?.success === false) context.addIssue({ code: 'custom', message: 'must have from and to (range), values (list), modulus and remainder (hash), or default: true' });
    if (bound === undefined && state === 'attached') context.addIssue({ code: 'custom', message: 'an attached partition needs its bound: from and to, values, modulus and remainder, or default: true' });
    return { ...name, state, bound: bound?.data };
  });

export const TablePartitionArgs = z.strictObject({
  table: Qualified.describe('The partitioned table: NAME (in schema public) or SCHEMA.NAME'),
  columns: z.array(z.string().min(1)).optional().describe('Columns and constraints of a table that is to be made, as CREATE TABLE writes them: `id bigint NOT NULL`. Not compared with those of one that is there'),
  partition_by: z
    .strictObject({ method: z.enum(['range', 'list', 'hash']).describe('How rows are told apart'), columns: z.array(SqlName).min(1).describe('The columns of the key') })
    .optional()
    .describe('How a table that is to be made is partitioned; one that is there and is partitioned otherwise is refused'),
  owner: SqlName.optional().describe('Owner of a table that is to be made'),
  partitions: z.array(PartitionArgs).default([]).describe('Partitions, each with its bound'),
  exact: z.boolean().default(false).describe('Detach partitions that are not listed; their tables stay'),
  drop_with_rows: z.boolean().default(false).describe('Allow `absent` for a partition that holds rows'),
  ...databaseFields,
  ...loginFields,
});
export type TablePartitionArgs = z.output<typeof TablePartitionArgs>;

export function partitionsKey(args: TablePartitionArgs, login: PostgresLogin): PartitionsKey {
  return { login, table: args.table, wished: args.partitions.map(({ schema, name, bound }): WishedPartition => ({ schema, name, bound })) };
}

const same = (a: QualifiedName, b: QualifiedName): boolean => a.schema === b.schema && a.name === b.name;
const nameSql = (name: QualifiedName): Sql => ident(name.schema, name.name);

function createTable(args: TablePartitionArgs): readonly Sql[] {
  const by = args.partition_by;
  if (args.columns === undefined || by === undefined) return refuse(`there is no table ${shownName(args.table)}`, 'create it in an earlier task, or give columns and partition_by to have it made');
  const made = sql`CREATE TABLE ${nameSql(args.table)} (${raw(args.columns.join(', '))}) PARTITION BY ${raw(by.method.toUpperCase())} (${listOf(by.columns.map((c) => ident(c)))})`;
  return args.owner === undefined ? [made] : [made, sql`ALTER TABLE ${nameSql(args.table)} OWNER TO ${ident(args.owner)}`];
}

/** `RANGE (created, "Odd")` as the server shows it. */
function keyText(by: NonNullable<TablePartitionArgs['partition_by']>): string {
  return `${by.method.toUpperCase()} (${by.columns.map((c) => (/^[a-z_][a-z0-9_]*$/.test(c) ? c : ident(c).shown)).join(', ')})`;
}

function refuseOther(args: TablePartitionArgs, now: Partitioned & { readonly exists: true }): void {
  if (now.kind !== 'partitioned') refuse(`${shownName(args.table)} is there and is not partitioned`, 'a plain table cannot become partitioned: make a new one, copy the rows and swap their names (docs/postgresql-modules.md)');
  if (args.partition_by !== undefined && keyText(args.partition_by) !== now.key.replaceAll('"', '') && keyText(args.partition_by) !== now.key) refuse(`${shownName(args.table)} is partitioned by ${now.key}, not by ${keyText(args.partition_by)}`, 'the key of a partitioned table cannot be changed: make a new table');
}

interface Step {
  readonly name: QualifiedName;
  readonly what: string;
  readonly statements: readonly Sql[];
  readonly partitions: readonly Partition[];
}

type Wished = TablePartitionArgs['partitions'][number];

/** One partition, given those that there are by then. */
function stepFor(args: TablePartitionArgs, wished: Wished, named: NamedTable | undefined, now: readonly Partition[], owner: Sql | undefined): Step | undefined {
  const mine = now.find((p) => same(p, wished));
  const name = nameSql(wished);
  const rest = now.filter((p) => p !== mine);
  const exists = named?.exists === true || mine !== undefined;
  if (wished.state !== 'attached') {
    const detach = sql`ALTER TABLE ${nameSql(args.table)} DETACH PARTITION ${name}`;
    if (wished.state === 'detached') return mine === undefined ? undefined : { name: wished, what: 'detach', statements: [detach], partitions: rest };
    if (!exists) return undefined;
    if (mine === undefined && (named?.parent ?? '') !== '') refuse(`${shownName(wished)} is a partition of ${named?.parent ?? ''} and is not dropped`);
    if (named?.hasRows === true && !args.drop_with_rows) refuse(`partition ${shownName(wished)} holds rows and is not dropped`, 'archive them first, detach it (state: detached), or say drop_with_rows: true');
    return { name: wished, what: 'drop', statements: [sql`DROP TABLE ${name}`], partitions: rest };
  }
  const bound = wished.bound;
  if (bound === undefined) return undefined;
  const shown = boundSql(named?.wished ?? bound).shown;
  if (mine !== undefined) {
    if (JSON.stringify(parseBound(mine.bound)) === JSON.stringify(named?.wished ?? bound)) return undefined;
    return refuse(`partition ${shownName(wished)} is ${mine.bound}, not ${shown}`, 'the bound of a partition cannot be changed: detach it first (state: detached), then attach it with the other one');
  }
  if ((named?.parent ?? '') !== '') refuse(`${shownName(wished)} is a partition of ${named?.parent ?? ''} already`);
  const statement = exists ? sql`ALTER TABLE ${nameSql(args.table)} ATTACH PARTITION ${name} ${boundSql(bound)}` : sql`CREATE TABLE ${name} PARTITION OF ${nameSql(args.table)} ${boundSql(bound)}`;
  return { name: wished, what: exists ? `attach ${shown}` : `create ${shown}`, statements: exists || owner === undefined ? [statement] : [statement, sql`ALTER TABLE ${name} OWNER TO ${owner}`], partitions: [...rest, { schema: wished.schema, name: wished.name, bound: shown }] };
}

export function planPartitions(args: TablePartitionArgs, host: HostView): Plan {
  const login = loginOf(args, databaseOf(args), host);
  serverOf(host, login);
  refuseStandby(host, login);
  const query = partitions(partitionsKey(args, login));
  const now = known(host, query, { exists: false, named: [] });
  const changes: ServiceChange[] = [];
  let fact: Partitioned & { readonly exists: true };
  if (now.exists) {
    refuseOther(args, now);
    fact = now;
  } else {
    const statements = createTable(args);
    fact = { exists: true, kind: 'partitioned', owner: args.owner ?? login.role ?? login.user, method: args.partition_by?.method ?? '', key: args.partition_by === undefined ? '' : keyText(args.partition_by), partitions: [], named: now.named };
    changes.push(sqlChange({ login, resource: `table ${shownName(args.table)} of ${login.database}`, what: `create, partitioned by ${fact.key}`, statements, effects: [forgetKinds('postgres-partitions'), query.is({ ok: true, value: fact })] }));
  }
  // A new partition belongs to who makes it, unless it is given to the table's owner.
  const owner = fact.owner === (login.role ?? login.user) ? undefined : ident(fact.owner);
  const take = (step: Step | undefined): void => {
    if (step === undefined) return;
    fact = { ...fact, partitions: step.partitions };
    changes.push(sqlChange({ login, resource: `partition ${shownName(step.name)} of ${login.database}`, what: step.what, statements: step.statements, effects: [forgetKinds('postgres-partitions'), query.is({ ok: true, value: fact })] }));
  };
  // Away first: what goes may be in the way of what comes.
  for (const wished of args.partitions.filter((p) => p.state !== 'attached')) take(stepFor(args, wished, now.named.find((n) => same(n, wished)), fact.partitions, owner));
  if (args.exact) {
    for (const extra of fact.partitions.filter((p) => !args.partitions.some((w) => same(w, p)))) {
      take({ name: extra, what: 'detach (not listed)', statements: [sql`ALTER TABLE ${nameSql(args.table)} DETACH PARTITION ${nameSql(extra)}`], partitions: fact.partitions.filter((p) => p !== extra) });
    }
  }
  for (const wished of args.partitions.filter((p) => p.state === 'attached')) take(stepFor(args, wished, now.named.find((n) => same(n, wished)), fact.partitions, owner));
  return converge(changes);
}
