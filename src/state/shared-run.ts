/**
 * A run that several workers share, as rows of the run store: its hosts are dealt into shares, each leased by one worker at a time, with a token
 * that grows with every holder. What hosts of different shares have to wait for each other for is told by the place that each share has
 * reached. Only what is no secret is written here. All times are those of the server.
 */
import { hostname } from 'node:os';
import { LEASE_SECONDS } from './lease.ts';
import type { Row } from './rows.ts';
import { insertRows, type SqlDatabase } from './sql.ts';

const NOW = 'extract(epoch from clock_timestamp())';
/** A share that nobody has begun with belongs to a worker of its own; after these seconds to any that has one already. */
const UNBEGUN_SECONDS = 60;
/** Above all places, as text. */
export const LAST_PLACE = '~';

export interface ShareLease {
  readonly share: number;
  readonly hosts: readonly string[];
  readonly token: number;
}

export interface ShareState {
  readonly share: number;
  readonly hosts: readonly string[];
  readonly token: number;
  /** The last worker that had it: `controller, process 12`. */
  readonly worker: string | undefined;
  /** What its worker has summed up, JSON; undefined while it is not through. */
  readonly result: string | undefined;
  /** Whether a worker is at it, as far as its lease says. */
  readonly held: boolean;
  readonly gone: readonly string[];
}

/** How a batch of hosts stands in all shares. */
export interface BatchState {
  readonly hosts: number;
  readonly failed: number;
  /** Why the play is ended for everybody, in the words of the share that found it. */
  readonly stopped: string | undefined;
}

function list(row: Row, name: string): readonly string[] {
  const value: unknown = JSON.parse(String(row[name]));
  return Array.isArray(value) ? value.map(String) : [];
}

function text(row: Row, name: string): string | undefined {
  const value = row[name];
  return typeof value === 'string' ? value : undefined;
}

function leaseOf(row: Row): ShareLease {
  return { share: Number(row['share']), hosts: list(row, 'hosts'), token: Number(row['token']) };
}

/** The coordinator's side. */
export class SharedRun {
  readonly #db: SqlDatabase;
  readonly run: string;
  /** The last event of each share and token that has been taken, by both. */
  readonly #taken = new Map<string, { readonly share: number; readonly token: number; readonly seq: number }>();
  /** Those of them that are still to be deleted. */
  readonly #stale = new Set<string>();

  private constructor(db: SqlDatabase, run: string) {
    this.#db = db;
    this.run = run;
  }

  /**
   * Offers a run to workers.
   * @param digest of what is run: a worker that would run something else is refused
   */
  static async begin(db: SqlDatabase, run: string, digest: string, shares: readonly (readonly string[])[]): Promise<SharedRun> {
    await db.transaction(async (session) => {
      // Of runs whose coordinator died: nobody needs them any more.
      await session.all(`delete from shared_runs where expires_at < ${NOW} - 86400`);
      await session.all(`insert into shared_runs (run_id, digest, began_at, expires_at) values ($1, $2, ${NOW}, ${NOW} + $3) on conflict (run_id) do nothing`, [run, digest, LEASE_SECONDS]);
      await insertRows(session, 'run_shares', ['run_id', 'share', 'hosts'], shares.map((hosts, i) => [run, i, JSON.stringify(hosts)]), 'on conflict do nothing');
    });
    return new SharedRun(db, run);
  }

  /** Says that the coordinator lives. */
  async renew(): Promise<void> {
    await this.#db.all(`update shared_runs set expires_at = ${NOW} + $2 where run_id = $1`, [this.run, LEASE_SECONDS]);
  }

  async shares(): Promise<readonly ShareState[]> {
    const rows = await this.#db.all(`select share, hosts, token, worker, result, gone, expires_at > ${NOW} as held from run_shares where run_id = $1 order by share`, [this.run]);
    return rows.map((row) => ({
      ...leaseOf(row), worker: text(row, 'worker'), result: text(row, 'result'), held: row['held'] === true, gone: list(row, 'gone'),
    }));
  }

