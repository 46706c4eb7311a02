/**
 * One host during a run: its connection, what is known of it, and the changes that wait to be sent.
 * Changes are collected and sent together with the next observation; each batch ends with a look at every
 * fact that its changes claim to have set (confirm).
 */
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { maskSecrets, type Secret } from '../support/secret.ts';
import { joinScripts, rawScript, type Script } from '../support/shell.ts';
import { HOST_LOCKED_STATUS } from '../state/host-lock.ts';
import type { Connection, Outcome, RunRequest, Runner } from '../transport/types.ts';
import { baseFacts } from './base-facts.ts';
import { FactStore, type Claim } from './fact-store.ts';
import { identityKey, type Identity } from './identity.ts';
import { makeProbe, PROBE_OUTPUT_LIMIT, type Probe } from './observe.ts';
import { joinedScripts } from './join.ts';
import type { Change } from './plan.ts';
import { PRELUDE } from './prelude.ts';
import type { AnyQuery, Effect } from './query.ts';
import { remedyFor, withoutScriptName } from './remedies.ts';
import { TaskView, type ControllerFiles } from './task-view.ts';
import type { BaseFacts } from './view.ts';

/** A change that waits, or has been sent; the owner is told how it went. */
export interface PendingChange {
  readonly change: Change;
  readonly identity: Identity;
  readonly environment: Readonly<Record<string, string | Secret>>;
  readonly timeoutSeconds: number;
  /** Read-only or bookkeeping shell put before the change in the same script (write-ahead notes). */
  readonly before: Script | undefined;
  done(outcome: Outcome): void;
}

/** A batch stopped at `pending`; everything after it was not run. */
export class ChangeFailed extends Error {
  override readonly name = 'ChangeFailed';
  readonly pending: PendingChange;
  readonly notRun: readonly PendingChange[];
  constructor(pending: PendingChange, reason: string, notRun: readonly PendingChange[]) {
    super(reason);
    this.pending = pending;
    this.notRun = notRun;
  }
}

export interface HostSessionInit {
  readonly name: string;
  readonly checkMode: boolean;
  readonly connect: () => Promise<Connection>;
  /** Aborted to kill what runs on the host. */
  readonly kill: AbortSignal;
  /** Run before anything else by the first identity that may change the host (the host lock). */
  readonly opening: (RunRequest & { /** Given when it may wait for long: ends the wait. */ readonly impatience: AbortSignal | undefined }) | undefined;
  /** Check mode: the session whose predictions this one shares (for delegated tasks). */
  readonly sharing: HostSession | undefined;
  /** Bounds how many hosts are worked on at once (`--forks`). */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>;
}

const PROBE_TIMEOUT_SECONDS = 120;
/** Between the lock and what needs it, in one script. */
const AFTER_OPENING = rawScript('care_status=$?; [ "$care_status" = 0 ] || exit "$care_status"');

/** `set -eu`, and the shell functions of the prelude when the script uses one. */
export function changeScript(script: Script): Script {
  const prelude = /\bcare_[a-z]/.test(script.text.replaceAll('"$care_files"', '')) ? PRELUDE : '';
  return joinScripts([rawScript(`set -eu\n${prelude}`), script]);
}

/** The end of an output. Masked before it is cut: half a secret would no longer be known as one. */
function tail(buffer: Buffer, characters: number): string {
  return maskSecrets(buffer.toString('utf8').trim()).slice(-characters);
}

/** Why a script failed, from its outcome, for people. */
export function outcomeReason(outcome: Outcome): string {
  if (outcome.state === 'timed-out') return `timed out after ${outcome.seconds.toFixed(0)} s`;
  const said = withoutScriptName(tail(outcome.stderr, 2000) || tail(outcome.stdout, 2000));
  const remedy = remedyFor(said);
  return `exit status ${String(outcome.status)}${said === '' ? '' : `: ${said}`}${remedy === undefined ? '' : `\nTo do: ${remedy}`}`;
}

export class HostSession {
  readonly name: string;
  readonly #init: HostSessionInit;
  readonly #stores: Map<string, FactStore>;
  #connection: Promise<Connection> | undefined;
  #pending: PendingChange[] = [];
  #base: BaseFacts | undefined;
  /** As whom the host's lock was taken: only root's keeps everybody out. */
  #opened: 'not' | 'as user' | 'as root' = 'not';
  #hasPredictions = false;
  /** While the last change that waits may be joined by others: what was known before the first of them. */
  #joinable: { readonly key: string; readonly identity: string; readonly before: ReadonlyMap<string, unknown> } | undefined;

