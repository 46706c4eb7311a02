/** What a server says of the extensions of a database. */
import { z } from 'zod';
import type { NamedKey } from './database.ts';
import { byName, definePostgresQuery } from './kind.ts';

const Extension = z.object({
  name: z.string(),
  /** The installed version; null when it is not installed. */
  installed: z.string().nullable(),
  /** Schema of the installed one. */
  schema: z.string(),
  relocatable: z.boolean(),
  /** The version that CREATE EXTENSION takes; null when the server's files have none. */
  available: z.string().nullable(),
  versions: z.array(z.string()),
  /** The schema that its control file asks for. */
  ownSchema: z.string().nullable(),
  /** What the version that CREATE EXTENSION takes needs. */
  requires: z.array(z.string()),
  comment: z.string(),
});
export type Extension = Omit<z.output<typeof Extension>, 'name'>;

export const NO_EXTENSION: Extension = { installed: null, schema: '', relocatable: false, available: null, versions: [], ownSchema: null, requires: [], comment: '' };

const ASK = `SELECT pg_catalog.json_build_object('name', w.name, 'installed', e.extversion, 'schema', COALESCE(n.nspname, ''), 'relocatable', COALESCE(e.extrelocatable, false),
  'available', a.default_version,
  'versions', COALESCE((SELECT pg_catalog.json_agg(v.version ORDER BY v.version) FROM pg_catalog.pg_available_extension_versions v WHERE v.name = w.name), '[]'::json),
  'ownSchema', d.schema, 'requires', COALESCE(pg_catalog.to_json(d.requires), '[]'::json),
  'comment', COALESCE(pg_catalog.obj_description(e.oid, 'pg_extension'), '')) AS fact
FROM pg_catalog.unnest($1::text[]) AS w(name)
LEFT JOIN pg_catalog.pg_extension e ON e.extname = w.name LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_catalog.pg_available_extensions a ON a.name = w.name
LEFT JOIN pg_catalog.pg_available_extension_versions d ON d.name = w.name AND d.version = a.default_version`;

export const extension = definePostgresQuery<NamedKey, Extension>({
  name: 'postgres-extension',
  of: 'database',
  subject: (key) => key.name,
  // The rest is what its files say.
  same: (a, b) => a.installed === b.installed && a.schema === b.schema,
  describe: (key) => `extension ${key.name} of database ${key.login.database}`,
  ask: (keys, read) => {
    const names = keys.map((k) => k.name);
    return byName<z.output<typeof Extension>, Extension>(names, read(ASK, [names]), Extension, ({ name: _name, ...rest }) => rest, NO_EXTENSION);
  },
});
