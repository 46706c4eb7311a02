/** The embedded run history: one SQLite file. */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { historyFile } from './location.ts';
import { checksum, COUNT_NAMES, pendingMigrations } from './migrations.ts';
import { changeOf, hostOf, summaryOf, taskOf, warningOf, type Row } from './rows.ts';
import { openSqlite, parameters, transaction } from './sqlite.ts';
import type { Converged, HistoryRow, RecordedCounts, Retention, RunDetails, RunEnd, RunStart, RunSummary, Store } from './store.ts';

/** How many statements a pruning pass may make to come under the byte bound. */
const PRUNE_PASSES = 50;

const countValues = (counts: RecordedCounts): readonly number[] => COUNT_NAMES.map((name) => counts[name]);
const COUNT_COLUMNS = COUNT_NAMES.map((name) => `${name}_count`);

function migrate(db: DatabaseSync): void {
  transaction(db, () => {
    db.exec('create table if not exists schema_migrations (version integer primary key, name text not null, checksum text not null, applied_at text not null)');
    const applied = db.prepare('select version, checksum from schema_migrations').all() as Row[];
    const pending = pendingMigrations(applied.map((r) => ({ version: Number(r['version']), checksum: String(r['checksum']) })));
    for (const step of pending) {
      db.exec(step.sql);
      db.prepare('insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)').run(
        parameters([step.version, step.name, checksum(step), new Date().toISOString()]),
      );
    }
  });
}

/**
 * Opens the history, making or migrating it when needed (a few milliseconds).
 * @param options `leaveOpen`: closing does nothing, for a process that is about to end. What was written is in SQLite's
 *   log, and the next one to open the file finds it; folding it into the file would wait for the disk (30 ms).
 * @throws Diagnostic when the file cannot be opened; Error when a newer program wrote it
 */
export async function openSqliteStore(path = historyFile(), options: { readonly leaveOpen?: boolean } = {}): Promise<Store> {
  const db = await openSqlite(path);
  try {
    migrate(db);
  } catch (error) {
    db.close();
    throw error;
  }
  return new SqliteStore(db, options.leaveOpen ?? false);
}

