/**
 * The run history over any database that speaks the SQL of `migrations.ts`. Whatever is written may be written twice: after a
 * lost connection nobody knows whether it was.
 */
import { checksum, COUNT_NAMES, pendingMigrations } from './migrations.ts';
import { changeOf, endOf, hostOf, sightingOf, summaryOf, taskOf, warningOf } from './rows.ts';
import { insertRows, type SqlDatabase, type SqlSession, type SqlValue } from './sql.ts';
import { MOST_SIGHTINGS, type Converged, type HistoryRow, type RecordedCounts, type Retention, type RunDetails, type RunEnd, type RunFilter, type RunStart, type RunSummary, type Sighting, type SightingFilter, type Store } from './store.ts';

/** How many statements a pruning pass may make to come under the byte bound. */
const PRUNE_PASSES = 50;
const DAY_MS = 86_400_000;

const COUNT_COLUMNS = COUNT_NAMES.map((name) => `${name}_count`);
const TASK_COLUMNS = ['run_id', 'seq', 'host', 'play', 'role', 'task', 'module', 'status', 'seconds', 'item', 'place', 'handler', 'message', 'noted_at'];
const CHANGE_COLUMNS = ['run_id', 'seq', 'host', 'role', 'task', 'resource', 'what', 'handler', 'uncertain', 'diff', 'seen', 'delegated_to', 'noted_at'];
const WARNING_COLUMNS = ['run_id', 'seq', 'host', 'message', 'noted_at'];

const countValues = (counts: RecordedCounts): readonly number[] => COUNT_NAMES.map((name) => counts[name]);

/**
 * Brings the schema up to what this program knows, in a transaction that the caller has made exclusive.
 * @throws Error when a newer program made the schema
 */
export async function migrate(session: SqlSession, now = new Date()): Promise<void> {
  await session.script('create table if not exists schema_migrations (version integer primary key, name text not null, checksum text not null, applied_at text not null)');
  const applied = await session.all('select version, checksum from schema_migrations');
  for (const step of pendingMigrations(applied.map((r) => ({ version: Number(r['version']), checksum: String(r['checksum']) })))) {
    await session.script(step.sql);
    await session.all('insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)', [step.version, step.name, checksum(step), now.toISOString()]);
  }
}

export class SqlStore implements Store {
  readonly #db: SqlDatabase;
  readonly #now: (() => number) | undefined;

  /** @param now milliseconds since the epoch, for what is bounded in days; default: the server's clock, or this machine's for a file */
  constructor(db: SqlDatabase, now?: () => number) {
    this.#db = db;
    this.#now = now;
  }

