/**
 * One host during a run: its connection, what is known of it, and the changes that wait to be sent.
 * Changes are collected and sent together with the next observation; each batch ends with a look at every
 * fact that its changes claim to have set (confirm).
 */
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { maskSecrets } from '../support/secret.ts';
import type { ServicePort } from '../services/port.ts';
import type { Connection, Outcome, RunRequest } from '../transport/types.ts';
import { baseFacts } from './base-facts.ts';
import { FactStore, type Claim } from './fact-store.ts';
import { HostWire, isCutOff, probeRequest, type Facts, type HostWireInit } from './host-wire.ts';
import { identityKey, type Identity } from './identity.ts';
import { batchScripts } from './join.ts';
import { Keeper, type KeepOptions } from './keep/keeper.ts';
import { makeProbe, type Probe } from './observe.ts';
import { callReason, changeRequest, changeScript, isMade, outcomeReason } from './outcome-words.ts';
import { ChangeFailed, withChange, type Batch, type Pending, type PendingChange } from './pending.ts';
import type { ServiceChange, ShellChange } from './plan.ts';
import type { SharedEntries } from './shared-entries.ts';
import { byAnswerer, type AnyQuery, type Effect, type Questions } from './query.ts';
import { TaskView, type ControllerFiles } from './task-view.ts';
import type { BaseFacts } from './view.ts';

export { changeScript, outcomeReason } from './outcome-words.ts';
export { ChangeFailed, type PendingChange } from './pending.ts';

export interface HostSessionInit extends HostWireInit {
  readonly checkMode: boolean;
  /** Check mode: the session whose predictions this one shares (for delegated tasks). */
  readonly sharing: HostSession | undefined;
  /** What is known of other hosts, for what is the same. */
  readonly entries?: SharedEntries;
  /** How what is replaced is kept on the host; undefined: it is not. */
  readonly keep?: KeepOptions | undefined;
}

export class HostSession {
  readonly name: string;
  readonly #init: HostSessionInit;
  readonly #stores: Map<string, FactStore>;
  readonly #wire: HostWire;
  readonly #keeper: Keeper | undefined;
  #pending: Batch | undefined;
  #base: BaseFacts | undefined;
  /** Check mode: what was predicted, for users of whom the host has not been asked yet. */
  readonly #predicted: { readonly effects: readonly Effect[]; readonly by: string }[] = [];
  #hasPredictions = false;
  /** While the last change that waits may be joined by others: what was known before the first of them. */
  #joinable: { readonly key: string; readonly identity: string; readonly before: ReadonlyMap<string, unknown> } | undefined;

  constructor(init: HostSessionInit) {
    this.name = init.name;
    this.#init = init;
    this.#wire = new HostWire(init);
    this.#keeper = init.keep === undefined ? undefined : new Keeper(init.keep);
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
    return this.#pending !== undefined;
  }

  connection(): Promise<Connection> {
    return this.#wire.connection();
  }

  /** Begins to connect, while other things are made ready. */
  connectAhead(): void {
    this.#wire.connectAhead();
  }

  /** For a conversation with the host's services. */
  servicePort(timeoutSeconds: number, signal: AbortSignal): ServicePort {
    return this.#wire.port(timeoutSeconds, signal);
  }