class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #leaveOpen: boolean;

  constructor(db: DatabaseSync, leaveOpen: boolean) {
    this.#db = db;
    this.#leaveOpen = leaveOpen;
  }

  #run(sql: string, values: readonly SQLInputValue[]): void {
    this.#db.prepare(sql).run(parameters(values));
  }

  #all(sql: string, values: readonly SQLInputValue[] = []): Record<string, SQLOutputValue>[] {
    return this.#db.prepare(sql).all(parameters(values));
  }

  recordRun(run: RunStart): Promise<void> {
    transaction(this.#db, () => {
      this.#run(
        'insert into runs (id, started_at, mode, inventory, playbook, version, controller, user_name, host_count) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
        [run.id, run.startedAt, run.mode, run.inventory, run.playbook, run.version, run.controller, run.user, run.hosts.length],
      );
      const insert = this.#db.prepare('insert into run_hosts (run_id, host) values ($1, $2)');
      for (const host of new Set(run.hosts)) insert.run(parameters([run.id, host]));
    });
    return Promise.resolve();
  }

  append(run: string, first: number, rows: readonly HistoryRow[]): Promise<void> {
    transaction(this.#db, () => {
      const task = this.#db.prepare(
        'insert into run_tasks (run_id, seq, host, play, role, task, module, status, seconds, item, place, handler, message) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
      );
      const change = this.#db.prepare(
        'insert into run_changes (run_id, seq, host, role, task, resource, what, handler, uncertain, diff) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
      );
      const warning = this.#db.prepare('insert into run_warnings (run_id, seq, host, message) values ($1, $2, $3, $4)');
      rows.forEach((r, i) => {
        const seq = first + i;
        switch (r.type) {
          case 'task':
            task.run(parameters([run, seq, r.host, r.play, r.role, r.task, r.module, r.status, r.seconds, r.item, r.place, Number(r.handler), r.message]));
            break;
          case 'change':
            change.run(parameters([run, seq, r.host, r.role, r.task, r.resource, r.what, Number(r.handler), Number(r.unknown), r.diff]));
            break;
          case 'warning':
            warning.run(parameters([run, seq, r.host, r.message]));
            break;
        }
      });
    });
    return Promise.resolve();
  }

  finishRun(run: string, end: RunEnd, retention: Retention): Promise<void> {
    transaction(this.#db, () => {
      const assign = (from: number): string => COUNT_COLUMNS.map((c, i) => `${c} = $${String(from + i)}`).join(', ');
      this.#run(`update runs set ended_at = $1, status = $2, seconds = $3, ${assign(5)} where id = $4`, [end.endedAt, end.status, end.seconds, run, ...countValues(end.total)]);
      const host = this.#db.prepare(
        `insert into run_hosts (run_id, host, finished, ${COUNT_COLUMNS.join(', ')}) values ($1, $2, 1, ${COUNT_COLUMNS.map((_, i) => `$${String(3 + i)}`).join(', ')})
         on conflict (run_id, host) do update set finished = 1, ${COUNT_COLUMNS.map((c) => `${c} = excluded.${c}`).join(', ')}`,
      );
      for (const [name, counts] of Object.entries(end.hosts)) host.run(parameters([run, name, ...countValues(counts)]));
      this.#run('delete from runs where id in (select id from runs order by started_at desc, id desc limit 1000000 offset $1)', [retention.runs]);
    });
    this.#shrink(retention.bytes);
    return Promise.resolve();
  }

  /** Drops the oldest runs until the pages in use fit. The file itself is reused, not shortened. */
  #shrink(bytes: number): void {
    const used = (): number => {
      const page = (name: string): number => Number(this.#all(`pragma ${name}`)[0]?.[name] ?? 0);
      return (page('page_count') - page('freelist_count')) * page('page_size');
    };
    for (let pass = 0; pass < PRUNE_PASSES && used() > bytes; pass += 1) {
      const runs = Number(this.#all('select count(*) as n from runs')[0]?.['n'] ?? 0);
      if (runs <= 1) return;
      const share = Math.min(runs - 1, Math.max(1, Math.floor(runs / 10)));
      this.#run('delete from runs where id in (select id from runs order by started_at, id limit $1)', [share]);
    }
  }

  listRuns(filter: { readonly limit: number; readonly inventory?: string }): Promise<readonly RunSummary[]> {
    const rows =
      filter.inventory === undefined
        ? this.#all('select * from runs order by started_at desc, id desc limit $1', [filter.limit])
        : this.#all('select * from runs where inventory = $2 order by started_at desc, id desc limit $1', [filter.limit, filter.inventory]);
    return Promise.resolve(rows.map(summaryOf));
  }

  showRun(id: string): Promise<RunDetails | undefined> {
    const matching = this.#all('select * from runs where substr(id, 1, $2) = $1 order by started_at desc limit 2', [id, id.length]);
    const exact = matching.find((r) => r['id'] === id) ?? (matching.length === 1 ? matching[0] : undefined);
    if (exact === undefined) return Promise.resolve(undefined);
    const key = [String(exact['id'])];
    const hosts = this.#all('select * from run_hosts where run_id = $1 order by host', key).map(hostOf);
    return Promise.resolve({
      ...summaryOf(exact),
      hosts: Object.fromEntries(hosts),
      tasks: this.#all('select * from run_tasks where run_id = $1 order by seq', key).map(taskOf),
      changes: this.#all('select * from run_changes where run_id = $1 order by seq', key).map(changeOf),
      warnings: this.#all('select * from run_warnings where run_id = $1 order by seq', key).map(warningOf),
    });
  }

  lastConverged(host: string, inventory?: string): Promise<Converged | undefined> {
    const [row] = this.#all(
      `select r.id as id, r.ended_at as ended_at from run_hosts h join runs r on r.id = h.run_id
       where h.host = $1 and h.finished = 1 and h.failed_count = 0 and h.unreachable_count = 0
         and (r.mode = 'apply' or (r.mode = 'check' and h.changed_count = 0 and h.unknown_count = 0))
         and ($2 = '' or r.inventory = $2)
       order by r.ended_at desc limit 1`,
      [host, inventory ?? ''],
    );
    return Promise.resolve(row === undefined ? undefined : { host, run: String(row['id']), at: String(row['ended_at']) });
  }

  close(): Promise<void> {
    if (!this.#leaveOpen) this.#db.close();
    return Promise.resolve();
  }
}

