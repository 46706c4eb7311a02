/**
 * The way to one host: scripts to its shell, questions and calls to its services. Knows the host's lock, the fork limit
 * and how a run is killed; knows nothing of what is known of the host.
 */
import { HOST_LOCKED_STATUS } from '../state/host-lock.ts';
import { ClientPool } from '../services/clients.ts';
import type { ServicePort } from '../services/port.ts';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { joinScripts, rawScript } from '../support/shell.ts';
import { interrupted } from '../transport/errors.ts';
import type { Connection, Outcome, RunRequest, Runner } from '../transport/types.ts';
import type { Identity } from './identity.ts';
import { groupByKind, makeProbe, PROBE_OUTPUT_LIMIT, type Probe } from './observe.ts';
import { callReason, outcomeReason, tail } from './outcome-words.ts';
import type { ErasedServiceKind, ErasedShellKind, Question } from './query.ts';

export interface HostWireInit {
  readonly name: string;
  readonly connect: () => Promise<Connection>;
  /** Aborted to kill what runs on the host. */
  readonly kill: AbortSignal;
  /** Run before anything else by the first identity that may change the host (the host lock). */
  readonly opening: (RunRequest & { /** Given when it may wait for long: ends the wait. */ readonly impatience: AbortSignal | undefined }) | undefined;
  /** Bounds how many hosts are worked on at once (`--forks`). */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>;
}

export type Facts = ReadonlyMap<string, unknown>;
type ShellQuestions = readonly Question<ErasedShellKind>[];
type ServiceQuestions = readonly Question<ErasedServiceKind>[];

const PROBE_TIMEOUT_SECONDS = 120;
/** Between the lock, which stands in braces, and what needs it, in one script. What it has to say comes on stdout: of a look nothing else is kept. */
const AFTER_OPENING = rawScript('} 2>&1\ncare_status=$?; [ "$care_status" = 0 ] || exit "$care_status"');

export class HostWire {
  readonly #init: HostWireInit;
  readonly #clients: ClientPool;
  #connection: Promise<Connection> | undefined;
  /** As whom the host's lock was taken: only root's keeps everybody out. */
  #opened: 'not' | 'as user' | 'as root' = 'not';
  /** What the lock hangs on: when this shell has ended (out of memory, a kill), somebody else may have the lock. */
  #holder: Runner | undefined;

  constructor(init: HostWireInit) {
    this.#init = init;
    this.#clients = new ClientPool(() => this.connection());
  }

  connection(): Promise<Connection> {
    this.#connection ??= this.#init.connect();
    return this.#connection;
  }

  /** Begins to connect. What is wrong with that is told to whoever needs the connection. */
  connectAhead(): void {
    try {
      this.connection().catch(() => undefined);
    } catch (error) {
      // The target cannot be told (a variable): tried again, and told, when the host's turn comes.
      if (!(error instanceof Error)) throw error;
    }
  }

  /** After a reconnect: what was opened must be opened again. */
  reconnected(): void {
    this.#opened = 'not';
    this.#holder = undefined;
    // Their streams went with the old connection.
    void this.#clients.close();
  }

  /** Ends the connection; the next use makes a new one. */
  async disconnect(): Promise<void> {
    const lost = this.#connection;
    this.#connection = undefined;
    this.reconnected();
    await (await lost?.catch(() => undefined))?.close();
  }

