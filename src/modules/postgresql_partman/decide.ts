/** One partitioned table under pg_partman's care: what is declared, what is there, and the statements between them. */
import { z } from 'zod';
import { escapeIdentifier, escapeLiteral } from '../../services/postgres/sql.ts';

const Config = z.object({ control: z.string(), /** In PostgreSQL's own words. */ interval: z.string(), premake: z.int(), infinite: z.boolean(), retention: z.string().nullable(), automatic: z.string() });

export const StateSchema = z.object({
  /** `plain`: a table that is not partitioned by range. */
  table: z.enum(['absent', 'plain', 'partitioned']),
  /** Whether pg_partman 5 or later is there, in the schema that was asked about. */
  partman: z.boolean(),
  /** The declared interval in PostgreSQL's own words. */
  interval: z.string(),
  config: Config.nullable(),
});
export type State = z.output<typeof StateSchema>;

export const NO_TABLE: State = { table: 'absent', partman: true, interval: '', config: null };

/** `$1` schema, `$2` table, `$3` the declared interval. */
export const TABLE_SQL = `
SELECT jsonb_build_object('table', coalesce((SELECT CASE WHEN c.relkind = 'p' AND p.partstrat = 'r' THEN 'partitioned' ELSE 'plain' END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid WHERE n.nspname = $1 AND c.relname = $2), 'absent'),
  'partman', EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_partman' AND split_part(extversion, '.', 1)::int >= 5 AND extnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $4)), 'interval', $3::interval::text, 'config', NULL) AS fact`;

/** `$1` is the table as pg_partman names it. Only where pg_partman is. */
export function configSql(schema: string): string {
  return `
SELECT jsonb_build_object('control', control, 'interval', partition_interval::interval::text, 'premake', premake, 'infinite', infinite_time_partitions, 'retention', retention, 'automatic', automatic_maintenance) AS fact
FROM ${escapeIdentifier(schema)}.part_config WHERE parent_table = $1`;
}

export interface PartmanArgs {
  readonly schema: string;
  readonly table: string;
  readonly control: string;
  readonly interval: string;
  readonly premake: number;
  readonly partman_schema: string;
}

export type Step =
  | { readonly type: 'nothing' }
  | { readonly type: 'refuse'; readonly msg: string; readonly remedy: string }
  | { readonly type: 'change'; readonly what: string; readonly statements: readonly string[]; readonly after: State };

export function decide(args: PartmanArgs, state: State): Step {
  const name = `${args.schema}.${args.table}`;
  if (state.table === 'absent') return { type: 'nothing' };
  if (state.table === 'plain') return { type: 'refuse', msg: `table ${name} is not partitioned by range`, remedy: `have the application make it with PARTITION BY RANGE (${args.control})` };
  if (!state.partman) return { type: 'refuse', msg: `pg_partman 5 or later is not in schema ${args.partman_schema}`, remedy: 'create it in an earlier task (postgresql_ext); Debian 13 has 5.2, Debian 12 only 4.7' };
  const { config } = state;
  const wrong = [
    ...(config === null || config.control === args.control ? [] : [`the column ${config.control}, not ${args.control}`]),
    ...(config === null || config.interval === state.interval ? [] : [`the length ${config.interval}, not ${args.interval}`]),
  ];
  if (wrong.length > 0) return { type: 'refuse', msg: `table ${name} has partitions by ${wrong.join(' and ')}, which pg_partman can't change`, remedy: `declare what it has, or take its partitions away (${args.partman_schema}.undo_partition_proc) and declare it anew` };
  const wanted = { control: args.control, interval: state.interval, premake: args.premake, infinite: true, retention: null, automatic: 'on' };
  const what = [
    ...(config === null ? [`partitions of ${args.interval} by ${args.control}, ${String(args.premake)} ahead`] : []),
    ...(config === null || config.premake === args.premake ? [] : [`${String(config.premake)} → ${String(args.premake)} ahead`]),
    ...(config === null || config.infinite ? [] : ['also when no rows come']),
    ...(config === null || config.retention === null ? [] : ['no retention by pg_partman']),
    ...(config === null || config.automatic === 'on' ? [] : ['maintenance on']),
  ];
  if (what.length === 0) return { type: 'nothing' };
  const partman = escapeIdentifier(args.partman_schema);
  const parent = escapeLiteral(name).trimStart();
  return {
    type: 'change',
    what: what.join(', '),
    statements: [
      "SET LOCAL lock_timeout = '5s'",
      ...(config === null ? [`SELECT ${partman}.create_parent(${parent}, ${escapeLiteral(args.control).trimStart()}, ${escapeLiteral(args.interval).trimStart()}, p_premake := ${String(args.premake)}, p_jobmon := false)`] : []),
      // pg_partman leaves what it makes to whoever calls it.
      `DO $care$
DECLARE made record;
BEGIN
  FOR made IN SELECT c.oid::regclass AS name, p.relowner::regrole AS owner FROM pg_class p, pg_partition_tree(p.oid) t JOIN pg_class c ON c.oid = t.relid
    WHERE p.oid = ${escapeLiteral(`${escapeIdentifier(args.schema)}.${escapeIdentifier(args.table)}`).trimStart()}::regclass AND c.relowner <> p.relowner LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO %s', made.name, made.owner);
  END LOOP;
END $care$`,
      `UPDATE ${partman}.part_config SET premake = ${String(args.premake)}, infinite_time_partitions = true, retention = NULL, automatic_maintenance = 'on' WHERE parent_table = ${parent}`,
    ],
    after: { ...state, config: wanted },
  };
}
