/** What only the leader's PostgreSQL and the hosts' files know: asked once for a status, read tolerantly. */
import { z } from 'zod';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { readCertificates } from '../../support/x509/inspect.ts';
import type { ClusterHost } from '../inventory.ts';
import type { Cluster } from './cluster.ts';
import type { HostAccess } from '../hosts.ts';
import type { AdminSql } from './sql.ts';

const Transaction = z.object({ seconds: z.number(), what: z.string() }).nullable();

const Facts = z.object({
  version: z.string(),
  connections: z.object({ most: z.int(), total: z.int(), active: z.int(), idle_in_transaction: z.int(), waiting: z.int() }),
  oldest_transaction: Transaction,
  oldest_prepared: Transaction,
  slots: z.array(z.object({ name: z.string(), type: z.string(), active: z.boolean(), retained_bytes: z.number().nullable(), wal_status: z.string().nullable() })),
  replication: z.array(z.object({ name: z.string(), state: z.string(), sync: z.string(), lag_bytes: z.number().nullable(), lag_seconds: z.number().nullable() })),
  frozen_xid_age: z.number(),
  size_bytes: z.number(),
});

export type LeaderFacts = z.infer<typeof Facts>;

/** One row, one JSON object. A replica that is not behind has no lag in seconds: NULL means none, not unknown. */
const FACTS_SQL = `SELECT jsonb_build_object(
  'version', current_setting('server_version'),
  'connections', (SELECT jsonb_build_object('most', current_setting('max_connections')::integer, 'total', count(*), 'active', count(*) FILTER (WHERE state = 'active'),
    'idle_in_transaction', count(*) FILTER (WHERE state LIKE 'idle in transaction%'), 'waiting', count(*) FILTER (WHERE wait_event_type = 'Lock'))
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
  'oldest_transaction', (SELECT jsonb_build_object('seconds', round(extract(epoch FROM clock_timestamp() - xact_start)), 'what', format('%s of %s in %s, %s', pid, usename, datname, state))
    FROM pg_stat_activity WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1),
  'oldest_prepared', (SELECT jsonb_build_object('seconds', round(extract(epoch FROM clock_timestamp() - prepared)), 'what', format('%s of %s in %s', gid, owner, database)) FROM pg_prepared_xacts ORDER BY prepared LIMIT 1),
  'slots', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', slot_name, 'type', slot_type, 'active', active, 'retained_bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 'wal_status', wal_status) ORDER BY slot_name), '[]') FROM pg_replication_slots),
  'replication', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', application_name, 'state', state, 'sync', sync_state, 'lag_bytes', greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0), 'lag_seconds', round(extract(epoch FROM replay_lag), 3)) ORDER BY application_name), '[]') FROM pg_stat_replication),
  'frozen_xid_age', (SELECT max(age(datfrozenxid)) FROM pg_database),
  'size_bytes', (SELECT sum(pg_database_size(oid)) FROM pg_database)
)`;

/** @throws Diagnostic when the answer is not what was asked for */
export function readFacts(text: string): LeaderFacts {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw failure('facts-answer', 'the leader’s answer is not JSON', { detail: text.slice(0, 300), cause });
  }
  const parsed = Facts.safeParse(json);
  if (!parsed.success) throw failure('facts-answer', 'the leader’s answer is not what was asked for', { detail: z.prettifyError(parsed.error) });
  return parsed.data;
}

/** @throws Diagnostic when the leader can't be asked */
export async function leaderFacts(leader: ClusterHost, sql: AdminSql): Promise<LeaderFacts> {
  const [row] = await sql.rows(leader, 'postgres', FACTS_SQL);
  return readFacts(row?.[0] ?? '');
}

export interface CertificateLeft {
  readonly file: string;
  /** Days until it is no longer valid; negative when it is not. */
  readonly days: number;
}

const MARK = '#file ';

/** Certificates in a listing of files, each after a line with its name. @param now milliseconds since the epoch */
export function readExpiries(text: string, now: number): readonly CertificateLeft[] {
  return text.split(MARK).slice(1).flatMap((part) => {
    const [file = '', ...rest] = part.split('\n');
    const [first] = readCertificates(rest.join('\n'));
    return first === undefined ? [] : [{ file, days: Math.floor((first.notAfter * 1000 - now) / 86_400_000) }];
  });
}

/** The certificates of the cluster on one host. @returns undefined when it can't be reached */
export async function certificatesOf(host: ClusterHost, cluster: Cluster, hosts: HostAccess): Promise<readonly CertificateLeft[] | undefined> {
  try {
    const text = await hosts.text(host, sh`for file in ${cluster.pkiDirectory}/*.crt /etc/pgbouncer/pki/*.crt /etc/etcd/pki/*.crt; do [ -r "$file" ] || continue; printf '#file %s\\n' "$file"; cat "$file"; done`);
    return readExpiries(text, Date.now());
  } catch (error) {
    if (error instanceof Diagnostic) return undefined;
    throw error;
  }
}

const Backup = z.looseObject({ age_seconds: z.number() }).nullish();

const Backups = z.looseObject({
  host: z.string(),
  repositories: z.array(z.looseObject({ key: z.int(), ok: z.boolean(), backups: z.int().optional(), newest: z.looseObject({ full: Backup, diff: Backup, incr: Backup }).optional(), newest_age_seconds: z.number().nullish() })).default([]),
  archive: z.looseObject({ age_seconds: z.number().nullish(), waiting_files: z.int().optional() }).nullish(),
  restore_proofs: z.array(z.looseObject({ repository: z.unknown().optional(), ok: z.boolean().optional(), age_seconds: z.number().nullish() })).default([]),
  problems: z.array(z.string()).default([]),
});

export type BackupFacts = z.infer<typeof Backups>;

/** @throws Diagnostic */
export function readBackups(text: string): BackupFacts {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw failure('backup-answer', 'the backup status is not JSON', { detail: text.slice(0, 300), cause });
  }
  const parsed = Backups.safeParse(json);
  if (!parsed.success) throw failure('backup-answer', 'the backup status is not what role postgres_backup writes', { detail: z.prettifyError(parsed.error) });
  return parsed.data;
}

/** The state of the backups as a host sees it. @returns undefined where role postgres_backup has not been; a text: why it can't be told */
export async function backupsOf(host: ClusterHost, hosts: HostAccess): Promise<BackupFacts | string | undefined> {
  try {
    const text = await hosts.text(host, sh`[ -x /usr/local/sbin/care-postgres-backup-status ] || exit 0; /usr/local/sbin/care-postgres-backup-status`, 150);
    return text.trim() === '' ? undefined : readBackups(text);
  } catch (error) {
    if (error instanceof Diagnostic) return error.message;
    throw error;
  }
}
