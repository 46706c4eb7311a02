/** What a server says of the roles that a role is a member of. */
import { z } from 'zod';
import type { NamedKey } from './database.ts';
import { byName, definePostgresQuery } from './kind.ts';

const Grant = z.object({ group: z.string(), admin: z.boolean(), /** Since PostgreSQL 16 each grantor's grant stands by itself. */ grantor: z.string() });
export type Grant = z.output<typeof Grant>;
const Memberships = z.object({ name: z.string(), grants: z.array(Grant) });

/** Undefined fact `null`: there is no such role. */
export type MembershipsFact = readonly Grant[] | null;

const ASK = `SELECT pg_catalog.json_build_object('name', r.rolname, 'grants', COALESCE((
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object('group', g.rolname, 'admin', m.admin_option, 'grantor', COALESCE(b.rolname, '')) ORDER BY g.rolname, b.rolname)
  FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid LEFT JOIN pg_catalog.pg_roles b ON b.oid = m.grantor
  WHERE m.member = r.oid), '[]'::json)) AS fact
FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($1::text[])`;

export const memberships = definePostgresQuery<NamedKey, MembershipsFact>({
  name: 'postgres-memberships',
  after: ['postgres-role'],
  of: 'server',
  subject: (key) => key.name,
  describe: (key) => `the memberships of role ${key.name}`,
  show: (value) => (value === null ? 'no such role' : value.map((g) => g.group).join(', ') || 'none'),
  // Who granted it is the server's affair.
  same: (a, b) => JSON.stringify(groupsOf(a)) === JSON.stringify(groupsOf(b)),
  ask: (keys, read) => {
    const names = keys.map((k) => k.name);
    return byName<z.output<typeof Memberships>, MembershipsFact>(names, read(ASK, [names]), Memberships, (fact) => fact.grants, null);
  },
});

function groupsOf(fact: MembershipsFact): readonly (readonly [string, boolean])[] | null {
  if (fact === null) return null;
  const names = [...new Set(fact.map((g) => g.group))].sort();
  return names.map((name) => [name, fact.some((g) => g.group === name && g.admin)]);
}
