/**
 * A worker's side of a run that several share (`shared-run.ts`). Whatever it writes for a share carries the share's token, and is refused by the
 * server, in the same statement, when another worker has been given the share since: a worker that was stopped, or cut off, and goes on
 * later, changes nothing of what its successor says (a fencing token; M. Kleppmann, "How to do distributed locking", 2016).
 */
import { hostname } from 'node:os';
import { Diagnostic } from '../support/diagnostic.ts';
import { LEASE_SECONDS } from './lease.ts';
import { LAST_PLACE, leaseOf, list, NOW, type BatchState, type ShareLease } from './shared-run.ts';
import type { SqlDatabase, SqlValue } from './sql.ts';

/** A share that nobody has begun with belongs to a worker of its own; after these seconds to any that has one already. */
const UNBEGUN_SECONDS = 60;

export const SHARE_LOST = 'share-lost';

/** @returns what is thrown for a write of a share that is another worker's by now, or whose lease may have expired */
export function shareLost({ share }: Pick<ShareLease, 'share'>): Diagnostic {
  return new Diagnostic({
    kind: 'locked', code: SHARE_LOST, summary: `share ${String(share)} of the run has been given to another worker, or the run is over`,
    detail: 'This worker did not renew its lease in time (it was stopped, or the machine slept), or its coordinator is gone, so it changes nothing more.',
    remedy: 'nothing: the other worker goes on with these hosts',
  });
}

/**
 * The row of the share while its token is the newest. `for share` makes whoever would give the share to somebody else wait until the write has
 * been made, and a write that comes after that find no row.
 */
const FENCE = 'with fence as (select share from run_shares where run_id = $1 and share = $2 and token = $3 and holder = $4 for share)';

export class RunShares {
  readonly #db: SqlDatabase;
  readonly #holder: string;
  readonly run: string;

  /** @param holder unique for the worker */
  constructor(db: SqlDatabase, run: string, holder: string) {
    this.#db = db;
    this.run = run;
    this.#holder = holder;
  }