  async close(): Promise<void> {
    await this.#clients.close();
    if (this.#connection === undefined) return;
    const connection = await this.#connection.catch(() => undefined);
    await connection?.close();
  }

  /** Runs scripts one after another, after the lock has been taken. */
  async run(identity: Identity, requests: readonly RunRequest[], onOutcome?: (index: number, outcome: Outcome) => void): Promise<readonly Outcome[]> {
    const opening = await this.#opening(identity);
    const outcomes = await this.#chain(identity, [...opening, ...requests], onOutcome === undefined ? undefined : (index, outcome) => { onOutcome(index - opening.length, outcome); });
    await this.#checkOpening(identity, opening, outcomes);
    return outcomes.slice(opening.length);
  }

  /** Takes the lock, where that is still to be done: before a service changes something. */
  async open(identity: Identity): Promise<void> {
    if (this.#needsOpening(identity)) await this.run(identity, []);
  }

  /** Asks the host's shell. */
  async probe(identity: Identity, queries: ShellQuestions): Promise<Facts> {
    const probe = makeProbe(queries);
    const [opening] = await this.#opening(identity);
    // In one script with the lock: each script costs the host half a dozen processes.
    const script = opening === undefined ? probe.script : joinScripts([rawScript('{'), opening.script, AFTER_OPENING, probe.script]);
    const timeoutSeconds = PROBE_TIMEOUT_SECONDS + (opening?.timeoutSeconds ?? 0);
    const outcome = await this.#look(identity, { ...probeRequest(probe), script, timeoutSeconds });
    // A lock that does not wait is not what takes so long; the probe's reader says that its answer is cut off.
    if (opening !== undefined && outcome.state === 'done') await this.#checkOpening(identity, [opening], [outcome]);
    return this.read(identity, queries, probe, outcome);
  }

  /** The answers to a probe. One whose middle was left out for its length would give a thing the answer of another: it is asked in halves. */
  async read(identity: Identity, queries: ShellQuestions, probe: Probe, outcome: Outcome | undefined): Promise<Facts> {
    if (outcome?.truncated !== true) return probe.read(this.#init.name, outcome?.stdout ?? Buffer.alloc(0));
    if (queries.length < 2) throw failure('observation-too-long', `${this.#init.name}: the state of ${queries[0]?.kind.describe(queries[0].key) ?? 'nothing'} is longer than ${String(PROBE_OUTPUT_LIMIT)} bytes`);
    const facts = new Map<string, unknown>();
    const half = Math.ceil(queries.length / 2);
    for (const part of [queries.slice(0, half), queries.slice(half)]) {
      const again = makeProbe(part);
      const [answer] = await this.#chain(identity, [probeRequest(again)]);
      for (const [id, fact] of await this.read(identity, part, again, answer)) facts.set(id, fact);
    }
    return facts;
  }

  /** Asks the host's services, each kind of question at once. */
  async ask(queries: ServiceQuestions): Promise<Facts> {
    const groups = groupByKind(queries);
    const facts = new Map<string, unknown>();
    if (groups.length === 0) return facts;
    await this.serve(PROBE_TIMEOUT_SECONDS, async (port) => {
      await Promise.all(groups.map(async (group) => {
        const answers = await this.#answers(group.kind, group.queries, port);
        group.queries.forEach((query, i) => facts.set(query.id, answers[i]));
      }));
    });
    return facts;
  }

  async #answers(kind: ErasedServiceKind, queries: ServiceQuestions, port: ServicePort): Promise<readonly unknown[]> {
    const names = (): string => queries.slice(0, 3).map((q) => kind.describe(q.key)).join(', ');
    let answers: readonly unknown[];
    try {
      answers = await kind.answer(queries.map((q) => q.key), port);
    } catch (error) {
      if (isCutOff(error) || port.signal.aborted) throw error;
      throw failure('observation-failed', `${this.#init.name}: cannot read the state of ${names()}: ${callReason(error)}`, { cause: error });
    }
    if (answers.length !== queries.length) throw failure('observation-failed', `${this.#init.name}: cannot read the state of ${names()}: ${String(answers.length)} answers to ${String(queries.length)} questions`);
    return answers;
  }

  /**
   * Lets clients of the host's services work; ended when the time is over or the run is killed.
   *
   * @throws Diagnostic `interrupted` when killed, `service-timeout` when the time is over; what `work` throws
   */
  async serve<T>(timeoutSeconds: number, work: (port: ServicePort) => Promise<T>): Promise<T> {
    const { kill, name } = this.#init;
    return this.#init.limit(async () => {
      const over = new AbortController();
      const timer = setTimeout(() => { over.abort(); }, timeoutSeconds * 1000);
      const signal = AbortSignal.any([kill, over.signal]);
      const ended = (): Diagnostic => (kill.aborted ? interrupted(name, 'what a service was asked') : failure('service-timeout', `timed out after ${String(timeoutSeconds)} s`));
      try {
        if (signal.aborted) throw ended();
        const end = new Promise<never>((_resolve, reject) => { signal.addEventListener('abort', () => { reject(ended()); }, { once: true }); });
        const working = work(this.port(timeoutSeconds, signal));
        // Who of the two comes second is heard by nobody.
        working.catch(() => undefined);
        end.catch(() => undefined);
        return await Promise.race([working, end]);
      } finally {
        clearTimeout(timer);
      }
    });
  }