  store(identity: Identity): FactStore {
    const key = identityKey(identity);
    let store = this.#stores.get(key);
    if (store === undefined) {
      store = new FactStore(this.#init.checkMode, this.#init.entries);
      for (const { effects, by } of this.#predicted) store.apply(effects, by);
      this.#stores.set(key, store);
    }
    return store;
  }

  view(identity: Identity, files: ControllerFiles, checkMode = this.#init.checkMode, looked?: Map<string, AnyQuery>): TaskView {
    return new TaskView({ name: this.name, user: identity.user, checkMode, base: this.#base, store: this.store(identity), files, looked, beforeJoin: (key, query) => (checkMode ? undefined : this.#beforeJoin(identity, key, query)) });
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
    this.#wire.reconnected();
  }

  /** Drops the changes that wait: they are not made. */
  discard(): void {
    if (this.#pending === undefined) return;
    this.#dropPending();
    // What they would have set was believed already.
    this.forgetEverything();
  }

  #dropPending(): void {
    this.#pending = undefined;
    for (const store of this.#stores.values()) store.takeClaims();
  }

  /** After the connection was lost: the next use makes a new one. Changes that wait are not made. */
  async disconnect(): Promise<void> {
    this.#dropPending();
    this.forgetEverything();
    await this.#wire.disconnect();
  }

  /** What was true of the moment only is asked anew by the task that begins. */
  dropPassing(identity: Identity): void {
    this.store(identity).dropPassing();
  }

  /** Sends what waits, then observes what is not known yet: one round trip when both are of one user, and one for each service. */
  async observe(identity: Identity, queries: readonly AnyQuery[]): Promise<void> {
    const store = this.store(identity);
    const wanted = (): Questions => byAnswerer(queries.filter((q) => !store.has(q)));
    const waiting = this.#pending;
    // What a shell's change waits for goes along with the question to the shell, unless there is none.
    if (waiting !== undefined && waiting.by === 'shell' && identityKey(waiting.changes[0].identity) === identityKey(identity)) await this.#send(wanted());
    else await this.flush();
    const missing = wanted();
    if (missing.shell.length > 0) this.#learn(identity, missing.shell, await this.#wire.probe(identity, missing.shell));
    if (missing.service.length > 0) this.#learn(identity, missing.service, await this.#wire.ask(missing.service));
  }

  /** Puts a change into the queue. Its effects are believed at once. */
  async enqueue(pending: PendingChange): Promise<void> {
    const first = this.#pending?.changes[0];
    if (first !== undefined && identityKey(first.identity) !== identityKey(pending.identity)) await this.flush();
    let batch = withChange(this.#pending, pending);
    if (batch === undefined) {
      await this.flush();
      batch = withChange(undefined, pending);
    }
    this.#pending = batch;
    const { join } = pending.change;
    if (join?.by !== 'words') this.#joinable = undefined;
    else if (this.#joinable?.key !== join.key) this.#joinable = { key: join.key, identity: identityKey(pending.identity), before: this.store(pending.identity).snapshot() };
    this.#keeper?.look(pending, this.store(pending.identity));
    this.believe(pending.identity, pending.change.effects, pending.change.resource);
  }

  /** Folds effects into what is known, for the acting user and for the others. */
  believe(identity: Identity, effects: readonly Effect[], by: string): void {
    if (effects.length > 0 && this.#init.checkMode) {
      this.#hasPredictions = true;
      this.#predicted.push({ effects, by });
    }
    this.store(identity).apply(effects, by);
    const own = identityKey(identity);
    for (const [key, store] of this.#stores) {
      if (key === own) continue;
      store.apply(this.#init.checkMode ? effects : effects.map(asForgotten), by);
    }
  }

  /** Sends what waits and confirms it. @throws ChangeFailed */
  async flush(): Promise<void> {
    if (this.#pending !== undefined) await this.#send({ shell: [], service: [] });
  }

  /** Runs one script as it is (an action), after what waits. */
  async run(identity: Identity, request: RunRequest): Promise<Outcome> {
    await this.flush();
    const [outcome] = await this.#wire.run(identity, [request]);
    if (outcome === undefined) throw new Error('a runner has not answered all that it was asked');
    return outcome;
  }

  /**
   * Runs an action's script, after what waits, and in the same go asks what will be needed next.
   *
   * @returns `learn` takes the answers over; to be called when what the action makes unknown has been forgotten
   */
  async act(identity: Identity, request: RunRequest, next: readonly AnyQuery[]): Promise<{ readonly outcome: Outcome; readonly learn: () => void }> {
    const { shell } = byAnswerer(next);
    if (shell.length === 0) return { outcome: await this.run(identity, request), learn: () => undefined };
    await this.flush();
    const probe = makeProbe(shell);
    let outcome: Outcome | undefined;
    let answer: Outcome | undefined;
    await this.#wire.run(identity, [{ ...request, apart: true }, probeRequest(probe)], (index, each) => {
      if (index === 0) outcome = each;
      else if (index === 1) answer = each;
    }).catch((error: unknown) => {
      // The action is over and is told of; that the host is lost is found when it is next used. One that was not run is not over:
      // the host's lock, which was to be taken before it, is somebody else's.
      if (outcome === undefined || outcome.state === 'not-run') throw error;
    });
    if (outcome === undefined) throw new Error('a runner has not answered all that it was asked');
    return { outcome, learn: () => { if (isMade(answer) && answer?.truncated === false) this.#learnIfReadable(identity, shell, probe, answer.stdout); } };
  }

  /** An answer that makes no sense is no word about the action that it was asked along with: who needs it asks again, and is told. */
  #learnIfReadable(identity: Identity, queries: Questions['shell'], probe: Probe, stdout: Buffer): void {
    let facts: Facts;
    try {
      facts = probe.read(this.name, stdout);
    } catch (error) {
      if (error instanceof Diagnostic) return;
      throw error;
    }
    this.#learn(identity, queries, facts);
  }

  /** An action has changed something: noted for whoever wants to put things back, and is to know what he cannot. */
  acted(resource: string, did: string): void {
    this.#keeper?.made(resource, did);
  }

  /** Writes that down, if there is anything. @param asRoot as whom */
  async writeDown(asRoot: () => Identity | undefined): Promise<void> {
    const root = this.#keeper?.owes === true ? (this.#keeper.root ?? asRoot()) : undefined;
    const script = root === undefined ? undefined : this.#keeper?.script([]);
    if (root === undefined || script === undefined) return;
    const outcome = await this.run(root, { script: changeScript(script), timeoutSeconds: 60 });
    if (!isMade(outcome)) throw failure('not-noted', outcomeReason(outcome));
  }

  async close(): Promise<void> {
    await this.#wire.close();
  }

  #learn(identity: Identity, queries: readonly AnyQuery[], facts: Facts): void {
    const store = this.store(identity);
    for (const query of queries) {
      const value = facts.get(query.id);
      store.observed(query, value);
      // Sound: this id belongs to the base-facts kind alone, whose parser returns BaseFacts.
      if (query.kind.name === 'base-facts') this.#base = value as BaseFacts;
    }
  }

  /**
   * Makes the changes that wait, and looks at what they claim.
   *
   * @param extra to be asked along, of the same user
   */
  async #send(extra: Questions): Promise<void> {
    const batch = this.#pending;
    this.#pending = undefined;
    this.#joinable = undefined;
    if (batch === undefined) return;
    const { identity } = batch.changes[0];
    this.#keeper?.makes(batch.changes);
    const claims = this.store(identity).takeClaims();
    const claimed = byAnswerer(claims.map((c) => c.query));
    const shell = [...claimed.shell, ...extra.shell.filter((q) => !claims.some((c) => c.query.id === q.id))];
    const facts = new Map(batch.by === 'shell' ? await this.#runChanges(batch.changes, shell) : await this.#callChanges(batch.changes, shell));
    // Of the services only what is claimed: what else they are asked comes after this is known to hold.
    for (const [id, fact] of await this.#afterwards(batch.changes, () => this.#wire.ask(claimed.service))) facts.set(id, fact);
    this.#confirm(batch.changes, claims, facts);
    this.#learn(identity, [...shell, ...claimed.service], facts);
    this.#keeper?.written();
    for (const pending of batch.changes) pending.done();
  }

  /** Scripts, and a look at the host, in one go. @throws ChangeFailed */
  async #runChanges(batch: readonly [Pending<ShellChange>, ...Pending<ShellChange>[]], queries: Questions['shell']): Promise<Facts> {
    const { identity } = batch[0];
    const probe = makeProbe(queries);
    const scripts = batchScripts(batch, await this.#wire.takesRows(identity), this.#keeper?.script(batch));
    const requests: RunRequest[] = scripts.map(({ script, keepWithPrevious, unless = '', timeoutSeconds }, i) => ({
      ...changeRequest(script), keepWithPrevious, unless, timeoutSeconds, environment: batch[i]?.environment ?? {},
    }));
    if (queries.length > 0) requests.push(probeRequest(probe));
    const seen = new Map<number, Outcome>();
    const outcomes = await this.#wire.run(identity, requests, (index, outcome) => seen.set(index, outcome)).catch((error: unknown) => {
      const at = batch.findIndex((_pending, i) => !isMade(seen.get(i)));
      // It could not be sent or stored, or its shell was killed: it has failed, whichever task is at work now.
      if (at !== -1 && error instanceof Diagnostic && !isCutOff(error)) this.#failed(batch, at, callReason(error));
      this.#keeper?.restart();
      // The connection is lost, or the run was killed: what had been answered by then is known to be made.
      if (!isCutOff(error)) this.forgetEverything();
      for (const [i, pending] of batch.entries()) if (isMade(seen.get(i))) pending.done();
      throw error;
    });
    const at = batch.findIndex((_pending, i) => !isMade(outcomes[i]));
    const outcome = outcomes[at];
    if (at !== -1) this.#failed(batch, at, outcome === undefined ? 'no answer' : outcomeReason(outcome));
    return queries.length === 0 ? new Map() : this.#afterwards(batch, () => this.#wire.read(identity, queries, probe, outcomes.at(-1)));
  }

  /** Looks at the host when all of a batch is made. What can't be read is no word about the changes: their owners are told first. */
  async #afterwards(batch: readonly PendingChange[], look: () => Facts | Promise<Facts>): Promise<Facts> {
    try {
      return await look();
    } catch (error) {
      this.forgetEverything();
      for (const pending of batch) pending.done();
      throw error;
    }
  }

  /** Calls one after another, then a look at the host. @throws ChangeFailed */
  async #callChanges(batch: readonly [Pending<ServiceChange>, ...Pending<ServiceChange>[]], queries: Questions['shell']): Promise<Facts> {
    const { identity } = batch[0];
    await this.#wire.open(identity);
    for (const [at, { change, before, timeoutSeconds }] of batch.entries()) {
      try {
        if (before !== undefined) await this.#note(identity, before);
        await this.#wire.serve(change.timeoutSeconds ?? timeoutSeconds, (port) => change.call(port));
      } catch (error) {
        if (!isCutOff(error)) this.#failed(batch, at, callReason(error));
        for (const made of batch.slice(0, at)) made.done();
        throw error;
      }
    }
    return queries.length === 0 ? new Map() : this.#afterwards(batch, () => this.#wire.probe(identity, queries));
  }

  async #note(identity: Identity, before: Pending<ServiceChange>['before'] & object): Promise<void> {
    const [outcome] = await this.#wire.run(identity, [{ script: changeScript(before), timeoutSeconds: 60 }]);
    if (!isMade(outcome)) throw new Error(`the handlers that this may owe cannot be noted on the host${outcome === undefined ? '' : `: ${outcomeReason(outcome)}`}`);
  }

  /** A batch stopped at one change: those before it are made. */
  #failed(batch: readonly PendingChange[], at: number, reason: string): never {
    const pending = batch[at];
    if (pending === undefined) throw new Error('a batch has no such change');
    this.forgetEverything();
    this.#keeper?.restart();
    for (const made of batch.slice(0, at)) made.done();
    throw new ChangeFailed(pending, reason, batch.slice(at + 1));
  }

  #confirm(batch: readonly PendingChange[], claims: readonly Claim[], facts: Facts): void {
    for (const claim of claims) {
      const observed = facts.get(claim.query.id);
      if (claim.query.kind.same(claim.expected, observed)) continue;
      const guilty = batch.findLast((p) => p.change.resource === claim.by) ?? batch.at(-1);
      if (guilty === undefined) return;
      this.forgetEverything();
      for (const pending of batch) if (pending !== guilty) pending.done();
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

