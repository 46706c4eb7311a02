/** The coordinator of a run that workers share: offers it, reports what they tell, sees that every host is somebody's, and sums up. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseAddress } from '../../state/postgres-url.ts';
import { SharedRun, type ShareState } from '../../state/shared-run.ts';
import { ExitStatus, failure } from '../../support/diagnostic.ts';
import { throwProblems } from '../../language/playbook/role-spec.ts';
import { knownArtifacts } from '../artifact-needs.ts';
import { FileCache } from '../controller-files.ts';
import type { RunEvent } from '../events.ts';
import type { Loaded } from '../load.ts';
import { takeLocks, type HeldLocks } from '../locks.ts';
import type { RunOptions } from '../options.ts';
import { newRunId, selectHosts, startEvent } from '../run.ts';
import { checkStartAtTask, validateLoaded } from '../validate.ts';
import { loadAndDigest } from './digest.ts';
import { divisionProblems } from './divisible.ts';
import { dealOut } from './places.ts';
import type { Summary } from './share-reporter.ts';
import { addUp } from './summary.ts';

/** A worker that the coordinator has started. */
export interface WorkerProcess {
  readonly alive: () => boolean;
  /** Ends it whatever it does. */
  kill(): void;
  readonly ended: Promise<void>;
}

export interface Coordination {
  readonly database: DatabaseAddress;
  readonly workers: number;
  /** Starts one here; undefined: they are started elsewhere. */
  readonly start: ((run: string) => WorkerProcess) | undefined;
  /** Told the run's name before anything is waited for. */
  readonly say: (line: string) => void;
}

const LOOK_MS = 200;
const RENEW_MS = 10_000;
/** Without a worker that has begun, and none that could: nobody waits for ever. */
const NOBODY_MS = 600_000;
/** Workers started in place of the last one that died. */
const REPLACEMENTS = 3;
/** After Ctrl-C workers finish the tasks in hand. */
const GOODBYE_MS = 60_000;

function check(loaded: Loaded, options: RunOptions): readonly string[] {
  validateLoaded(loaded, options, new FileCache(knownArtifacts(loaded, options.extraVars))).throwIfAny();
  checkStartAtTask(loaded, options.startAtTask);
  throwProblems(divisionProblems(loaded));
  return selectHosts(loaded.inventory, loaded.playbooks, options);
}

/** A run under way. */
export class Course {
  readonly #run: SharedRun;
  readonly #options: RunOptions;
  readonly #with: Pick<Coordination, 'workers' | 'start'>;
  readonly #locks: Pick<HeldLocks, 'check'> | undefined;
  readonly #workers: WorkerProcess[] = [];
  readonly #said = new Set<string>();
  readonly #left = new Map<number, number>();
  readonly #holders = new Map<number, { readonly token: number; readonly worker: string | undefined }>();
  #replacements = 0;
  #renewedAt = performance.now();
  #heardAt = performance.now();

  /** @param locks of the inventory: without them nobody works on */
  constructor(run: SharedRun, options: RunOptions, coordination: Pick<Coordination, 'workers' | 'start'>, locks: Pick<HeldLocks, 'check'> | undefined) {
    this.#run = run;
    this.#options = options;
    this.#with = coordination;
    this.#locks = locks;
  }

