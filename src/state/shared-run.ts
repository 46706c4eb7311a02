/**
 * A run that several workers share, as rows of the run store: its hosts are dealt into shares, each leased by one worker at a time, with a token
 * that grows with every holder. What hosts of different shares have to wait for each other for is told by the place that each share has
 * reached. Only what is no secret is written here. All times are those of the server. Here is the coordinator's side; the workers' is
 * `run-shares.ts`.
 */
import { LEASE_SECONDS } from './lease.ts';
import type { Row } from './rows.ts';
import { insertRows, type SqlDatabase } from './sql.ts';

/** Seconds since the epoch by the server's clock, the only one that all share. */
export const NOW = 'extract(epoch from clock_timestamp())';
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

export function list(row: Row, name: string): readonly string[] {
  const value: unknown = JSON.parse(String(row[name]));
  return Array.isArray(value) ? value.map(String) : [];
}

function text(row: Row, name: string): string | undefined {
  const value = row[name];
  return typeof value === 'string' ? value : undefined;
}

export function leaseOf(row: Row): ShareLease {
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
