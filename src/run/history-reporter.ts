/**
 * Records a run's events in the history. Only what is worth remembering becomes a row (changes, failures,
 * doubts, warnings); the rest is counted. Rows are written in a few transactions, never one by one. A history
 * that cannot be written is said once and never stops a run.
 */
import type { HistoryRow, Retention, Store } from '../state/store.ts';
import { DEFAULT_RETENTION } from '../state/store.ts';
import { failure } from '../support/diagnostic.ts';
import type { Reporter, RunEvent } from './events.ts';
import { ObservedGroups } from './observed.ts';

/** Rows kept of one run, and characters of one text: a run on 1,000 fresh hosts must not fill the disk. */
const ROW_LIMIT = 50_000;
const TEXT_LIMIT = 16_384;
/** Rows written together, or sooner when some are this old: a killed run should leave most of its story. */
const BATCH = 500;
const OLDEST_MS = 5000;

export interface HistoryOptions {
  readonly open: () => Promise<Store>;
  /** Told once when the history cannot be written. */
  readonly warn: (message: string) => void;
  readonly retention?: Retention;
  /** Nobody wants a run that is not recorded: it does not begin, and one of which the record was lost does not end well. */
  readonly required?: boolean;
}

export interface HistoryRecorder extends Reporter {
  /** Waits until the start is written, where a record is required. @throws Diagnostic `history-required` */
  begun(): Promise<void>;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function clipped(long: string | undefined): string | null {
  if (long === undefined) return null;
  return long.length <= TEXT_LIMIT ? long : `${long.slice(0, TEXT_LIMIT)}\n… (${String(long.length - TEXT_LIMIT)} more characters)`;
}

/** The row for an event, if it is worth one. @param at when, ISO 8601 */
export function historyRow(event: RunEvent, at: string): HistoryRow | undefined {
  switch (event.type) {
    case 'task':
      if (event.status === 'ok' || event.status === 'skipped') return undefined;
      return {
        type: 'task',
        host: event.host,
        play: event.play,
        role: event.role,
        task: event.task,
        module: event.module,
        status: event.status,
        seconds: event.seconds,
        item: event.item ?? null,
        place: event.at,
        handler: event.handler,
        message: clipped(event.error ?? event.msg),
        at,
      };
    case 'change':
      return {
        type: 'change',
        host: event.host,
        role: event.role,
        task: event.task,
        resource: event.resource,
        what: event.what,
        handler: event.handler,
        unknown: event.unknown ?? false,
        diff: clipped(event.diff),
        seen: event.seen ?? null,
        delegatedTo: event.delegated_to ?? null,
        at,
      };
    case 'warning':
      return { type: 'warning', host: event.host ?? null, message: clipped(event.message) ?? '', at };
    case 'start':
    case 'play':
    case 'task-start':
    case 'retry':
    case 'observation':
    case 'summary':
      return undefined;
  }
}

/** A reporter that fills the run history. Its `close` throws Diagnostic `history-lost` where a record is required. */
export function historyReporter(options: HistoryOptions): HistoryRecorder {
  return new HistoryReporter(options);
}

class HistoryReporter implements HistoryRecorder {
  readonly #options: HistoryOptions;
  #store: Promise<Store> | undefined;
  #run: string | undefined;
  readonly #observed = new ObservedGroups();
  #rows: HistoryRow[] = [];
  #written = 0;
  #flushedAt = performance.now();
  #queue: Promise<void> = Promise.resolve();
  #broken = false;
  #error: unknown;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  event(event: RunEvent): void {
    if (this.#broken) return;
    if (event.type === 'start') {
      this.#run = event.run;
      const { type: _type, run, time, origin, ...rest } = event;
      this.#do((store) => store.recordRun({ ...rest, id: run, startedAt: time, origin: origin ?? null }));
      return;
    }
    const run = this.#run;
    if (run === undefined) return;
    if (event.type === 'summary') {
      this.#flush(run);
      this.#do((store) =>
        store.finishRun(run, { endedAt: event.time, status: event.status, seconds: event.seconds, total: event.total, hosts: event.hosts, unfinished: event.unfinished ?? [], roles: event.roles, slowest: event.slowest, observations: this.#observed.kept() }, this.#options.retention ?? DEFAULT_RETENTION),
      );
      return;
    }
    if (event.type === 'observation') this.#observed.add(event);
    else this.#keep(run, event);
  }

  async begun(): Promise<void> {
    if (this.#options.required !== true) return;
    await this.#queue;
    if (this.#broken) throw failure('history-required', `the run is not begun, since it cannot be recorded: ${text(this.#error)}`, { remedy: 'mend the store, or leave out --require-history', cause: this.#error });
  }

  async close(): Promise<void> {
    if (this.#run !== undefined) this.#flush(this.#run);
    await this.#queue;
    const store = await this.#store?.catch(() => undefined);
    await store?.close();
    if (this.#options.required === true && this.#broken) throw failure('history-lost', `the run was carried out, and its record is not whole: ${text(this.#error)}`, { remedy: 'mend the store; what the run did is in its report', cause: this.#error });
  }

  #keep(run: string, event: RunEvent): void {
    const total = this.#written + this.#rows.length;
    const row = total < ROW_LIMIT ? historyRow(event, new Date().toISOString()) : undefined;
    if (row === undefined) return;
    this.#rows.push(row);
    if (total + 1 === ROW_LIMIT) this.#rows.push({ type: 'warning', host: null, message: `the history keeps ${String(ROW_LIMIT)} rows of a run; later ones were left out`, at: row.at });
    if (this.#rows.length >= BATCH || performance.now() - this.#flushedAt > OLDEST_MS) this.#flush(run);
  }

  #flush(run: string): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    const first = this.#written;
    this.#rows = [];
    this.#flushedAt = performance.now();
    this.#written += rows.length;
    this.#do((store) => store.append(run, first, rows));
  }

  /** Puts a write behind the earlier ones; the first that fails ends the recording. */
  #do(work: (store: Store) => Promise<void>): void {
    this.#queue = this.#queue
      .then(async () => {
        if (this.#broken) return;
        this.#store ??= this.#options.open();
        await work(await this.#store);
      })
      .catch((error: unknown) => {
        this.#broken = true;
        this.#error = error;
        if (this.#options.required !== true) this.#options.warn(`this run is not recorded in the history: ${text(error)}`);
      });
  }
}
