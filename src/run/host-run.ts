/** One host's way through a play: nodes in order, blocks, includes, handlers. */
// Who waited for another's end begins in the next turn of the event loop: in that of the end it is decided whether it ends the play for all.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ChangeFailed } from '../host/host-session.ts';
import type { Identity } from '../host/identity.ts';
import type { AnyQuery } from '../host/query.ts';
import type { Attributes, Block, Include, Task, TaskNode } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import { clearPending } from '../state/pending-handlers.ts';
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { isList, plainText, type ValueMap } from '../support/value.ts';
import type { FileCache } from './controller-files.ts';
import { onceSlot, type HostState, type OnceResult, type PlayState, type RunContext } from './context.ts';
import { metaAction } from './engine-modules.ts';
import { allHold, resolveBoolean, resolveNumber, UnknownValue } from './evaluate.ts';
import { foresee } from './foresee.ts';
import { identityOf } from './identity.ts';
import { concludeOnce, settleElsewhere } from './once.ts';
import { isDue, keepOwed, notesIdentity, notOvertaken, takeDue, takeUpOwed } from './handlers.ts';
import { InFlight } from './in-flight.ts';
import { flattenTasks, LookAhead } from './look-ahead.ts';
import type { Position } from './rendezvous.ts';
import { selected, type TagSelection } from './tags.ts';
import { taskNames } from './validate.ts';
import { asError, cutsOff, HostEnded, TaskFailed } from './task-result.ts';
import { reportEnd } from './task-report.ts';
import { TaskRun, type TaskEnd } from './task-run.ts';
import { taskTitle } from './task-words.ts';
import { withVars } from './with-vars.ts';

export interface HostRunInit {
  readonly ctx: RunContext;
  readonly play: PlayState;
  readonly host: HostState;
  readonly cache: FileCache;
  readonly tags: TagSelection;
}

export class HostRun {
  readonly #init: HostRunInit;
  readonly #ahead: LookAhead;
  readonly #inFlight: InFlight;

