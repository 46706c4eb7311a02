/** One task on one host: when, loop, until, register, failure rules, notify, and its report. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChangeFailed, outcomeReason, type HostSession, type PendingChange } from '../host/host-session.ts';
import type { Identity } from '../host/identity.ts';
import type { AnyQuery } from '../host/query.ts';
import type { Expression } from '../language/expression/index.ts';
import type { Task } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import { Diagnostic, badInput, failure } from '../support/diagnostic.ts';
import { maskSecrets } from '../support/secret.ts';
import type { Script } from '../support/shell.ts';
import { plainText, typeName, type Value, type ValueMap } from '../support/value.ts';
import type { Outcome } from '../transport/types.ts';
import type { FileCache } from './controller-files.ts';
import type { HostState, PlayState, RunContext } from './context.ts';
import { engineModulePlan } from './engine-modules.ts';
import { allHold, knowingAsync, resolveBoolean, resolveEnvironment, resolveNumber, UnknownValue } from './evaluate.ts';
import type { TaskStatus } from './events.ts';
import { keepAs, noteNotified, notifyHandlers, refusesRoot } from './handlers.ts';
import { isHeld, leftAsTheyAre } from './held.ts';
import { identityOf } from './identity.ts';
import { judged, withResult } from './judge.ts';
import type { ActionKind } from './look-ahead.ts';
import { itemScope, loopValues } from './loop.ts';
import type { Report } from './report-queue.ts';
import { taskGate } from './task-gate.ts';
import { errorText, runItem, type ItemContext } from './task-item.ts';
import { reportChanges, reportEnd, reportObservations, roleName, type ReportedTask } from './task-report.ts';
import { cutsOff, registered, TaskFailed, type ItemResult, type MadeChange } from './task-result.ts';
import { firstLine, overall, planned, shownValues, taskTitle } from './task-words.ts';

/** Seconds that one script may take when the task does not say. */
export const DEFAULT_TIMEOUT_SECONDS = 1800;

export interface TaskRunInit {
  readonly ctx: RunContext;
  readonly play: PlayState;
  readonly host: HostState;
  readonly cache: FileCache;
  readonly task: Task;
  readonly handler: boolean;
  /** Questions of later tasks, to be asked along. */
  readonly alsoAsk: (session: HostSession, after?: ActionKind) => readonly AnyQuery[];
  /** As whom notes of handlers are kept on the host, if they are. */
  readonly notesAs: () => Identity | undefined;
}

/** What a finished task hands to the interpreter. */
export interface TaskEnd {
  readonly register: ValueMap | undefined;
  readonly unknownBecause: string | undefined;
  readonly facts: ValueMap | undefined;
}

export class TaskRun {
  readonly #init: TaskRunInit;
  readonly #scope: Scope;
  readonly #title: string;
  readonly #report: Report;
  readonly #started = performance.now();
  /** Changes put on their way and not yet known to be made, with what the report will say of them. */
  readonly #waiting = new Map<PendingChange, MadeChange>();
  /** Changes known to be made, for the report of a task that fails later. */
  readonly #made: MadeChange[] = [];
  readonly #noLog: boolean;
  /** Notes of handlers made for this task. */
  readonly #noted = new Set<string>();
  #finish: (() => void) | undefined;
  /** The session that the task works on: the host's own, or that of the host it is delegated to. */
  #target: HostSession;

  constructor(init: TaskRunInit) {
    this.#init = init;
    this.#target = init.host.session;
    this.#report = init.host.reports.open();
    this.#scope = init.ctx.variables.taskScope(init.host.name, init.play.variables, init.task.attributes);
    this.#title = taskTitle(init.task, this.#scope);
    this.#noLog = this.#hidden();
  }
  get task(): Task {
    return this.#init.task;
  }

  get #reported(): ReportedTask & { readonly node: Task } {
    return { ...this.#init, node: this.#init.task, title: this.#title };
  }

