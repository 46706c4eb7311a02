/** The subsets of what `postgresql_info` tells, each one question. */
import type { Value } from '../../support/value.ts';
import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { valueOf } from '../common/postgres/value.ts';

const object = (name: string, fields: string, from: string): string => `SELECT COALESCE(pg_catalog.json_object_agg(x.${name}, pg_catalog.row_to_json(x)), '{}'::json) AS fact FROM (SELECT ${fields} FROM ${from}) x`;

/** Names as Ansible's module has them. */
export const SUBSETS = {
  databases: object('name', 'd.datname AS name, r.rolname AS owner, pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype, d.datconnlimit AS conn_limit, CASE WHEN pg_catalog.has_database_privilege(d.oid, \'CONNECT\') THEN pg_catalog.pg_database_size(d.oid)::text END AS size, pg_catalog.age(d.datfrozenxid) AS xid_age', 'pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba WHERE NOT d.datistemplate'),
  extensions: object('name', 'e.extname AS name, e.extversion AS version, n.nspname AS schema', 'pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace'),
  roles: object('name', 'r.rolname AS name, r.rolcanlogin AS canlogin, r.rolsuper AS superuser, r.rolcreatedb AS createdb, r.rolcreaterole AS createrole, r.rolreplication AS replication, r.rolconnlimit AS conn_limit, r.rolvaliduntil::text AS valid_until, ARRAY(SELECT g.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1) AS member_of', "pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_'"),
  settings: object('name', 's.name, s.setting, s.unit, s.context, s.source, s.pending_restart', 'pg_catalog.pg_settings s'),
  replications: object('pid', 'r.pid, r.usename, r.application_name AS app_name, r.client_addr, r.state, r.sync_state, pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, r.replay_lsn)::text AS lag_bytes', 'pg_catalog.pg_stat_replication r'),
  repl_slots: object('slot_name', 's.slot_name, s.slot_type, s.plugin, s.database, s.active, s.restart_lsn::text', 'pg_catalog.pg_replication_slots s'),
  tablespaces: object('name', 't.spcname AS name, r.rolname AS owner, pg_catalog.pg_tablespace_location(t.oid) AS location', 'pg_catalog.pg_tablespace t JOIN pg_catalog.pg_roles r ON r.oid = t.spcowner'),
} as const;
export type Subset = keyof typeof SUBSETS;

export interface InfoKey extends PostgresKey {
  readonly subset: Subset;
}

export const info = definePostgresQuery<InfoKey, Value>({
  name: 'postgres-info',
  of: 'login',
  subject: (key) => key.subset,
  describe: (key) => `the ${key.subset} of the PostgreSQL server`,
  after: ['postgres-database', 'postgres-role', 'postgres-extension', 'postgres-memberships', 'postgres-setting'],
  ask: async (keys, read) => {
    const rows = await Promise.all(keys.map((key) => read(SUBSETS[key.subset])));
    return rows.map(([fact]) => valueOf(fact));
  },
});
