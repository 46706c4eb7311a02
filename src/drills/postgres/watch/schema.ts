/** The drill's database: one table in a database of its own, one login that may write into it. SQL as text. */
import { DRILL_DATABASE, DRILL_USER } from './login.ts';

/**
 * Run in `postgres`; what an earlier drill that was cut off has left goes first.
 *
 * @param verifier the password as the server keeps it, so that the password itself is in no statement, and hence in no log
 */
export function makeDatabaseSql(verifier: string): readonly string[] {
  return [
    `DROP DATABASE IF EXISTS ${DRILL_DATABASE} WITH (FORCE)`,
    `DROP ROLE IF EXISTS ${DRILL_USER}`,
    `CREATE ROLE ${DRILL_USER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 40 PASSWORD '${verifier}'`,
    `CREATE DATABASE ${DRILL_DATABASE} TEMPLATE template0`,
    `REVOKE ALL ON DATABASE ${DRILL_DATABASE} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${DRILL_DATABASE} TO ${DRILL_USER}`,
  ];
}

/** Run in the drill's database. */
export const MAKE_TABLE_SQL: readonly string[] = [
  'REVOKE ALL ON SCHEMA public FROM PUBLIC',
  'CREATE SCHEMA drill',
  `CREATE TABLE drill.written (
    client text NOT NULL,
    sequence bigint NOT NULL,
    timeline integer NOT NULL,
    lsn pg_lsn NOT NULL,
    server text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client, sequence)
  )`,
  `GRANT USAGE ON SCHEMA drill TO ${DRILL_USER}`,
  `GRANT INSERT, SELECT ON drill.written TO ${DRILL_USER}`,
];

/** Run in `postgres`. */
export const DROP_DATABASE_SQL: readonly string[] = [`DROP DATABASE IF EXISTS ${DRILL_DATABASE} WITH (FORCE)`, `DROP ROLE IF EXISTS ${DRILL_USER}`];

/** What a person runs when the drill could not. */
export const DROP_BY_HAND = `on the leader, as postgres: psql -c 'DROP DATABASE IF EXISTS ${DRILL_DATABASE} WITH (FORCE)' -c 'DROP ROLE IF EXISTS ${DRILL_USER}'`;

/**
 * One numbered row, as a transaction of its own. The timeline is that of the file that is written into: the control file
 * tells it only after the checkpoint that follows a promotion. `$1` client, `$2` sequence.
 */
export const WRITE_SQL = `INSERT INTO drill.written (client, sequence, timeline, lsn, server)
SELECT $1, $2, ('x' || substr(pg_walfile_name(here), 1, 8))::bit(32)::integer, here, coalesce(host(inet_server_addr()), '')
FROM pg_current_wal_insert_lsn() AS here
RETURNING timeline, server`;

/** When the server was started, in seconds: what tells one server from another behind a proxy. */
export const STARTED_SQL = 'SELECT extract(epoch FROM pg_postmaster_start_time())::text AS started';

/** The sequences that are there, as ranges, so that an hour of rows is a short answer: client, from, to. */
export const FOUND_SQL = `SELECT client, min(sequence), max(sequence) FROM (
  SELECT client, sequence, sequence - row_number() OVER (PARTITION BY client ORDER BY sequence) AS island FROM drill.written
) AS numbered GROUP BY client, island ORDER BY client, min(sequence)`;