  /**
   * Events that have come since, in the order of each share. They are deleted when they are here: an answer that is lost with its connection is
   * asked for again, and must not have taken them along.
   */
  async takeEvents(): Promise<readonly { readonly share: number; readonly token: number; readonly event: string }[]> {
    for (const name of this.#stale) {
      const last = this.#taken.get(name);
      if (last !== undefined) await this.#db.all('delete from run_share_events where run_id = $1 and share = $2 and token = $3 and seq <= $4', [this.run, last.share, last.token, last.seq]);
      this.#stale.delete(name);
    }
    const rows = await this.#db.all('select share, token, seq, event from run_share_events where run_id = $1 order by share, token, seq', [this.run]);
    return rows.map((row) => ({ share: Number(row['share']), token: Number(row['token']), seq: Number(row['seq']), event: String(row['event']) })).filter(({ share, token, seq }) => {
      const name = `${String(share)}.${String(token)}`;
      if (seq <= (this.#taken.get(name)?.seq ?? -1)) return false;
      this.#taken.set(name, { share, token, seq });
      this.#stale.add(name);
      return true;
    });
  }

  /** Tells workers to begin nothing more. */
  async stop(): Promise<void> {
    await this.#db.all('update shared_runs set ended = 1 where run_id = $1', [this.run]);
  }

  /** All of it is dropped: what is worth keeping is in the history. */
  async end(): Promise<void> {
    await this.#db.all('delete from shared_runs where run_id = $1', [this.run]);
  }
}

/** A worker's side. */
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

  /** Says how far a share has come, and which of its hosts take no further part. */
  async reached({ share, token }: ShareLease, place: string, gone: readonly string[]): Promise<void> {
    await this.#db.all('update run_shares set place = $4, gone = $5 where run_id = $1 and share = $2 and token = $3', [this.run, share, token, place, JSON.stringify(gone)]);
  }

  /** Whether all shares have come as far as this. */
  async allReached(place: string): Promise<boolean> {
    const [row] = await this.#db.all('select not exists (select 1 from run_shares where run_id = $1 and place collate "C" < $2 collate "C" and result is null) as there', [this.run, place]);
    return row?.['there'] === true;
  }

  /** Hosts of all shares that take no further part. */
  async gone(): Promise<readonly string[]> {
    const rows = await this.#db.all('select gone from run_shares where run_id = $1', [this.run]);
    return rows.flatMap((row) => list(row, 'gone'));
  }

  /** Says who would lead a task that is carried out once. To be said before {@link reached}. */
  async stands({ share }: ShareLease, place: string, host: string, number: number): Promise<void> {
    await this.#db.all('insert into run_meetings (run_id, place, share, host, host_number) values ($1, $2, $3, $4, $5) on conflict do nothing', [this.run, place, share, host, number]);
  }

  /** The first of the hosts that stand there, and how the task has ended if it has. */
  async leader(place: string): Promise<{ readonly host: string; readonly failed: boolean | undefined } | undefined> {
    const [row] = await this.#db.all('select host, failed from run_meetings where run_id = $1 and place = $2 order by host_number limit 1', [this.run, place]);
    return row === undefined ? undefined : { host: String(row['host']), failed: row['failed'] === null ? undefined : Number(row['failed']) === 1 };
  }

  async conclude(place: string, host: string, failed: boolean): Promise<void> {
    await this.#db.all('update run_meetings set failed = $4 where run_id = $1 and place = $2 and host = $3', [this.run, place, host, failed ? 1 : 0]);
  }

  /** How a share stands in a batch. What ends the play for everybody is told once. */
  async stand({ share }: ShareLease, batch: string, state: BatchState): Promise<void> {
    await this.#db.all(
      `insert into run_share_batches (run_id, batch, share, hosts, failed, stopped) values ($1, $2, $3, $4, $5, $6)
       on conflict (run_id, batch, share) do update set hosts = excluded.hosts, failed = excluded.failed, stopped = coalesce(run_share_batches.stopped, excluded.stopped)`,
      [this.run, batch, share, state.hosts, state.failed, state.stopped ?? null],
    );
  }

  /** How batches stand on all workers, by their names: those that begin so. */
  async batches(beginning: string): Promise<ReadonlyMap<string, BatchState>> {
    const rows = await this.#db.all('select batch, sum(hosts) as hosts, sum(failed) as failed, min(stopped) as stopped from run_share_batches where run_id = $1 and starts_with(batch, $2) group by batch', [this.run, beginning]);
    return new Map(rows.map((row) => [String(row['batch']), { hosts: Number(row['hosts']), failed: Number(row['failed']), stopped: typeof row['stopped'] === 'string' ? row['stopped'] : undefined }]));
  }

  async tellFacts(facts: ReadonlyMap<string, string>): Promise<void> {
    await insertRows(this.#db, 'run_host_facts', ['run_id', 'host', 'facts'], [...facts].map(([host, text]) => [this.run, host, text]), 'on conflict (run_id, host) do update set facts = excluded.facts');
  }

  /** Facts of hosts, JSON, that are not among these. */
  async factsBut(hosts: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#db.all('select host, facts from run_host_facts where run_id = $1', [this.run]);
    return new Map(rows.filter((row) => !hosts.has(String(row['host']))).map((row) => [String(row['host']), String(row['facts'])]));
  }

  async tell({ share, token }: ShareLease, first: number, events: readonly string[]): Promise<void> {
    await insertRows(this.#db, 'run_share_events', ['run_id', 'share', 'token', 'seq', 'event'], events.map((event, i) => [this.run, share, token, first + i, event]), 'on conflict do nothing');
  }

  /** The share is through. @returns false when it is somebody else's by now */
  async finish({ share, token }: ShareLease, result: string): Promise<boolean> {
    const rows = await this.#db.all('update run_shares set result = $4, place = $5 where run_id = $1 and share = $2 and token = $3 returning share', [this.run, share, token, result, LAST_PLACE]);
    return rows.length === 1;
  }

  /** Gives it to whoever asks next: this worker ends. */
  async giveBack({ share, token }: ShareLease): Promise<void> {
    await this.#db.all('update run_shares set expires_at = 0 where run_id = $1 and share = $2 and token = $3 and result is null', [this.run, share, token]);
  }
}
