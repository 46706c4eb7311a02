/** What a server says of the schemas of a database. */
import { z } from 'zod';
import type { NamedKey } from './database.ts';
import { byName, definePostgresQuery } from './kind.ts';

const Present = z.object({ name: z.string(), owner: z.string(), comment: z.string(), /** Tables, sequences, functions and types in it. */ objects: z.int() });
export type PresentSchema = { readonly exists: true } & Omit<z.output<typeof Present>, 'name'>;
export type Schema = { readonly exists: false } | PresentSchema;

const ASK = `SELECT pg_catalog.json_build_object('name', n.nspname, 'owner', r.rolname, 'comment', COALESCE(pg_catalog.obj_description(n.oid, 'pg_namespace'), ''),
  'objects', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind NOT IN ('i', 'I', 't'))
    + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid)
    + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid AND t.typrelid = 0 AND t.typelem = 0)) AS fact
FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner WHERE n.nspname = ANY ($1::text[])`;

export const schema = definePostgresQuery<NamedKey, Schema>({
  name: 'postgres-schema',
  after: ['postgres-database', 'postgres-extension', 'postgres-partitions'],
  of: 'database',
  subject: (key) => key.name,
  // What is in it, others fill.
  same: (a, b) => (a.exists && b.exists ? a.owner === b.owner && a.comment === b.comment : a.exists === b.exists),
  describe: (key) => `schema ${key.name} of database ${key.login.database}`,
  ask: (keys, read) => {
    const names = keys.map((k) => k.name);
    return byName<z.output<typeof Present>, Schema>(names, read(ASK, [names]), Present, ({ name: _name, ...rest }) => ({ exists: true, ...rest }), { exists: false });
  },
});

/** What a new database has under a name (PostgreSQL 15 and later). */
export function freshSchema(name: string): Schema {
  return name === 'public' ? { exists: true, owner: 'pg_database_owner', comment: 'standard public schema', objects: 0 } : { exists: false };
}