  /** When it cannot be told (it may depend on the item of a loop), all is hidden: the other mistake cannot be undone. */
  #hidden(): boolean {
    try {
      return resolveBoolean(this.#init.task.attributes.noLog, this.#scope) ?? false;
    } catch {
      return true;
    }
  }

  /**
   * Notes the handlers that a change will owe, before it is made.
   *
   * @param identity of the change; undefined when it is made on another host
   * @returns the note to put before the change, when the acting user may write it
   */
  async #note(scope: Scope, identity: Identity | undefined): Promise<Script | undefined> {
    const { ctx, play, host, task } = this.#init;
    const note = ctx.options.mode === 'apply' ? noteNotified(play, host, task, scope) : undefined;
    if (note === undefined) return undefined;
    const root = identity?.user === 'root' ? identity : this.#init.notesAs();
    if (root === undefined) return undefined;
    const made = (): void => {
      for (const id of note.ids) {
        this.#noted.add(id);
        host.noted.add(id);
      }
    };
    if (root === identity) {
      made();
      return note.script;
    }
    let outcome: Outcome;
    try {
      outcome = await host.session.run(root, { script: note.script, timeoutSeconds: 60 });
    } catch (error) {
      if (refusesRoot(error)) return undefined;
      throw error;
    }
    made();
    if (outcome.state !== 'done' || outcome.status !== 0) throw failure('not-noted', `${host.name}: the handlers that this may owe cannot be noted on the host`, { detail: outcomeReason(outcome) });
    return undefined;
  }

  #safely<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch {
      // Reported when the keyword is needed; here it only decides what may be shown.
      return undefined;
    }
  }

  /** Whether this run of the task owns a change. */
  owns(pending: PendingChange): boolean {
    return this.#waiting.has(pending);
  }

  /** Whether changes are on their way of which nothing is known yet. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  get ignoresUnreachable(): boolean {
    return this.#safely(() => resolveBoolean(this.#init.task.attributes.ignoreUnreachable, this.#scope)) ?? false;
  }

  /** The batch stopped before this task's changes were made. */
  dropped(): void {
    this.#waiting.clear();
    this.#report.drop();
  }

  /** A change of this task failed after it was put on its way. @returns the result, and the failure, unless ignore_errors lets the host go on */
  failedLater(reason: string): { readonly result: ValueMap; readonly failed: TaskFailed | undefined } {
    this.#waiting.clear();
    const message = this.#noLog ? 'failed (hidden by no_log)' : reason;
    const result: ValueMap = { failed: true, changed: false, skipped: false, msg: message };
    return { result, failed: this.#conclude('failed', this.#madeItems(), message, result) };
  }

  /** The connection broke, or the run was killed, while this task was at work: what it did is not known. */
  cutOff(error: Diagnostic): void {
    const inFlight = this.#waiting.size;
    this.#waiting.clear();
    const status: TaskStatus = error.kind !== 'unreachable' ? 'failed' : this.ignoresUnreachable ? 'ignored' : 'unreachable';
    const doubt = inFlight > 0 && error.kind !== 'locked' ? '\nWhether its change was made is not known; each change is made whole or not at all, and the next run looks.' : '';
    const text = maskSecrets(errorText(error)) + doubt;
    const seconds = (performance.now() - this.#started) / 1000;
    this.#report.ready(() => {
      reportChanges(this.#reported, this.#madeItems());
      reportEnd(this.#reported, { status, seconds, msg: firstLine(text), error: text });
    });
  }

  #madeItems(): readonly ItemResult[] {
    return this.#made.length === 0 ? [] : [{ status: 'changed', values: {}, msg: undefined, changes: [...this.#made], facts: undefined, valuesUnknown: undefined, label: undefined }];
  }

  async run(): Promise<TaskEnd> {
    const { ctx, host, task } = this.#init;
    ctx.emit({ type: 'task-start', host: host.name, role: roleName(task), task: this.#title, module: task.module });
    try {
      return await this.#all();
    } catch (error) {
      if (error instanceof UnknownValue) {
        const msg = error.message;
        this.#conclude('unknown', [], msg, {});
        return { register: undefined, unknownBecause: msg, facts: undefined };
      }
      if (error instanceof Error && error.name === 'AbortError') throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: `${host.name}: a wait was interrupted`, cause: error });
      if ((error instanceof Diagnostic && !cutsOff(error)) || (error instanceof Error && error.name === 'DiagnosticList')) return this.#failedEarly(error);
      // Whose fault it is, and who reports it, is decided where all tasks in flight are known.
      throw error;
    }
  }

  async #failedEarly(error: Error): Promise<TaskEnd> {
    const text = maskSecrets(errorText(error));
    const result: ValueMap = { failed: true, changed: false, msg: text };
    // Earlier items of a loop may be on their way: the report tells of them, too.
    await this.#target.flush();
    const failed = this.#conclude('failed', this.#madeItems(), text, result);
    if (failed !== undefined) throw failed;
    return { register: result, unknownBecause: undefined, facts: undefined };
  }

  async #all(): Promise<TaskEnd> {
    const { ctx, host, task } = this.#init;
    const unknown = ctx.variables.unknownNames(host.name);
    const loopVar = task.loopControl.loopVar;
    const early = task.attributes.when.filter((c) => task.loop === undefined || !c.variables.some((v) => v === loopVar || v === task.loopControl.indexVar || v === 'ansible_loop'));
    if (!allHold(early, this.#scope, unknown)) return this.#skip('the condition does not hold');
    const values = loopValues(task, this.#scope, unknown);
    const late = task.attributes.when.filter((c) => !early.includes(c));
    const items: ItemResult[] = [];
    for (const [i, value] of values.entries()) {
      const scope = task.loop === undefined ? this.#scope : itemScope(task, this.#scope, values, i);
      if (i > 0 && task.loopControl.pause > 0) await sleep(task.loopControl.pause * 1000, undefined, { signal: ctx.options.kill });
      const result = await this.#item(late, scope, unknown);
      items.push(task.loop === undefined ? result : { ...result, label: this.#label(scope, value) });
    }
    return this.#end(items, values);
  }

  /** One item; what check mode cannot tell of one item does not hide what it can tell of the others. */
  async #item(when: readonly Expression[], scope: Scope, unknown: ReadonlyMap<string, string>): Promise<ItemResult> {
    const nothing = { values: {}, msg: undefined, changes: [], facts: undefined, valuesUnknown: undefined, label: undefined };
    try {
      if (!allHold(when, scope, unknown)) return { ...nothing, status: 'skipped' };
      return await this.#repeated(scope, unknown);
    } catch (error) {
      if (!(error instanceof UnknownValue)) throw error;
      return { ...nothing, status: 'unknown', msg: error.message, valuesUnknown: error.message };
    }
  }

  #label(scope: Scope, value: Value): string {
    const label = this.#init.task.loopControl.label;
    if (this.#noLog) return '(hidden by no_log)';
    const shown = label === undefined ? value : this.#safely(() => renderValue(label, scope, this.#init.task.span)) ?? value;
    return maskSecrets(plainText(shown)).slice(0, 200);
  }

  #skip(because: string): TaskEnd {
    this.#conclude('skipped', [], because, {});
    return { register: { changed: false, failed: false, skipped: true, skip_reason: because }, unknownBecause: undefined, facts: undefined };
  }

  /** One item with `until`: again, with fresh facts, until it holds or the retries are used up. */
  async #repeated(scope: Scope, unknown: ReadonlyMap<string, string>): Promise<ItemResult> {
    const { task, ctx, host } = this.#init;
    if (task.until === undefined) return judged(task, this.#title, await this.#once(scope), scope, unknown);
    const attempts = Math.max(1, resolveNumber(task.retries, scope) ?? 3);
    const delay = resolveNumber(task.delay, scope) ?? 5;
    // What earlier tasks have put on its way is theirs to answer for.
    await this.#target.flush();
    for (let attempt = 1; ; attempt += 1) {
      const raw = await this.#attempt(scope);
      const result = judged(task, this.#title, raw, scope, unknown);
      if (result.valuesUnknown !== undefined) return result;
      const seen = withResult(task, scope, { ...result, values: { ...result.values, attempts: attempt } });
      if (task.until.test(seen)) return { ...result, values: { ...result.values, attempts: attempt } };
      if (this.#predicts(scope)) return { ...result, status: 'unknown', msg: 'until does not hold yet', valuesUnknown: 'until it has been repeated' };
      if (attempt >= attempts || ctx.options.stop.aborted) return { ...result, status: 'failed', msg: `gave up after ${String(attempt)} attempts${result.msg === undefined ? '' : `: ${result.msg}`}` };
      ctx.emit({ type: 'retry', host: host.name, task: this.#title, attempt, of: attempts });
      await sleep(delay * 1000, undefined, { signal: ctx.options.kill });
      this.#target.forgetEverything();
    }
  }

  /** One try of a task with `until`: a change that fails is a result like any other, to be tried again. */
  async #attempt(scope: Scope): Promise<ItemResult> {
    try {
      const result = await this.#once(scope);
      await this.#target.flush();
      return result;
    } catch (error) {
      if (!(error instanceof ChangeFailed) || !this.owns(error.pending)) throw error;
      this.#waiting.clear();
      return { status: 'failed', values: {}, msg: error.message, changes: [], facts: undefined, valuesUnknown: undefined, label: undefined };
    }
  }

  #predicts(scope: Scope): boolean {
    return resolveBoolean(this.#init.task.attributes.checkMode, scope) ?? (isHeld(this.#init) || this.#init.ctx.options.mode === 'check');
  }

  async #once(scope: Scope): Promise<ItemResult> {
    const { ctx, host, task } = this.#init;
    const attributes = task.attributes;
    const plan = engineModulePlan(ctx, host.name, task, scope, 0);
    if (plan !== undefined) return planned(plan);
    const delegate = attributes.delegateTo === undefined ? undefined : renderValue(attributes.delegateTo, scope, task.span);
    if (delegate === undefined || delegate === host.name) return this.#onSession(host.session, host.name, scope, false);
    if (typeof delegate !== 'string') throw badInput('bad-delegate', `delegate_to must give a host's name, not ${typeName(delegate)}`, { span: task.span });
    await host.session.flush();
    const other = ctx.delegate(delegate);
    return other.exclusively(async () => {
      if (ctx.options.mode !== 'check') other.session.forgetEverything();
      const result = await this.#onSession(other.session, delegate, scope, true);
      await other.session.flush();
      return { ...result, changes: result.changes.map((change) => ({ ...change, delegatedTo: delegate })) };
    });
  }

  async #onSession(session: HostSession, target: string, scope: Scope, delegated: boolean): Promise<ItemResult> {
    const { ctx, host, task, task: { attributes } } = this.#init;
    this.#target = session;
    const identity = identityOf(attributes, scope, ctx.variables.hostScope(target), ctx.options.becomePassword);
    const diff = resolveBoolean(attributes.diff, scope) ?? true;
    if (!session.started) await session.start(identity, []);
    const predict = this.#predicts(scope);
    // As in Ansible, 0 means without a limit of its own.
    const ownTimeoutSeconds = resolveNumber(attributes.timeout, scope) || undefined;
    const item: ItemContext = {
      ctx,
      cache: this.#init.cache,
      session,
      identity,
      environment: resolveEnvironment(attributes.environment, scope),
      timeoutSeconds: ownTimeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
      ownTimeoutSeconds,
      predict,
      noLog: this.#noLog,
      // The history keeps differences whether they are shown or not.
      diff,
      keepAs: keepAs(this.#init, scope, { hidden: this.#noLog, secret: !diff }, delegated),
      unknown: ctx.variables.unknownNames(host.name),
      alsoAsk: () => (delegated ? [] : this.#init.alsoAsk(session)),
      // A loop's next item and another try come before the next task.
      askAfter: (guarded) => (delegated || task.loop !== undefined || task.until !== undefined || predict ? [] : this.#init.alsoAsk(session, guarded ? 'guarded' : 'unguarded')),
      before: () => this.#note(scope, delegated ? undefined : identity),
      pass: isHeld(this.#init) ? undefined : taskGate(this.#reported, resolveBoolean(attributes.checkMode, scope), delegated ? target : undefined),
      sent: (pending, made) => this.#waiting.set(pending, delegated ? { ...made, delegatedTo: target } : made),
      settled: (pending) => {
        const made = this.#waiting.get(pending);
        if (made !== undefined) this.#made.push(made);
        this.#waiting.delete(pending);
        if (this.#waiting.size === 0) this.#finish?.();
      },
    };
    const result = await knowingAsync(item.unknown, () => runItem(item, task, scope));
    if (delegated && !predict && ctx.inventory.hosts.includes(target)) ctx.host(target).session.delegatedChange(result.status === 'changed');
    // These rules look at what really happened, so the change must have been made.
    if (result.status === 'changed' && (task.failedWhen !== undefined || delegated)) await session.flush();
    return result;
  }

  async #end(made: readonly ItemResult[], values: readonly Value[]): Promise<TaskEnd> {
    const { task } = this.#init;
    const items = isHeld(this.#init) ? leftAsTheyAre(made, { host: this.#init.host.name, role: roleName(task), task: this.#title }, this.#init.ctx.options) : made;
    // A failed item is reported with what the other items have really done.
    if (this.#waiting.size > 0 && overall(items) === 'failed') await this.#target.flush();
    const register = registered(items, task.loop !== undefined, values, task.loopControl.loopVar);
    const status = overall(items);
    const messages = items.filter((i) => i.msg !== undefined && (status !== 'failed' || i.status === 'failed')).map((i) => (i.label === undefined ? i.msg : `[${i.label}] ${i.msg ?? ''}`));
    const failed = this.#conclude(status, items, messages.length === 0 ? undefined : messages.slice(0, 20).join('\n'), register);
    if (failed !== undefined) throw failed;
    const facts = items.reduce<ValueMap | undefined>((all, i) => (i.facts === undefined ? all : { ...all, ...i.facts }), undefined);
    const unknownBecause = items.find((i) => i.valuesUnknown !== undefined)?.valuesUnknown;
    return { register, unknownBecause, facts };
  }

  /** Reports, counts, notifies. @returns the failure, unless ignore_errors takes it */
  #conclude(status: Exclude<TaskStatus, 'unreachable' | 'rescued' | 'ignored'>, items: readonly ItemResult[], msg: string | undefined, result: ValueMap): TaskFailed | undefined {
    const { host, play, task } = this.#init;
    const ignored = status === 'failed' && (this.#safely(() => resolveBoolean(task.attributes.ignoreErrors, this.#scope)) ?? false);
    const fatal = this.#safely(() => resolveBoolean(task.attributes.anyErrorsFatal, this.#scope)) ?? play.play.anyErrorsFatal;
    const shown = this.#noLog && msg !== undefined ? 'hidden by no_log' : msg === undefined ? undefined : maskSecrets(msg);
    const seconds = (performance.now() - this.#started) / 1000;
    const emit = (): void => {
      reportChanges(this.#reported, items);
      reportObservations(this.#reported, items);
      reportEnd(this.#reported, {
        status: ignored ? 'ignored' : status,
        seconds,
        msg: shown === undefined || status !== 'failed' ? shown : firstLine(shown),
        error: status === 'failed' ? shown : undefined,
        result: this.#noLog ? undefined : shownValues(task.module, result),
      });
    };
    const done = (): void => {
      // Only now: a change that fails on its way notifies nobody.
      if (status === 'changed') notifyHandlers(play, host, task, this.#scope);
      else if (status !== 'failed' || ignored) for (const id of this.#noted) host.stray.add(id);
      this.#report.ready(emit);
    };
    if (this.#waiting.size > 0 && status !== 'failed') this.#finish = done;
    else done();
    return status === 'failed' && !ignored ? new TaskFailed(task, shown ?? 'failed', result, fatal) : undefined;
  }
}
