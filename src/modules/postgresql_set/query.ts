/** What a server says of its settings. */
import { z } from 'zod';
import type { NamedKey } from '../common/postgres/database.ts';
import { SETTINGS } from '../common/postgres/database.ts';
import { byName, definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { Settings } from '../common/postgres/settings.ts';

const Setting = z.object({
  name: z.string(),
  context: z.string(),
  /** What postgresql.auto.conf says, where ALTER SYSTEM writes; null when nothing. */
  written: z.string().nullable(),
  pendingRestart: z.boolean(),
});
export type SettingFact = { readonly known: false } | ({ readonly known: true } & Omit<z.output<typeof Setting>, 'name'>);

/** A setting of the whole server. Needs pg_read_all_settings and the right to read pg_file_settings: a superuser. */
export const setting = definePostgresQuery<NamedKey, SettingFact>({
  name: 'postgres-setting',
  of: 'server',
  subject: (key) => key.name,
  describe: (key) => `the setting ${key.name}`,
  // A restart may be pending or not, whatever was written.
  same: (a, b) => a.known && b.known && a.written === b.written,
  ask: (keys, read) => {
    const names = keys.map((k) => k.name);
    return byName<z.output<typeof Setting>, SettingFact>(
      names,
      read(
        `SELECT pg_catalog.json_build_object('name', pg_catalog.lower(s.name), 'context', s.context, 'pendingRestart', s.pending_restart,
  'written', (SELECT f.setting FROM pg_catalog.pg_file_settings f WHERE f.sourcefile LIKE '%/postgresql.auto.conf' AND pg_catalog.lower(f.name) = pg_catalog.lower(s.name) ORDER BY f.seqno DESC LIMIT 1)) AS fact
FROM pg_catalog.pg_settings s WHERE pg_catalog.lower(s.name) = ANY ($1::text[])`,
        [names],
      ),
      Setting,
      ({ name: _name, ...rest }) => ({ known: true, ...rest }),
      { known: false },
    );
  },
});

export interface RoleInDatabase extends PostgresKey {
  readonly database: string;
  readonly role: string;
}

/** What stands at a role for one database (ALTER ROLE … IN DATABASE … SET). */
export const roleSettings = definePostgresQuery<RoleInDatabase, Readonly<Record<string, string>>>({
  name: 'postgres-role-settings',
  of: 'server',
  subject: (key) => JSON.stringify([key.role, key.database]),
  describe: (key) => `the settings of role ${key.role} in database ${key.database}`,
  ask: async (keys, read) => {
    const Row = z.object({ name: z.string(), settings: Settings });
    const names = keys.map((k) => JSON.stringify([k.role, k.database]));
    return byName<z.output<typeof Row>, Readonly<Record<string, string>>>(
      names,
      read(
        `SELECT pg_catalog.json_build_object('name', w.id, 'settings', ${SETTINGS('pg_catalog.pg_db_role_setting x JOIN pg_catalog.pg_database d ON d.oid = x.setdatabase JOIN pg_catalog.pg_roles r ON r.oid = x.setrole, pg_catalog.unnest(x.setconfig) AS s WHERE d.datname = w.database AND r.rolname = w.role')}) AS fact
FROM unnest($1::text[], $2::text[], $3::text[]) AS w(id, role, database)`,
        [names, keys.map((k) => k.role), keys.map((k) => k.database)],
      ),
      Row,
      (row) => row.settings,
      {},
    );
  },
});