  /** @returns the shares as they are when all are through, or nobody is left to carry them out */
  async go(): Promise<readonly ShareState[]> {
    const { start, workers } = this.#with;
    if (start !== undefined) for (let i = 0; i < workers; i += 1) this.#workers.push(start(this.#run.run));
    let stoppedAt: number | undefined;
    try {
      for (;;) {
        await this.#locks?.check();
        await this.#report();
        const shares = await this.#run.shares();
        this.#tellLeft(shares);
        if (shares.every((share) => share.result !== undefined)) return shares;
        if (this.#options.stop.aborted && stoppedAt === undefined) {
          stoppedAt = performance.now();
          await this.#run.stop();
        }
        const over = this.#options.kill.aborted || (stoppedAt !== undefined && (performance.now() - stoppedAt > GOODBYE_MS || !this.#anybody(shares)));
        if (over || (stoppedAt === undefined && !this.#somebodyWill(shares))) return shares;
        await sleep(LOOK_MS);
      }
    } finally {
      await this.#end();
    }
  }

  /** Sees that no worker of this machine is left, also when the server cannot tell them that the run is over. */
  async #end(): Promise<void> {
    try {
      await this.#run.stop();
    } finally {
      if (this.#options.kill.aborted) for (const worker of this.#workers) worker.kill();
      const patience = new AbortController();
      await Promise.race([Promise.all(this.#workers.map((worker) => worker.ended)), sleep(GOODBYE_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
      patience.abort();
      for (const worker of this.#workers) if (worker.alive()) worker.kill();
    }
    await this.#report();
  }

  async #report(): Promise<void> {
    if (performance.now() - this.#renewedAt > RENEW_MS) {
      await this.#run.renew();
      this.#renewedAt = performance.now();
    }
    for (const { event: text } of await this.#run.takeEvents()) {
      // Sound: a worker of the same version has written it from such an event.
      const event = JSON.parse(text) as RunEvent;
      // Each worker begins each play, and is told what ends it.
      if (event.type === 'play' || (event.type === 'warning' && event.host === undefined)) {
        if (this.#said.has(text)) continue;
        this.#said.add(text);
      }
      this.#options.reporter.event(event);
    }
  }

  /** Says whose hosts have been left behind, once each time: when nobody has them, or somebody else has them already. */
  #tellLeft(shares: readonly ShareState[]): void {
    for (const { share, token, hosts, worker, held, result } of shares) {
      const before = this.#holders.get(share);
      const left = before !== undefined && before.token < token ? before : !held && result === undefined && token > 0 ? { token, worker } : undefined;
      if (left !== undefined && (this.#left.get(share) ?? 0) < left.token) {
        this.#left.set(share, left.token);
        this.#options.reporter.event({ type: 'warning', message: `a worker (${left.worker ?? 'unknown'}) has left ${String(hosts.length)} hosts behind: ${hosts.slice(0, 3).join(', ')}${hosts.length > 3 ? ' …' : ''}; another one takes them over, from the beginning of the playbook` });
      }
      if (token > 0) this.#holders.set(share, { token, worker });
    }
  }

  #anybody(shares: readonly ShareState[]): boolean {
    return this.#workers.some((worker) => worker.alive()) || shares.some((share) => share.held && share.result === undefined);
  }

  /** Whether anybody is there to go on; when the last worker has died, another one is started. */
  #somebodyWill(shares: readonly ShareState[]): boolean {
    const { start } = this.#with;
    if (shares.some((share) => share.held)) this.#heardAt = performance.now();
    if (start === undefined) return performance.now() - this.#heardAt < NOBODY_MS;
    if (this.#workers.some((worker) => worker.alive())) return true;
    if (this.#replacements >= REPLACEMENTS) return false;
    this.#replacements += 1;
    this.#workers.push(start(this.#run.run));
    return true;
  }
}

/**
 * Runs playbooks by workers and reports through `options.reporter`.
 *
 * @returns the exit status that the results promise
 * @throws Diagnostic or DiagnosticList for bad input, and for what workers cannot share (before any host is touched), for locks, and for a store that cannot be used
 */
export async function coordinate(options: RunOptions, coordination: Coordination): Promise<ExitStatus> {
  const started = performance.now();
  const { loaded, digest } = loadAndDigest(options);
  const hosts = check(loaded, options);
  const [{ PostgresDatabase }, { prepareSchema }] = await Promise.all([import('../../state/postgres.ts'), import('../../state/postgres-store.ts')]);
  const locks = options.mode === 'apply' ? await takeLocks(options, `apply ${options.inventory.join(' ')}`) : undefined;
  try {
    const db = await PostgresDatabase.open(coordination.database);
    try {
      await prepareSchema(db);
      const id = newRunId();
      options.reporter.event(await startEvent(loaded, options, id, hosts));
      await options.begun?.();
      locks?.tell((message) => { options.reporter.event({ type: 'warning', message }); });
      const run = await SharedRun.begin(db, id, digest, dealOut(hosts, coordination.workers));
      coordination.say(`run ${id}`);
      try {
        const shares = await new Course(run, options, coordination, locks).go();
        return sumUp(options, id, started, shares);
      } finally {
        await run.end();
      }
    } finally {
      await db.close();
    }
  } finally {
    await locks?.release();
  }
}

function sumUp(options: RunOptions, run: string, started: number, shares: readonly ShareState[]): ExitStatus {
  // Sound: a worker of the same version has written it from its summary.
  const parts = shares.flatMap((share) => (share.result === undefined ? [] : [JSON.parse(share.result) as Summary]));
  const missing = shares.filter((share) => share.result === undefined).flatMap((share) => share.hosts);
  const interrupted = options.stop.aborted;
  const sum = addUp(parts, missing);
  const status = interrupted ? ExitStatus.interrupted : sum.status;
  const { total, hosts, unfinished, roles, slowest } = sum;
  options.reporter.event({ type: 'summary', run, time: new Date().toISOString(), status, seconds: (performance.now() - started) / 1000, total, hosts, ...(unfinished.length === 0 ? {} : { unfinished }), roles, slowest });
  if (missing.length > 0 && !interrupted) throw failure('workers-gone', `no worker is left, and ${String(missing.length)} hosts are not through: ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ' …' : ''}`, { remedy: 'what the workers said is above; run again: what is done is found done' });
  return status;
}
