/** Roles of a PostgreSQL server as its catalogue has them, asked over the local socket as the superuser. Reads only. */
import { z } from 'zod';
import { defineQuery } from '../../host/define-query.ts';
import { quote } from '../../support/shell.ts';
import type { RoleState } from './declaration.ts';

export interface RolesKey {
  readonly psql: string;
  readonly socketDir: string;
  readonly port: number;
  /** Functions whose right to execute is asked about. */
  readonly functions: readonly string[];
}

const Row = z.object({
  name: z.string(),
  superuser: z.boolean(),
  replication: z.boolean(),
  login: z.boolean(),
  createRole: z.boolean(),
  createDb: z.boolean(),
  bypassRls: z.boolean(),
  verifier: z.string().nullable(),
  memberOf: z.array(z.string()),
  execute: z.array(z.string()),
});

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function query(functions: readonly string[]): string {
  const listed = functions.length === 0 ? 'ARRAY[]::text[]' : `ARRAY[${functions.map(literal).join(', ')}]`;
  return `SELECT json_agg(json_build_object(
  'name', r.rolname, 'superuser', r.rolsuper, 'replication', r.rolreplication, 'login', r.rolcanlogin,
  'createRole', r.rolcreaterole, 'createDb', r.rolcreatedb, 'bypassRls', r.rolbypassrls, 'verifier', r.rolpassword,
  'memberOf', COALESCE((SELECT json_agg(g.rolname ORDER BY g.rolname) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid), '[]'),
  'execute', COALESCE((SELECT json_agg(f) FROM unnest(${listed}) f WHERE has_function_privilege(r.oid, f, 'EXECUTE')), '[]')) ORDER BY r.rolname)
FROM pg_authid r WHERE r.rolname !~ '^pg_'`;
}

/** Null when no server answers. */
export const patroniRolesQuery = defineQuery<RolesKey, readonly RoleState[] | null>({
  name: 'patroni-roles',
  id: (key) => [key.socketDir, String(key.port), ...key.functions].join(' '),
  describe: () => 'roles of PostgreSQL',
  probe: (keys) =>
    keys
      .map((key) => `runuser -u postgres -- ${quote(key.psql)} -X -A -t -q -h ${quote(key.socketDir)} -p ${String(key.port)} -d postgres -c ${quote(query(key.functions))} 2>/dev/null </dev/null
care_mark`)
      .join('\n'),
  parse: (keys, output) =>
    [output.head, ...output.sections].slice(0, keys.length).map((section) => {
      const text = section.toString('utf8').trim();
      if (text === '') return null;
      return z.array(Row).parse(JSON.parse(text)).map(({ verifier, ...row }) => ({ ...row, verifier: verifier ?? undefined }));
    }),
  // The verifiers are nobody's business.
  show: (fact) => (fact === null ? 'no server answers' : `${String(fact.length)} roles`),
  volatile: true,
});