  /**
   * @param write that reads `fence`, which is empty when the share is somebody else's; its own values begin with `$5`
   * @throws Diagnostic `share-lost` when nothing was written for that reason
   */
  async #fenced(lease: ShareLease, write: string, values: readonly SqlValue[]): Promise<void> {
    const rows = await this.#db.all(`${FENCE}, written as (${write}) select share from fence`, [this.run, lease.share, lease.token, this.#holder, ...values]);
    if (rows.length === 0) throw shareLost(lease);
  }

  /** @param set of the share's own row; its values begin with `$5` */
  async #update(lease: ShareLease, set: string, values: readonly SqlValue[]): Promise<void> {
    const rows = await this.#db.all(`update run_shares set ${set} where run_id = $1 and share = $2 and token = $3 and holder = $4 returning share`, [this.run, lease.share, lease.token, this.#holder, ...values]);
    if (rows.length === 0) throw shareLost(lease);
  }

  /** What the run is of, and whether it still goes on; undefined when there is none of that name. */
  async look(): Promise<{ readonly digest: string; readonly goesOn: boolean; readonly done: boolean } | undefined> {
    const [row] = await this.#db.all(
      `select digest, ended = 0 and expires_at > ${NOW} as goes_on, not exists (select 1 from run_shares s where s.run_id = r.run_id and s.result is null) as done from shared_runs r where run_id = $1`,
      [this.run],
    );
    return row === undefined ? undefined : { digest: String(row['digest']), goesOn: row['goes_on'] === true, done: row['done'] === true };
  }

  /**
   * Leases one share that nobody has: two workers that ask at once get different ones, since neither waits for a row that the other has locked.
   *
   * @param own whether the worker has a share already: then only one that was left behind
   */
  async claim(own: boolean): Promise<ShareLease | undefined> {
    const [row] = await this.#db.all(
      `update run_shares set holder = $2, worker = $3, token = token + 1, expires_at = ${NOW} + $4, result = null
       where (run_id, share) = (
         select s.run_id, s.share from run_shares s join shared_runs r on r.run_id = s.run_id
         where s.run_id = $1 and r.ended = 0 and s.result is null and s.expires_at <= ${NOW} and ($5 = 0 or s.token > 0 or r.began_at < ${NOW} - $6)
         order by s.token desc, s.share limit 1 for update of s skip locked)
       returning share, hosts, token`,
      [this.run, this.#holder, `${hostname()}, process ${String(process.pid)}`, LEASE_SECONDS, own ? 1 : 0, UNBEGUN_SECONDS],
    );
    return row === undefined ? undefined : leaseOf(row);
  }

  /** @returns whether the share is still this holder's, and the run goes on: its token is what fences off who had it before */
  async renew({ share, token }: ShareLease): Promise<boolean> {
    const rows = await this.#db.all(
      `update run_shares set expires_at = ${NOW} + $5 where run_id = $1 and share = $2 and token = $3 and holder = $4
       and exists (select 1 from shared_runs where run_id = $1 and expires_at > ${NOW} - $5) returning share`,
      [this.run, share, token, this.#holder, LEASE_SECONDS],
    );
    return rows.length === 1;
  }

  /** Says how far a share has come, and which of its hosts take no further part. @throws Diagnostic `share-lost` */
  async reached(lease: ShareLease, place: string, gone: readonly string[]): Promise<void> {
    await this.#update(lease, 'place = $5, gone = $6', [place, JSON.stringify(gone)]);
  }

  /** Whether all shares have come as far as this. */
  async allReached(place: string): Promise<boolean> {
    const [row] = await this.#db.all('select not exists (select 1 from run_shares where run_id = $1 and place collate "C" < $2 collate "C" and result is null) as there', [this.run, place]);
    return row?.['there'] === true;
  }

  /**
   * The hosts of all shares that take no part in a play, decided by whoever comes first when all shares have come to it, and the same for everybody
   * from then on: batches of `serial` are cut from the others, and must not shift when a host fails while some are already in the play, or
   * when a worker that takes a share over finds its hosts better, or worse, than the one before.
   *
   * @throws Diagnostic `share-lost`
   */
  async decidePlay(lease: ShareLease, play: number): Promise<readonly string[]> {
    const decided = async (): Promise<readonly string[] | undefined> => {
      const [row] = await this.#db.all('select gone from run_plays where run_id = $1 and play = $2', [this.run, play]);
      return row === undefined ? undefined : list(row, 'gone');
    };
    const already = await decided();
    if (already !== undefined) return already;
    const shares = await this.#db.all('select gone from run_shares where run_id = $1 order by share', [this.run]);
    const gone = shares.flatMap((row) => list(row, 'gone'));
    await this.#fenced(lease, 'insert into run_plays (run_id, play, gone) select $1, $5::integer, $6::text from fence on conflict do nothing', [play, JSON.stringify(gone)]);
    return (await decided()) ?? gone;
  }

  /**
   * Says who would lead a task that is carried out once. To be said before {@link reached}. The share keeps the number with which its first worker
   * stood there, and so its right to lead, which others may have read already; the host may be another one by now, since a
   * worker that takes the share over may have lost the host of before.
   *
   * @throws Diagnostic `share-lost`
   */
  async stands(lease: ShareLease, place: string, host: string, number: number): Promise<void> {
    await this.#fenced(
      lease,
      `insert into run_meetings (run_id, place, share, host, host_number) select $1, $5::text, share, $6::text, $7::integer from fence
       on conflict (run_id, place, share) do update set host = excluded.host`,
      [place, host, number],
    );
  }

  /** The first of the hosts that stand there, and how the task has ended if it has. */
  async leader(place: string): Promise<{ readonly host: string; readonly failed: boolean | undefined } | undefined> {
    const [row] = await this.#db.all('select host, failed from run_meetings where run_id = $1 and place = $2 order by host_number limit 1', [this.run, place]);
    return row === undefined ? undefined : { host: String(row['host']), failed: row['failed'] === null ? undefined : Number(row['failed']) === 1 };
  }

  /** How a task that one of the share's hosts led has ended. @throws Diagnostic `share-lost` */
  async conclude(lease: ShareLease, place: string, host: string, failed: boolean): Promise<void> {
    await this.#fenced(lease, 'update run_meetings m set failed = $7::integer from fence where m.run_id = $1 and m.share = fence.share and m.place = $5 and m.host = $6 returning m.share', [place, host, failed ? 1 : 0]);
  }

  /** How a share stands in a batch. What ends the play for everybody is told once. @throws Diagnostic `share-lost` */
  async stand(lease: ShareLease, batch: string, state: BatchState): Promise<void> {
    await this.#fenced(
      lease,
      `insert into run_share_batches (run_id, batch, share, hosts, failed, stopped) select $1, $5::text, share, $6::integer, $7::integer, $8::text from fence
       on conflict (run_id, batch, share) do update set hosts = excluded.hosts, failed = excluded.failed, stopped = coalesce(run_share_batches.stopped, excluded.stopped)`,
      [batch, state.hosts, state.failed, state.stopped ?? null],
    );
  }

  /** How batches stand on all workers, by their names: those that begin so. */
  async batches(beginning: string): Promise<ReadonlyMap<string, BatchState>> {
    const rows = await this.#db.all('select batch, sum(hosts) as hosts, sum(failed) as failed, min(stopped) as stopped from run_share_batches where run_id = $1 and starts_with(batch, $2) group by batch', [this.run, beginning]);
    return new Map(rows.map((row) => [String(row['batch']), { hosts: Number(row['hosts']), failed: Number(row['failed']), stopped: typeof row['stopped'] === 'string' ? row['stopped'] : undefined }]));
  }

  /** @param facts JSON, by host. @throws Diagnostic `share-lost` */
  async tellFacts(lease: ShareLease, facts: ReadonlyMap<string, string>): Promise<void> {
    await this.#fenced(lease, 'insert into run_host_facts (run_id, host, facts) select $1, each.key, each.value from fence, json_each_text($5::json) as each on conflict (run_id, host) do update set facts = excluded.facts', [JSON.stringify(Object.fromEntries(facts))]);
  }

  /** Facts of hosts, JSON, that are not among these. */
  async factsBut(hosts: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#db.all('select host, facts from run_host_facts where run_id = $1', [this.run]);
    return new Map(rows.filter((row) => !hosts.has(String(row['host']))).map((row) => [String(row['host']), String(row['facts'])]));
  }

  /** @param events JSON, which has no NUL. @throws Diagnostic `share-lost` */
  async tell(lease: ShareLease, first: number, events: readonly string[]): Promise<void> {
    await this.#fenced(lease, 'insert into run_share_events (run_id, share, token, seq, event) select $1, share, $3, $5::integer + number - 1, event from fence, json_array_elements_text($6::json) with ordinality as each (event, number) on conflict do nothing', [first, JSON.stringify(events)]);
  }

  /** The share is through. @throws Diagnostic `share-lost` */
  async finish(lease: ShareLease, result: string): Promise<void> {
    await this.#update(lease, 'result = $5, place = $6', [result, LAST_PLACE]);
  }

  /** Gives it to whoever asks next: this worker ends. One that is somebody else's already stays that. */
  async giveBack({ share, token }: ShareLease): Promise<void> {
    await this.#db.all('update run_shares set expires_at = 0 where run_id = $1 and share = $2 and token = $3 and holder = $4 and result is null', [this.run, share, token, this.#holder]);
  }
}
