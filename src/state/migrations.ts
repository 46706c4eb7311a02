/**
 * The schema of the history, as numbered steps that are never edited once released: their checksums are
 * kept in the database. The SQL is the subset that SQLite and PostgreSQL 15 to 18 read alike.
 */
import { createHash } from 'node:crypto';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

const COUNTS = ['ok', 'changed', 'failed', 'unreachable', 'skipped', 'unknown', 'rescued', 'ignored'] as const;
const counts = COUNTS.map((c) => `${c}_count integer not null default 0`).join(',\n  ');

export const COUNT_NAMES = COUNTS;

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'runs, hosts, tasks, changes, warnings',
    sql: `
create table runs (
  id text primary key,
  started_at text not null,
  ended_at text,
  mode text not null,
  inventory text not null,
  playbook text not null,
  version text not null,
  controller text not null,
  user_name text not null,
  status integer,
  seconds double precision,
  host_count integer not null,
  ${counts}
);
create index runs_started on runs (started_at);
create table run_hosts (
  run_id text not null references runs (id) on delete cascade,
  host text not null,
  finished integer not null default 0,
  ${counts},
  primary key (run_id, host)
);
create index run_hosts_host on run_hosts (host);
create table run_tasks (
  run_id text not null references runs (id) on delete cascade,
  seq integer not null,
  host text not null,
  play text not null,
  role text not null,
  task text not null,
  module text not null,
  status text not null,
  seconds double precision not null,
  item text,
  place text not null,
  handler integer not null,
  message text,
  primary key (run_id, seq)
);
create table run_changes (
  run_id text not null references runs (id) on delete cascade,
  seq integer not null,
  host text not null,
  role text not null,
  task text not null,
  resource text not null,
  what text not null,
  handler integer not null,
  uncertain integer not null,
  diff text,
  primary key (run_id, seq)
);
create index run_changes_resource on run_changes (host, resource);
create table run_warnings (
  run_id text not null references runs (id) on delete cascade,
  seq integer not null,
  host text,
  message text not null,
  primary key (run_id, seq)
);
`,
  },
  {
    version: 2,
    name: 'origin, arguments, revisions; times of rows; what was seen before a change',
    sql: `
alter table runs add column origin text;
alter table runs add column arguments text not null default '[]';
alter table runs add column revisions text not null default '[]';
alter table runs add column roles text not null default '{}';
alter table runs add column slowest text not null default '[]';
alter table run_tasks add column noted_at text;
alter table run_changes add column noted_at text;
alter table run_changes add column seen text;
alter table run_warnings add column noted_at text;
create index runs_inventory on runs (inventory, started_at);
`,
  },
  {
    version: 3,
    name: 'leases',
    // Used on a server only: on one machine a dead holder is known to be dead.
    sql: `
create table leases (
  name text primary key,
  token integer not null,
  holder text not null,
  user_name text not null,
  controller text not null,
  pid integer not null,
  command text not null,
  since text not null,
  expires_at double precision not null
);
`,
  },
  {
    version: 4,
    name: 'certificates, backups and versions that a run saw',
    sql: `
alter table runs add column observations text not null default '[]';
`,
  },
  {
    version: 5,
    name: 'runs that workers share',
    // Used on a server only, and only while such a run goes on.
    sql: `
create table shared_runs (
  run_id text primary key,
  digest text not null,
  began_at double precision not null,
  ended integer not null default 0,
  expires_at double precision not null
);
create table run_shares (
  run_id text not null references shared_runs (run_id) on delete cascade,
  share integer not null,
  hosts text not null,
  token integer not null default 0,
  holder text,
  worker text,
  expires_at double precision not null default 0,
  place text not null default '',
  gone text not null default '[]',
  result text,
  primary key (run_id, share)
);
create table run_share_events (
  run_id text not null references shared_runs (run_id) on delete cascade,
  share integer not null,
  token integer not null,
  seq integer not null,
  event text not null,
  primary key (run_id, share, token, seq)
);
create table run_share_batches (
  run_id text not null references shared_runs (run_id) on delete cascade,
  batch text not null,
  share integer not null,
  hosts integer not null,
  failed integer not null,
  stopped text,
  primary key (run_id, batch, share)
);
create table run_meetings (
  run_id text not null references shared_runs (run_id) on delete cascade,
  place text not null,
  share integer not null,
  host text not null,
  host_number integer not null,
  failed integer,
  primary key (run_id, place, share)
);
create table run_host_facts (
  run_id text not null references shared_runs (run_id) on delete cascade,
  host text not null,
  facts text not null,
  primary key (run_id, host)
);
`,
  },
  {
    version: 6,
    name: 'who takes part in a play of a run that workers share',
    sql: `
create table run_plays (
  run_id text not null references shared_runs (run_id) on delete cascade,
  play integer not null,
  gone text not null,
  primary key (run_id, play)
);
`,
  },
  {
    version: 7,
    name: 'the host that a change of a delegated task was made on',
    sql: 'alter table run_changes add column delegated_to text;',
  },
];

export function checksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex');
}

/** What a database says of the steps it has seen. */
export interface AppliedMigration {
  readonly version: number;
  readonly checksum: string;
}

/**
 * The steps still to be done.
 * @throws Error when the database was made by a newer program, or a released step was edited
 */
export function pendingMigrations(applied: readonly AppliedMigration[], known: readonly Migration[] = MIGRATIONS): readonly Migration[] {
  const byVersion = new Map(known.map((m) => [m.version, m]));
  for (const done of applied) {
    const migration = byVersion.get(done.version);
    if (migration === undefined) throw new Error(`the history has schema version ${String(done.version)}, which this program does not know: it was written by a newer care-provision`);
    if (checksum(migration) !== done.checksum) throw new Error(`the history's schema step ${String(done.version)} (${migration.name}) is not the one that this program has`);
  }
  const seen = new Set(applied.map((a) => a.version));
  return known.filter((m) => !seen.has(m.version)).sort((a, b) => a.version - b.version);
}