  port(timeoutSeconds: number, signal: AbortSignal): ServicePort {
    return { host: this.#init.name, clients: this.#clients, signal, timeoutSeconds };
  }

  /** Whether consecutive scripts run in one session there, and see what others have left beside the attachments. */
  async takesRows(identity: Identity): Promise<boolean> {
    return (await this.#runner(identity)).rows === true;
  }

  async #runner(identity: Identity): Promise<Runner> {
    const connection = await this.connection();
    return connection.runner(identity.become);
  }

  async #chain(identity: Identity, requests: readonly RunRequest[], onOutcome?: (index: number, outcome: Outcome) => void): Promise<readonly Outcome[]> {
    if (requests.length === 0) return [];
    return this.#init.limit(async () => (await this.#runner(identity)).chain(requests, this.#init.kill, onOutcome));
  }

  async #look(identity: Identity, request: RunRequest): Promise<Outcome> {
    return this.#init.limit(async () => (await this.connection()).look(identity.become, request, this.#init.kill));
  }

  #needsOpening(identity: Identity): boolean {
    if (this.#holder?.alive === false) {
      this.#opened = 'not';
      this.#holder = undefined;
    }
    const enough = this.#opened === 'as root' || (this.#opened === 'as user' && identity.user !== 'root');
    return !enough && this.#init.opening !== undefined;
  }

  /** The lock's script, to go in front of what is sent; one that may wait is sent ahead, where Ctrl-C can end it and no fork is held. */
  async #opening(identity: Identity): Promise<readonly RunRequest[]> {
    const { opening } = this.#init;
    if (opening === undefined || !this.#needsOpening(identity)) return [];
    if (opening.impatience === undefined) return [opening];
    const outcome = await (await this.#runner(identity)).run(opening, AbortSignal.any([this.#init.kill, opening.impatience]));
    await this.#checkOpening(identity, [opening], [outcome]);
    return [];
  }

  async #checkOpening(identity: Identity, opening: readonly RunRequest[], outcomes: readonly Outcome[]): Promise<void> {
    const outcome = outcomes[0];
    if (opening.length === 0 || outcome === undefined) return;
    const { name } = this.#init;
    if (outcome.status === HOST_LOCKED_STATUS || outcome.state === 'timed-out') {
      const why = tail(outcome.stderr, 2000) || tail(outcome.stdout, 2000) || 'the host is in use by another run';
      throw new Diagnostic({ kind: 'locked', code: 'host-locked', summary: `${name}: ${why}`, remedy: 'wait until that run has ended, or give --lock-wait SECONDS' });
    }
    if (outcome.status !== 0) throw failure('host-lock-failed', `${name}: the lock against other runs cannot be taken: ${outcomeReason(outcome)}`, { remedy: 'see on the host that /run is writable (mount | grep /run), and who owns what the message names' });
    this.#opened = identity.user === 'root' ? 'as root' : 'as user';
    this.#holder = await this.#runner(identity);
  }
}

export function probeRequest(probe: Probe): RunRequest {
  return { script: probe.script, timeoutSeconds: PROBE_TIMEOUT_SECONDS, outputLimit: PROBE_OUTPUT_LIMIT };
}

/** Whether the host, or the run, is lost, and not only what was tried. */
export function isCutOff(error: unknown): error is Diagnostic {
  return error instanceof Diagnostic && error.kind !== 'failed' && error.kind !== 'bad-input' && error.kind !== 'usage';
}