  constructor(init: HostSessionInit) {
    this.name = init.name;
    this.#init = init;
    this.#stores = init.sharing === undefined ? new Map<string, FactStore>() : init.sharing.#stores;
  }

  get checkMode(): boolean {
    return this.#init.checkMode;
  }

  /** @throws Error before {@link start} */
  get base(): BaseFacts {
    if (this.#base === undefined) throw new Error(`${this.name}: base facts asked for before the host was started`);
    return this.#base;
  }

  get started(): boolean {
    return this.#base !== undefined;
  }

  /** Check mode: whether some change has been predicted, so that what reads the host sees less than it would. */
  get hasPredictions(): boolean {
    return this.#hasPredictions;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  connection(): Promise<Connection> {
    this.#connection ??= this.#init.connect();
    return this.#connection;
  }

  store(identity: Identity): FactStore {
    const key = identityKey(identity);
    let store = this.#stores.get(key);
    if (store === undefined) {
      store = new FactStore(this.#init.checkMode);
      this.#stores.set(key, store);
    }
    return store;
  }

  view(identity: Identity, files: ControllerFiles, checkMode = this.#init.checkMode): TaskView {
    return new TaskView({ name: this.name, user: identity.user, checkMode, base: this.#base, store: this.store(identity), files, beforeJoin: (key, query) => (checkMode ? undefined : this.#beforeJoin(identity, key, query)) });
  }

  #beforeJoin(identity: Identity, key: string, query: AnyQuery): unknown {
    const joinable = this.#joinable;
    return joinable?.key === key && joinable.identity === identityKey(identity) ? joinable.before.get(query.id) : undefined;
  }

  /** Connects, and learns the base facts and these queries in the same round trip. */
  async start(identity: Identity, queries: readonly AnyQuery[]): Promise<void> {
    await this.observe(identity, [baseFacts(null), ...queries]);
  }

  /** Nothing is known any more; base facts stay what they are until a play begins (after a reboot, a delegated task). */
  forgetEverything(): void {
    this.#joinable = undefined;
    for (const store of this.#stores.values()) store.clear();
  }

  /** A task delegated to this host from another one has changed something: look again. */
  delegatedChange(changed: boolean): void {
    if (changed) this.forgetEverything();
  }

  /** After a reconnect: nothing is known any more, and what was opened must be opened again. */
  reconnected(): void {
    this.forgetEverything();
    this.#opened = 'not';
  }

  /** Drops the changes that wait: they are not made. */
  discard(): void {
    if (this.#pending.length === 0) return;
    this.#dropPending();
    // What they would have set was believed already.
    this.forgetEverything();
  }

  #dropPending(): void {
    this.#pending = [];
    for (const store of this.#stores.values()) store.takeClaims();
  }

  /** After the connection was lost: the next use makes a new one. Changes that wait are not made. */
  async disconnect(): Promise<void> {
    this.#dropPending();
    const lost = this.#connection;
    this.#connection = undefined;
    this.reconnected();
    await (await lost?.catch(() => undefined))?.close();
  }

  /** Sends what waits, then observes what is not known yet: one round trip when both are of one user. */
  async observe(identity: Identity, queries: readonly AnyQuery[]): Promise<void> {
    const store = this.store(identity);
    const wanted = (): readonly AnyQuery[] => queries.filter((q) => !store.has(q));
    const first = this.#pending[0];
    if (first !== undefined && identityKey(first.identity) !== identityKey(identity)) await this.flush();
    if (this.#pending.length > 0) {
      await this.#send(wanted());
      return;
    }
    const missing = wanted();
    if (missing.length > 0) await this.#probe(identity, missing);
  }

  /** Puts a change into the queue. Its effects are believed at once. */
  async enqueue(pending: PendingChange): Promise<void> {
    const first = this.#pending[0];
    if (first !== undefined && identityKey(first.identity) !== identityKey(pending.identity)) await this.flush();
    this.#pending.push(pending);
    const { join } = pending.change;
    if (join === undefined) this.#joinable = undefined;
    else if (this.#joinable?.key !== join.key) this.#joinable = { key: join.key, identity: identityKey(pending.identity), before: this.store(pending.identity).snapshot() };
    this.believe(pending.identity, pending.change.effects, pending.change.resource);
  }

  /** Folds effects into what is known, for the acting user and for the others. */
  believe(identity: Identity, effects: readonly Effect[], by: string): void {
    if (effects.length > 0 && this.#init.checkMode) this.#hasPredictions = true;
    this.store(identity).apply(effects, by);
    const own = identityKey(identity);
    for (const [key, store] of this.#stores) {
      if (key === own) continue;
      store.apply(this.#init.checkMode ? effects : effects.map(asForgotten), by);
    }
  }

  /** Sends what waits and confirms it. @throws ChangeFailed */
  async flush(): Promise<void> {
    if (this.#pending.length > 0) await this.#send([]);
  }

  /** Runs one script as it is (an action), after what waits. */
  async run(identity: Identity, request: RunRequest): Promise<Outcome> {
    await this.flush();
    const opening = await this.#opening(identity);
    const outcomes = await this.#chain(identity, [...opening, request]);
    this.#checkOpening(identity, opening, outcomes);
    const outcome = outcomes[opening.length];
    if (outcome === undefined) throw new Error('a runner has not answered all that it was asked');
    return outcome;
  }

  async close(): Promise<void> {
    if (this.#connection === undefined) return;
    const connection = await this.#connection.catch(() => undefined);
    await connection?.close();
  }

  async #runner(identity: Identity): Promise<Runner> {
    const connection = await this.connection();
    return connection.runner(identity.become);
  }

  async #chain(identity: Identity, requests: readonly RunRequest[], onOutcome?: (index: number, outcome: Outcome) => void): Promise<readonly Outcome[]> {
    return this.#init.limit(async () => (await this.#runner(identity)).chain(requests, this.#init.kill, onOutcome));
  }

  /** The lock's script, to go in front of what is sent; one that may wait is sent ahead, where Ctrl-C can end it and no fork is held. */
  async #opening(identity: Identity): Promise<readonly RunRequest[]> {
    const enough = this.#opened === 'as root' || (this.#opened === 'as user' && identity.user !== 'root');
    if (enough || this.#init.opening === undefined) return [];
    const { opening } = this.#init;
    if (opening.impatience === undefined) return [opening];
    const outcome = await (await this.#runner(identity)).run(opening, AbortSignal.any([this.#init.kill, opening.impatience]));
    this.#checkOpening(identity, [opening], [outcome]);
    return [];
  }

  async #probe(identity: Identity, queries: readonly AnyQuery[]): Promise<void> {
    const probe = makeProbe(queries);
    const [opening] = await this.#opening(identity);
    // In one script with the lock: each script costs the host half a dozen processes.
    const script = opening === undefined ? probe.script : joinScripts([opening.script, AFTER_OPENING, probe.script]);
    const timeoutSeconds = PROBE_TIMEOUT_SECONDS + (opening?.timeoutSeconds ?? 0);
    const [outcome] = await this.#chain(identity, [{ script, timeoutSeconds, outputLimit: PROBE_OUTPUT_LIMIT }]);
    // A lock that does not wait is not what takes so long; the probe's reader says that its answer is cut off.
    if (opening !== undefined && outcome?.state === 'done') this.#checkOpening(identity, [opening], [outcome]);
    this.#learn(identity, queries, await this.#facts(identity, queries, probe, outcome));
  }

  /** The answers to a probe. One whose middle was left out for its length would give a thing the answer of another: it is asked in halves. */
  async #facts(identity: Identity, queries: readonly AnyQuery[], probe: Probe, outcome: Outcome | undefined): Promise<ReadonlyMap<string, unknown>> {
    if (outcome?.truncated !== true) return probe.read(this.name, outcome?.stdout ?? Buffer.alloc(0));
    if (queries.length < 2) throw failure('observation-too-long', `${this.name}: the state of ${queries[0]?.kind.describe(queries[0].key) ?? 'nothing'} is longer than ${String(PROBE_OUTPUT_LIMIT)} bytes`);
    const facts = new Map<string, unknown>();
    const half = Math.ceil(queries.length / 2);
    for (const part of [queries.slice(0, half), queries.slice(half)]) {
      const again = makeProbe(part);
      const [answer] = await this.#chain(identity, [{ script: again.script, timeoutSeconds: PROBE_TIMEOUT_SECONDS, outputLimit: PROBE_OUTPUT_LIMIT }]);
      for (const [id, fact] of await this.#facts(identity, part, again, answer)) facts.set(id, fact);
    }
    return facts;
  }

  #checkOpening(identity: Identity, opening: readonly RunRequest[], outcomes: readonly Outcome[]): void {
    const outcome = outcomes[0];
    if (opening.length === 0 || outcome === undefined) return;
    if (outcome.status === HOST_LOCKED_STATUS || outcome.state === 'timed-out') {
      const why = tail(outcome.stderr, 2000) || 'the host is in use by another run';
      throw new Diagnostic({ kind: 'locked', code: 'host-locked', summary: `${this.name}: ${why}`, remedy: 'wait until that run has ended, or give --lock-wait SECONDS' });
    }
    if (outcome.status !== 0) throw failure('host-lock-failed', `${this.name}: the lock against other runs cannot be taken: ${outcomeReason(outcome)}`, { remedy: 'see on the host that /run is writable (mount | grep /run), and who owns what the message names' });
    this.#opened = identity.user === 'root' ? 'as root' : 'as user';
  }

  #learn(identity: Identity, queries: readonly AnyQuery[], facts: ReadonlyMap<string, unknown>): void {
    const store = this.store(identity);
    for (const query of queries) {
      const value = facts.get(query.id);
      store.observed(query, value);
      // Sound: this id belongs to the base-facts kind alone, whose parser returns BaseFacts.
      if (query.kind.name === 'base-facts') this.#base = value as BaseFacts;
    }
  }

  async #send(extra: readonly AnyQuery[]): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    this.#joinable = undefined;
    const identity = batch[0]?.identity;
    if (identity === undefined) return;
    const store = this.store(identity);
    const claims = store.takeClaims();
    const queries = [...claims.map((c) => c.query), ...extra.filter((q) => !claims.some((c) => c.query.id === q.id))];
    const probe = makeProbe(queries);
    const opening = await this.#opening(identity);
    const scripts = joinedScripts(batch);
    const requests: RunRequest[] = batch.map((p, i) => ({
      script: changeScript(joinScripts([...(p.before === undefined ? [] : [p.before]), scripts[i] ?? p.change.script])),
      environment: p.environment,
      timeoutSeconds: p.change.timeoutSeconds ?? p.timeoutSeconds,
    }));
    if (queries.length > 0) requests.push({ script: probe.script, timeoutSeconds: PROBE_TIMEOUT_SECONDS, outputLimit: PROBE_OUTPUT_LIMIT });
    const seen = new Map<number, Outcome>();
    const all = await this.#chain(identity, [...opening, ...requests], (index, outcome) => seen.set(index - opening.length, outcome)).catch((error: unknown) => {
      // The connection is lost, or the run was killed: what had been answered by then is known to be made.
      for (const [i, pending] of batch.entries()) {
        const outcome = seen.get(i);
        if (outcome?.state === 'done' && outcome.status === 0) pending.done(outcome);
      }
      throw error;
    });
    this.#checkOpening(identity, opening, all);
    const outcomes = all.slice(opening.length);
    for (const [i, pending] of batch.entries()) {
      const outcome = outcomes[i];
      if (outcome?.state === 'done' && outcome.status === 0) continue;
      this.forgetEverything();
      for (const [j, p] of batch.slice(0, i).entries()) {
        const o = outcomes[j];
        if (o !== undefined) p.done(o);
      }
      throw new ChangeFailed(pending, outcome === undefined ? 'no answer' : outcomeReason(outcome), batch.slice(i + 1));
    }
    if (queries.length > 0) {
      const facts = await this.#facts(identity, queries, probe, outcomes.at(-1));
      this.#confirm(batch, outcomes, claims, facts);
      this.#learn(identity, queries, facts);
    }
    for (const [i, pending] of batch.entries()) {
      const outcome = outcomes[i];
      if (outcome !== undefined) pending.done(outcome);
    }
  }

  #confirm(batch: readonly PendingChange[], outcomes: readonly Outcome[], claims: readonly Claim[], facts: ReadonlyMap<string, unknown>): void {
    for (const claim of claims) {
      const observed = facts.get(claim.query.id);
      if (claim.query.kind.same(claim.expected, observed)) continue;
      const guilty = batch.findLast((p) => p.change.resource === claim.by) ?? batch.at(-1);
      if (guilty === undefined) return;
      this.forgetEverything();
      for (const [i, pending] of batch.entries()) {
        const outcome = outcomes[i];
        if (pending !== guilty && outcome !== undefined) pending.done(outcome);
      }
      const show = (fact: unknown): string => maskSecrets(claim.query.kind.show(fact)).slice(0, 500);
      throw new ChangeFailed(
        guilty,
        `${claim.by}: the change was made without an error but did not take: ${claim.query.kind.describe(claim.query.key)} should be ${show(claim.expected)} and is ${show(observed)}`,
        [],
      );
    }
  }
}

/** What an effect means to those who were not told by the host: look again. */
export function asForgotten(effect: Effect): Effect {
  return effect.type === 'set' ? { type: 'forget', query: effect.query } : effect;
}