  constructor(init: HostRunInit) {
    this.#init = init;
    this.#ahead = new LookAhead((task) => foresee(init, this.#scope(task.attributes), task));
    this.#inFlight = new InFlight(init.host.session, (task, result) => {
      this.#take(task, { register: result, facts: undefined, failed: true, unknownBecause: undefined });
    });
  }

  /** Questions of the section's tasks, for the host's first observation. */
  firstQueries(nodes: readonly TaskNode[]): readonly AnyQuery[] {
    const first = flattenTasks(nodes).find((t) => t.attributes.delegateTo === undefined);
    if (first === undefined) return [];
    this.#ahead.enter(nodes);
    try {
      const identity = this.playIdentity();
      return this.#ahead.queries(identity, this.#init.host.session);
    } finally {
      this.#ahead.leave();
      this.#ahead.forget();
    }
  }

  playIdentity(): ReturnType<typeof identityOf> {
    const { ctx, host, play } = this.#init;
    return identityOf(play.play.attributes, this.#scope(play.play.attributes), ctx.variables.hostScope(host.name), ctx.options.becomePassword);
  }

  /** Runs a section's nodes and then the handlers that are due. @throws TaskFailed, HostEnded, Diagnostic `unreachable` */
  async section(nodes: readonly TaskNode[], position: Position): Promise<void> {
    this.#ahead.enter(nodes);
    try {
      await this.#nodes(nodes, position);
      await this.settle();
    } finally {
      this.#ahead.leave();
    }
    await this.#init.play.rendezvous.arrive(this.#init.host.name, [...position, Number.MAX_SAFE_INTEGER]);
    await this.runHandlers([...position, Number.MAX_SAFE_INTEGER]);
  }

  async #nodes(nodes: readonly TaskNode[], position: Position): Promise<void> {
    for (const [i, node] of nodes.entries()) {
      const here = [...position, i];
      await this.#mayGoOn();
      if (node.kind === 'task') await this.#task(node, here);
      else if (node.kind === 'block') await this.#block(node, here);
      else await this.#include(node, here);
    }
  }

  /** Leaves the play when it was ended for everybody. @throws HostEnded, Diagnostic `interrupted` */
  async #mayGoOn(): Promise<void> {
    const { play, ctx } = this.#init;
    const interrupted = ctx.options.stop.aborted;
    if (play.stopped === undefined && !play.ended && !interrupted) return;
    // After a failure or Ctrl-C nothing more is begun; meta end_play lets what was decided before it be done.
    if (play.stopped !== undefined || interrupted) this.#inFlight.discard();
    else await this.settle();
    if (interrupted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'the run was interrupted' });
    throw new HostEnded(false);
  }

  /** Sends what waits; a change that failed is charged to its task. @throws TaskFailed */
  settle(): Promise<void> {
    return this.#inFlight.settle();
  }

  /** Whether a task has reported this error already. */
  hasReported(error: unknown): boolean {
    return this.#inFlight.hasReported(error);
  }

  async #task(task: Task, position: Position): Promise<void> {
    const { ctx, host, play, tags } = this.#init;
    this.#ahead.reached(task);
    if (!selected(task.attributes.tags, tags)) return;
    if (!host.startReached) {
      const wanted = ctx.options.startAtTask;
      host.startReached = wanted === undefined || taskNames(task).includes(wanted);
      if (!host.startReached) return;
    }
    if (task.module === 'meta') {
      await this.#meta(task, position);
      return;
    }
    if (play.play.strategy === 'linear') {
      await this.settle();
      await play.rendezvous.arrive(host.name, position);
      await this.#mayGoOn();
    }
    const scope = this.#scope(task.attributes);
    if (resolveBoolean(task.attributes.runOnce, scope) ?? false) {
      await this.#runOnce(task, position);
      return;
    }
    const limit = resolveNumber(task.attributes.throttle, scope) ?? 0;
    if (limit > 0) {
      await this.settle();
      await ctx.throttle(task.id, limit)(async () => {
        await nextTurn();
        await this.#mayGoOn();
        this.#remember(task, await this.#runTask(task, false));
        await this.settle();
      });
      return;
    }
    this.#remember(task, await this.#runTask(task, false));
    if (task.attributes.ignoreErrors !== undefined || task.attributes.ignoreUnreachable !== undefined) await this.settle();
  }

  async #runTask(task: Task, handler: boolean): Promise<TaskEnd> {
    const { ctx, play, host, cache } = this.#init;
    const run = new TaskRun({ ctx, play, host, cache, task, handler, notesAs: () => this.notesIdentity(), alsoAsk: (session, after) => this.#ahead.queries(identityOf(task.attributes, this.#scope(task.attributes), ctx.variables.hostScope(host.name), ctx.options.becomePassword), session, after) });
    this.#inFlight.add(run);
    try {
      return await run.run();
    } catch (error) {
      if (cutsOff(error)) {
        await this.#inFlight.cutOff(error, run);
        return { register: { changed: false, failed: false, skipped: false, unreachable: true, msg: error.message }, unknownBecause: undefined, facts: undefined };
      }
      if (error instanceof ChangeFailed && !run.owns(error.pending)) run.dropped();
      if (error instanceof ChangeFailed) return { register: this.#inFlight.charge(error), unknownBecause: undefined, facts: undefined };
      if (error instanceof TaskFailed) {
        // As in Ansible a failed task registers its result as well: rescue and always may look at it.
        this.#take(task, { register: error.result, facts: undefined, failed: true, unknownBecause: undefined });
        await this.settle();
      }
      throw error;
    }
  }

  #remember(task: Task, end: TaskEnd): void {
    this.#take(task, { register: end.register, facts: end.facts, failed: false, unknownBecause: end.unknownBecause });
  }

  #take(task: Task, result: OnceResult): void {
    const { ctx, host } = this.#init;
    if (result.facts !== undefined) ctx.variables.set(host.name, result.facts);
    if (task.register !== undefined) {
      if (result.unknownBecause !== undefined) ctx.variables.setUnknown(host.name, task.register, result.unknownBecause);
      else if (result.register !== undefined) ctx.variables.set(host.name, { [task.register]: result.register });
    }
    if (task.register !== undefined || result.facts !== undefined) this.#ahead.retry();
  }

  /** All hosts come together; the first runs the task, all take its result. */
  async #runOnce(task: Task, position: Position): Promise<void> {
    const { play, host } = this.#init;
    await this.settle();
    const together = await play.rendezvous.arrive(host.name, position, true);
    // With other workers the leader says how it has ended in any case: they wait for that.
    if (play.shared === undefined) await this.#mayGoOn();
    const slot = onceSlot(play, `${task.id}@${position.join('.')}`);
    const leader = together[0];
    await settleElsewhere(play, slot, position, { host: host.name, together });
    if (leader !== host.name || slot.isResolved()) {
      const result = await slot.result;
      if (result.failed) throw this.#failedElsewhere(task, leader ?? 'another host');
      this.#take(task, result);
      return;
    }
    try {
      const end = await this.#runTask(task, false);
      await this.settle();
      const result: OnceResult = { register: end.register, facts: end.facts, failed: false, unknownBecause: end.unknownBecause };
      slot.resolve(result);
      this.#take(task, result);
      await concludeOnce(play, position, host.name, false);
    } catch (error) {
      await concludeOnce(play, position, host.name, true);
      slot.resolve({ register: undefined, facts: undefined, failed: true, unknownBecause: undefined });
      throw error;
    }
  }

  /** A run_once task failed on the host that ran it: every host fails with it, and says so. */
  #failedElsewhere(task: Task, leader: string): TaskFailed {
    const { ctx, host, play } = this.#init;
    const msg = `failed on ${leader}, which ran it for all hosts`;
    const title = taskTitle(task, this.#scope(task.attributes));
    host.reports.open().ready(() => {
      reportEnd({ ctx, host, play, node: task, title, handler: false }, { status: 'failed', seconds: 0, msg, error: msg });
    });
    return new TaskFailed(task, msg, { failed: true, changed: false, msg }, false);
  }

  async #block(block: Block, position: Position): Promise<void> {
    if (block.rescue.length === 0 && block.always.length === 0) {
      await this.#nodes(block.body, position);
      return;
    }
    await this.settle();
    let failure: Error | undefined;
    try {
      await this.#nodes(block.body, [...position, 0]);
      await this.settle();
    } catch (error) {
      failure = asError(error);
      if (error instanceof TaskFailed && block.rescue.length > 0) {
        failure = undefined;
        this.#init.ctx.tally.rescue(this.#init.host.name, error.task.attributes.role?.role.name ?? '');
        this.#init.ctx.variables.set(this.#init.host.name, { ansible_failed_result: error.result, ansible_failed_task: { name: error.task.name ?? error.task.module, action: error.task.module } });
        try {
          await this.#nodes(block.rescue, [...position, 1]);
          await this.settle();
        } catch (inner) {
          failure = asError(inner);
        }
      }
    }
    if (block.always.length > 0 && !(failure instanceof Diagnostic)) {
      await this.#nodes(block.always, [...position, 2]);
      await this.settle();
    }
    if (failure !== undefined) throw failure;
  }

  async #include(include: Include, position: Position): Promise<void> {
    const { ctx, host, tags, play } = this.#init;
    if (!selected(include.attributes.tags, tags) && !include.attributes.tags.includes('always') && tags.tags.length > 0) return;
    const scope = this.#scope(include.attributes);
    const unknown = ctx.variables.unknownNames(host.name);
    try {
      if (!allHold(include.attributes.when, scope, unknown)) return;
    } catch (error) {
      if (!(error instanceof UnknownValue)) throw error;
      this.#unknownInclude(include, error.message);
      return;
    }
    const items = include.loop === undefined ? [null] : renderValue(include.loop, scope, include.span);
    if (!isList(items)) throw badInput('bad-loop', 'loop must give a list', { span: include.span });
    for (const [i, item] of items.entries()) {
      const extra: ValueMap | undefined = include.loop === undefined ? undefined : { [include.loopControl.loopVar]: item, ...(include.loopControl.indexVar === undefined ? {} : { [include.loopControl.indexVar]: i }) };
      const target = renderValue(include.target, extra === undefined ? scope : scope.child({ values: extra, templated: false }), include.span);
      const loaded = include.load(plainText(target), include.attributes);
      const nodes = extra === undefined ? loaded.nodes : loaded.nodes.map((n) => withVars(n, extra));
      play.addHandlers(loaded.handlers);
      takeUpOwed(ctx, host, loaded.handlers);
      this.#ahead.enter(nodes);
      try {
        await this.#nodes(nodes, [...position, i]);
      } finally {
        this.#ahead.leave();
      }
    }
  }

  /** Check mode cannot tell whether the tasks of a file would run: the host counts as not told of. */
  #unknownInclude(include: Include, because: string): void {
    const { ctx, host, play } = this.#init;
    const title = include.name ?? `include ${include.target}`;
    host.reports.open().ready(() => {
      reportEnd({ ctx, host, play, node: include, title, handler: false }, { status: 'unknown', seconds: 0, msg: `whether it is included is unknown ${because}` });
    });
  }

  async #meta(task: Task, position: Position): Promise<void> {
    const { ctx, host, play } = this.#init;
    if (!allHold(task.attributes.when, this.#scope(task.attributes), ctx.variables.unknownNames(host.name))) return;
    const word = metaAction(task);
    switch (word) {
      case 'noop':
        return;
      case 'flush_handlers':
        await this.settle();
        await play.rendezvous.arrive(host.name, position);
        await this.runHandlers(position);
        return;
      case 'barrier':
        await this.settle();
        await play.rendezvous.arrive(host.name, position);
        return;
      case 'clear_facts':
        host.session.forgetEverything();
        return;
      case 'reset_connection':
        await this.settle();
        if (ctx.options.mode === 'apply') {
          await (await host.session.connection()).reconnect({ waitSeconds: 60 }, ctx.options.kill);
          host.session.reconnected();
        }
        return;
      case 'end_host':
        await this.settle();
        throw new HostEnded(false);
      case 'end_play':
      case 'end_batch':
        await this.settle();
        throw new HostEnded(true);
      default:
        throw badInput('bad-argument', `meta ${word} is not known`, { span: task.argsSpan, remedy: 'use flush_handlers, barrier, end_host, end_play, end_batch, clear_facts, reset_connection or noop' });
    }
  }

  /** Runs what was notified, in the order in which handlers are defined, until nothing is due. */
  async runHandlers(position: Position): Promise<void> {
    const { ctx, host, play } = this.#init;
    // A handler may notify another one; each runs once a flush, so this ends.
    for (const handler of play.handlers()) {
      const due = takeDue(host, handler);
      if (due === undefined) continue;
      const limit = resolveNumber(handler.attributes.throttle, this.#scope(handler.attributes)) ?? 0;
      const work = async (): Promise<void> => {
        if (limit > 0) await nextTurn();
        notOvertaken(ctx, play, host);
        this.#remember(handler, await this.#runTask(handler, true));
        await this.settle();
      };
      try {
        if (limit > 0) await ctx.throttle(handler.id, limit)(work);
        else await work();
      } catch (error) {
        keepOwed(host, handler, due, error);
        throw error;
      }
      if (ctx.options.mode === 'apply') await this.#strikeOff(due.noteId);
    }
    const again = play.handlers().some((h) => isDue(host, h));
    if (again && position.length < 12) await this.runHandlers([...position, 0]);
    else await this.strikeOffStray();
  }

  /** Notes made for what then was no change: nothing is owed for that. */
  async strikeOffStray(): Promise<void> {
    const { host } = this.#init;
    const due = new Set([...host.notified.values()].map((d) => d.noteId));
    const stray = [...host.stray].filter((id) => !due.has(id));
    host.stray.clear();
    if (stray.length > 0) await this.#strikeOff(...stray);
  }

  async #strikeOff(...noteIds: readonly string[]): Promise<void> {
    const { host } = this.#init;
    const made = noteIds.filter((id) => host.noted.has(id));
    const identity = made.length === 0 ? undefined : this.notesIdentity();
    if (identity === undefined) return;
    await host.session.run(identity, { script: clearPending(made), timeoutSeconds: 60 });
    for (const id of made) host.noted.delete(id);
  }

  #notesIdentity: Identity | undefined;
  /** As whom notes of handlers are kept on this host; undefined: they are not. */
  notesIdentity(): Identity | undefined {
    const { ctx, host, play } = this.#init;
    this.#notesIdentity ??= notesIdentity(play, (attributes) => identityOf(attributes, this.#scope(attributes), ctx.variables.hostScope(host.name), ctx.options.becomePassword));
    return this.#notesIdentity;
  }

  #scope(attributes: Attributes): Scope {
    return this.#init.ctx.variables.taskScope(this.#init.host.name, this.#init.play.variables, attributes);
  }
}