  recordRun(run: RunStart): Promise<void> {
    return this.#db.transaction(async (session) => {
      await session.all(
        'insert into runs (id, started_at, mode, inventory, playbook, version, controller, user_name, host_count, origin, arguments, revisions) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing',
        [run.id, run.startedAt, run.mode, run.inventory, run.playbook, run.version, run.controller, run.user, run.hosts.length, run.origin, JSON.stringify(run.arguments), JSON.stringify(run.revisions)],
      );
      await insertRows(session, 'run_hosts', ['run_id', 'host'], [...new Set(run.hosts)].map((host) => [run.id, host]), 'on conflict do nothing');
    });
  }

  append(run: string, first: number, rows: readonly HistoryRow[]): Promise<void> {
    const tasks: SqlValue[][] = [];
    const changes: SqlValue[][] = [];
    const warnings: SqlValue[][] = [];
    for (const [i, r] of rows.entries()) {
      const seq = first + i;
      if (r.type === 'task') tasks.push([run, seq, r.host, r.play, r.role, r.task, r.module, r.status, r.seconds, r.item, r.place, Number(r.handler), r.message, r.at]);
      else if (r.type === 'change') changes.push([run, seq, r.host, r.role, r.task, r.resource, r.what, Number(r.handler), Number(r.unknown), r.diff, r.seen === null ? null : JSON.stringify(r.seen), r.delegatedTo, r.at]);
      else warnings.push([run, seq, r.host, r.message, r.at]);
    }
    return this.#db.transaction(async (session) => {
      await insertRows(session, 'run_tasks', TASK_COLUMNS, tasks, 'on conflict do nothing');
      await insertRows(session, 'run_changes', CHANGE_COLUMNS, changes, 'on conflict do nothing');
      await insertRows(session, 'run_warnings', WARNING_COLUMNS, warnings, 'on conflict do nothing');
    });
  }

  async finishRun(run: string, end: RunEnd, retention: Retention): Promise<void> {
    await this.#db.transaction(async (session) => {
      const assign = COUNT_COLUMNS.map((c, i) => `${c} = $${String(8 + i)}`).join(', ');
      await session.all(`update runs set ended_at = $1, status = $2, seconds = $3, roles = $4, slowest = $5, observations = $6, ${assign} where id = $7`, [
        end.endedAt, end.status, end.seconds, JSON.stringify(end.roles), JSON.stringify(end.slowest), JSON.stringify(end.observations), run, ...countValues(end.total),
      ]);
      await insertRows(
        session,
        'run_hosts',
        ['run_id', 'host', 'finished', ...COUNT_COLUMNS],
        Object.entries(end.hosts).map(([name, counts]) => [run, name, end.unfinished?.includes(name) === true ? 0 : 1, ...countValues(counts)]),
        `on conflict (run_id, host) do update set finished = excluded.finished, ${COUNT_COLUMNS.map((c) => `${c} = excluded.${c}`).join(', ')}`,
      );
    });
    await this.prune(retention);
  }

  async prune(retention: Retention): Promise<number> {
    const count = async (): Promise<number> => Number((await this.#db.all('select count(*) as n from runs'))[0]?.['n'] ?? 0);
    const before = await count();
    const ranked = 'select id, started_at, row_number() over (partition by inventory order by started_at desc, id desc) as n from runs';
    // Not this controller's clock where others' runs are kept: if it is years ahead they would be dropped.
    const oldest = retention.days === undefined ? '' : new Date((this.#now?.() ?? (await this.#db.serverTime()) ?? Date.now()) - retention.days * DAY_MS).toISOString();
    await this.#db.all(`delete from runs where id in (select id from (${ranked}) ranked where n > $1 or (n > 1 and started_at < $2))`, [retention.runs, oldest]);
    for (let pass = 0; pass < PRUNE_PASSES; pass += 1) {
      const used = await this.#db.usedBytes();
      const runs = await count();
      if (used === undefined || used <= retention.bytes || runs <= 1) break;
      const share = Math.min(runs - 1, Math.max(1, Math.floor(runs / 10)));
      await this.#db.all('delete from runs where id in (select id from runs order by started_at, id limit $1)', [share]);
    }
    return before - (await count());
  }

  async listRuns(filter: RunFilter): Promise<readonly RunSummary[]> {
    const rows = await this.#db.all(
      "select * from runs where ($2 = '' or inventory = $2) and ($3 = '' or mode = $3) and started_at >= $4 order by started_at desc, id desc limit $1",
      [filter.limit, filter.inventory ?? '', filter.mode ?? '', filter.since ?? ''],
    );
    return rows.map(summaryOf);
  }

  async showRun(id: string): Promise<RunDetails | undefined> {
    const matching = await this.#db.all('select * from runs where substr(id, 1, $2) = $1 order by started_at desc limit 2', [id, id.length]);
    const row = matching.find((r) => r['id'] === id) ?? (matching.length === 1 ? matching[0] : undefined);
    if (row === undefined) return undefined;
    const summary = summaryOf(row);
    const key = [summary.id];
    return {
      ...summary,
      ...endOf(row),
      hosts: Object.fromEntries((await this.#db.all('select * from run_hosts where run_id = $1 order by host', key)).map(hostOf)),
      tasks: (await this.#db.all('select * from run_tasks where run_id = $1 order by seq', key)).map(taskOf),
      changes: (await this.#db.all('select * from run_changes where run_id = $1 order by seq', key)).map(changeOf),
      warnings: (await this.#db.all('select * from run_warnings where run_id = $1 order by seq', key)).map(warningOf),
    };
  }

  async sightings(filter: SightingFilter): Promise<readonly Sighting[]> {
    const rows = await this.#db.all(
      `select c.*, r.started_at, r.mode, r.inventory, r.controller, r.user_name, r.revisions from run_changes c join runs r on r.id = c.run_id
       where r.mode in ('apply', 'check') and r.started_at >= $1 and ($2 = '' or r.inventory = $2) and ($3 = '' or c.host = $3) and c.uncertain = 0 and c.handler = 0
         and exists (select 1 from run_changes o join runs s on s.id = o.run_id where o.host = c.host and o.resource = c.resource and o.run_id <> c.run_id
           and o.uncertain = 0 and o.handler = 0 and s.mode in ('apply', 'check') and s.started_at >= $1)
       order by r.started_at desc, r.id desc, c.seq desc limit $4`,
      [filter.since, filter.inventory ?? '', filter.host ?? '', MOST_SIGHTINGS],
    );
    return rows.map(sightingOf).reverse();
  }

  async lastConverged(host: string, inventory?: string): Promise<Converged | undefined> {
    const [row] = await this.#db.all(
      `select r.id as id, r.ended_at as ended_at from run_hosts h join runs r on r.id = h.run_id
       where h.host = $1 and h.finished = 1 and h.failed_count = 0 and h.unreachable_count = 0
         and (r.mode = 'apply' or (r.mode = 'check' and h.changed_count = 0 and h.unknown_count = 0))
         and ($2 = '' or r.inventory = $2)
       order by r.ended_at desc limit 1`,
      [host, inventory ?? ''],
    );
    return row === undefined ? undefined : { host, run: String(row['id']), at: String(row['ended_at']) };
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
