/** The run history on a PostgreSQL server that several controllers share. */
import { pendingMigrations } from './migrations.ts';
import { PostgresDatabase, SCHEMA } from './postgres.ts';
import type { DatabaseAddress } from './postgres-url.ts';
import type { SqlDatabase } from './sql.ts';
import { migrate, SqlStore } from './sql-store.ts';
import type { Store } from './store.ts';

/** Any number, the same for all: whoever migrates holds the advisory lock of this key. */
const MIGRATION_LOCK = 7_241_967_001;

/** Makes or migrates the schema when that is needed; a role that may only read can use one that is up to date. */
export async function prepareSchema(db: SqlDatabase): Promise<void> {
  const [there] = await db.all(`select to_regclass('${SCHEMA}.schema_migrations') is not null as there`);
  if (there?.['there'] === true) {
    const applied = await db.all('select version, checksum from schema_migrations');
    if (pendingMigrations(applied.map((r) => ({ version: Number(r['version']), checksum: String(r['checksum']) }))).length === 0) return;
  }
  await db.transaction(async (session) => {
    // Two first runs at once: the second finds all done.
    await session.all('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    // Not "if not exists": that needs the right to make schemas even where there is one.
    const [schema] = await session.all('select 1 as there from pg_namespace where nspname = $1', [SCHEMA]);
    if (schema === undefined) await session.script(`create schema ${SCHEMA}`);
    await migrate(session);
  });
}

/**
 * @param now milliseconds since the epoch, for what is bounded in days
 * @throws Diagnostic `store-unreachable`; Error when a newer program made the schema
 */
export async function openPostgresStore(at: DatabaseAddress, now?: () => number): Promise<Store> {
  const db = await PostgresDatabase.open(at);
  try {
    await prepareSchema(db);
  } catch (error) {
    await db.close();
    throw error;
  }
  return new SqlStore(db, now);
}
