/** Row-level security of one table: what is declared, what is there, and the statements between them. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PUBLIC } from '../postgresql_grants/acl.ts';
import { escapeIdentifier, escapeLiteral } from '../../services/postgres/sql.ts';

export const StateSchema = z.object({
  exists: z.boolean(),
  enabled: z.boolean(),
  forced: z.boolean(),
  /** `mark`: the digest of the declaration that the policy was made from, empty when it was changed since, or made by hand. */
  policies: z.array(z.object({ name: z.string(), mark: z.string() })),
});
export type State = z.output<typeof StateSchema>;

export const NO_TABLE: State = { exists: false, enabled: false, forced: false, policies: [] };

/** What a policy is, as text: PostgreSQL rewrites expressions, so a declaration can't be compared with what it shows. */
const SHAPE_SQL = `md5(concat_ws(E'\\x01', p.polcmd, p.polpermissive, (SELECT string_agg(CASE r WHEN 0 THEN '' ELSE r::regrole::text END, ',' ORDER BY r) FROM unnest(p.polroles) r),
  coalesce(pg_get_expr(p.polqual, p.polrelid), '-'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-')))`;

/** `$1` is the schema, `$2` the table. */
export const STATE_SQL = `
SELECT coalesce((SELECT jsonb_build_object('exists', true, 'enabled', c.relrowsecurity, 'forced', c.relforcerowsecurity, 'policies',
  (SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.polname, 'mark',
      CASE WHEN d.description ~ '^care-provision [0-9a-f]{32} [0-9a-f]{32}$' AND split_part(d.description, ' ', 3) = ${SHAPE_SQL} THEN split_part(d.description, ' ', 2) ELSE '' END)
      ORDER BY p.polname COLLATE "C"), '[]')
    FROM pg_policy p LEFT JOIN pg_description d ON d.classoid = 'pg_policy'::regclass AND d.objoid = p.oid WHERE p.polrelid = c.oid))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')),
  '{"exists": false, "enabled": false, "forced": false, "policies": []}') AS fact`;

export interface Policy {
  readonly name: string;
  readonly command: 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  readonly permissive: boolean;
  readonly roles: readonly string[];
  readonly using?: string | undefined;
  readonly check?: string | undefined;
}
export interface PolicyArgs {
  readonly schema: string;
  readonly table: string;
  readonly enabled: boolean;
  readonly force: boolean;
  readonly policies: readonly Policy[];
}

export interface PolicyChange {
  readonly what: string;
  readonly statements: readonly string[];
  readonly after: State;
}

export function markOf(policy: Policy): string {
  const { name, command, permissive, roles, using, check } = policy;
  return createHash('md5').update(JSON.stringify([name, command, permissive, [...roles].sort(), using ?? null, check ?? null])).digest('hex');
}

/** Drops what is there under the name, makes it anew, and notes on it what it was made from. */
function create(policy: Policy, args: PolicyArgs): readonly string[] {
  const on = `${escapeIdentifier(policy.name)} ON ${escapeIdentifier(args.schema)}.${escapeIdentifier(args.table)}`;
  const words = [
    `CREATE POLICY ${on} AS ${policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${policy.command}`,
    `TO ${policy.roles.map((r) => (r === PUBLIC ? 'PUBLIC' : escapeIdentifier(r))).join(', ')}`,
    ...(policy.using === undefined ? [] : [`USING (${policy.using})`]),
    ...(policy.check === undefined ? [] : [`WITH CHECK (${policy.check})`]),
  ];
  const note = `DO $care$
DECLARE shape text;
BEGIN
  SELECT ${SHAPE_SQL} INTO STRICT shape FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ${escapeLiteral(args.schema)} AND c.relname = ${escapeLiteral(args.table)} AND p.polname = ${escapeLiteral(policy.name)};
  EXECUTE format('COMMENT ON POLICY %I ON %I.%I IS %L', ${escapeLiteral(policy.name)}, ${escapeLiteral(args.schema)}, ${escapeLiteral(args.table)}, 'care-provision ${markOf(policy)} ' || shape);
END $care$`;
  return [`DROP POLICY IF EXISTS ${on}`, words.join(' '), note];
}

/** One change for the table: it is guarded wholly or not at all. Undefined when all is as declared, or the table is not there. */
export function policyChange(args: PolicyArgs, state: State): PolicyChange | undefined {
  if (!state.exists) return undefined;
  const table = `${escapeIdentifier(args.schema)}.${escapeIdentifier(args.table)}`;
  const gone = state.policies.filter((p) => !args.policies.some((d) => d.name === p.name));
  const made = args.policies.filter((d) => state.policies.find((p) => p.name === d.name)?.mark !== markOf(d));
  const what = [
    ...gone.map((p) => `drop policy ${p.name}`),
    ...made.map((d) => `${state.policies.some((p) => p.name === d.name) ? 'replace' : 'create'} policy ${d.name}`),
    ...(state.enabled === args.enabled ? [] : [args.enabled ? 'enable row-level security' : 'disable row-level security']),
    ...(state.forced === args.force ? [] : [args.force ? 'force it on the owner, too' : 'no longer force it on the owner']),
  ];
  if (what.length === 0) return undefined;
  return {
    what: what.join(', '),
    statements: [
      "SET LOCAL lock_timeout = '5s'",
      ...gone.map((p) => `DROP POLICY ${escapeIdentifier(p.name)} ON ${table}`),
      ...made.flatMap((d) => create(d, args)),
      ...(state.enabled === args.enabled ? [] : [`ALTER TABLE ${table} ${args.enabled ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`]),
      ...(state.forced === args.force ? [] : [`ALTER TABLE ${table} ${args.force ? '' : 'NO '}FORCE ROW LEVEL SECURITY`]),
    ],
    after: {
      exists: true,
      enabled: args.enabled,
      forced: args.force,
      policies: args.policies.map((d) => ({ name: d.name, mark: markOf(d) })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    },
  };
}
