/** Handlers: who is notified by whom, and the notes on the host that let a cut-off run's debts be paid. */
import type { Identity } from '../host/identity.ts';
import type { KeepAs } from '../host/keep/entries.ts';
import type { HandlerName } from '../host/keep/journal.ts';
import type { Attributes, Task } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import { notePending, pendingId } from '../state/pending-handlers.ts';
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { Script } from '../support/shell.ts';
import { plainText } from '../support/value.ts';
import type { HostState, Notified, PlayState, RunContext } from './context.ts';
import { flattenTasks } from './look-ahead.ts';
import { HostEnded, TaskFailed } from './task-result.ts';

function roleOf(task: Task): string {
  return task.attributes.role?.role.name ?? '';
}

/** The same for the same handler in every run, so that a note of an earlier run is recognised. */
export function handlerNoteId(handler: Task): string {
  return pendingId(roleOf(handler), handler.name ?? handler.module);
}

const nameOf = (handler: Task): HandlerName => ({ role: roleOf(handler), handler: handler.name ?? handler.module });

/** How what a task's changes replace is kept: with the handlers that it notifies, so that who puts it back can notify them, too. */
export function keepAs(by: { readonly play: PlayState; readonly task: Task; readonly handler: boolean }, scope: Scope, shown: Pick<KeepAs, 'hidden' | 'secret'>, delegated: boolean): KeepAs {
  // The handlers of a delegated task are another host's.
  const notified = delegated ? [] : notifiedNames(by.task, scope).flatMap((name) => handlersNamed(by.play.handlers(), name, by.task));
  return { ...shown, owes: notified.map(nameOf), by: by.handler ? nameOf(by.task) : undefined };
}

/** All handlers of a play once each: a role used twice brings its handlers twice. */
export function distinctHandlers(handlers: readonly Task[]): readonly Task[] {
  const seen = new Map<string, Task>();
  for (const handler of handlers) if (!seen.has(handler.id)) seen.set(handler.id, handler);
  return [...seen.values()];
}

/**
 * The handlers that a name stands for: `role : name`, else the notifying task's own role's handler, else one
 * of the play's; and every handler that listens to the name.
 *
 * @throws Diagnostic with the nearest known name when there is none
 */
export function handlersNamed(handlers: readonly Task[], name: string, by: Task): readonly Task[] {
  const listening = handlers.filter((h) => h.listen.includes(name));
  const named = handlers.filter((h) => h.name === name || (roleOf(h) !== '' && `${roleOf(h)} : ${h.name ?? ''}` === name));
  const own = named.filter((h) => roleOf(h) === roleOf(by));
  const chosen = own.length > 0 ? own.slice(-1) : named.slice(-1);
  const all = [...new Set([...chosen, ...listening])];
  if (all.length > 0) return all;
  const known = handlers.flatMap((h) => [h.name ?? '', ...h.listen]).filter((n) => n !== '');
  throw badInput('unknown-handler', `there is no handler ${name}`, { span: by.span, remedy: suggestion(name, known) ?? 'add it to the handlers of the role or play' });
}

/** Notifies those of the handlers that an earlier run still owes the host. */
export function takeUpOwed(ctx: { readonly options: Pick<RunContext['options'], 'notesHandlers' | 'onOwed'>; readonly emit: RunContext['emit'] }, host: Pick<HostState, 'name' | 'owed' | 'notified' | 'noted'>, handlers: readonly Task[]): void {
  for (const handler of handlers) {
    const noteId = handlerNoteId(handler);
    if (host.owed?.delete(noteId) !== true || host.notified.has(handler.id)) continue;
    host.notified.set(handler.id, { handler, noteId });
    host.noted.add(noteId);
    ctx.options.onOwed?.(host.name);
    if (ctx.options.notesHandlers !== true) ctx.emit({ type: 'warning', host: host.name, message: `handler ${handler.name ?? handler.module} is still owed from a run that was cut off; it runs now` });
  }
}

/** Whether a host runs what it was notified of also when the play was stopped for all, for what happened elsewhere. */
export function finishesStopped(ctx: { readonly options: Pick<RunContext['options'], 'gate'> }, { play }: Pick<PlayState, 'play'>, host: Pick<HostState, 'name'>): boolean {
  return play.forceHandlers || ctx.options.gate?.finishes?.(host.name, 'stopped') === true;
}

/** Handlers that others' failure has overtaken while this host waited for them, or for its turn, are not begun, as tasks are not. @throws HostEnded */
export function notOvertaken(ctx: { readonly options: Pick<RunContext['options'], 'gate'> }, state: Pick<PlayState, 'play' | 'stopped'>, host: Pick<HostState, 'name'>): void {
  if (state.stopped !== undefined && !finishesStopped(ctx, state, host)) throw new HostEnded(false);
}

function notifiedNames(task: Task, scope: Scope): readonly string[] {
  return task.notify.map((name) => plainText(renderValue(name, scope, task.span)));
}

/** Adds the task's handlers to what the host is to run. */
export function notifyHandlers(play: PlayState, host: HostState, task: Task, scope: Scope): void {
  for (const name of notifiedNames(task, scope)) {
    for (const handler of handlersNamed(play.handlers(), name, task)) {
      if (!host.notified.has(handler.id)) host.notified.set(handler.id, { handler, noteId: handlerNoteId(handler) });
    }
  }
}

type Due = Pick<HostState, 'condition' | 'notified' | 'broken'>;

/** Whether a handler is to run. One that has failed is not tried again on a host that has failed by it: it stays owed, for the next run. */
export function isDue(host: Due, handler: Task): boolean {
  return host.notified.has(handler.id) && !(host.condition === 'failed' && host.broken.has(handler.id));
}

/** Takes a handler that is due from what the host is to run. @returns undefined when it is not due */
export function takeDue(host: Due, handler: Task): Notified | undefined {
  const due = isDue(host, handler) ? host.notified.get(handler.id) : undefined;
  if (due === undefined) return undefined;
  host.notified.delete(handler.id);
  host.broken.delete(handler.id);
  return due;
}

/** Of a handler that did not come to its end: still owed, the next run will try again. */
export function keepOwed(host: Due, handler: Task, due: Notified, error: unknown): void {
  host.notified.set(handler.id, due);
  if (error instanceof TaskFailed) host.broken.add(handler.id);
}

/** The note to make on the host before a change: the handlers it will owe. */
export interface Note {
  readonly ids: readonly string[];
  readonly script: Script;
}

/** Undefined when the task notifies nobody, or those only who are owed already. */
export function noteNotified(play: PlayState, host: HostState, task: Task, scope: Scope): Note | undefined {
  if (task.notify.length === 0) return undefined;
  const handlers = notifiedNames(task, scope).flatMap((name) => handlersNamed(play.handlers(), name, task));
  const owed = handlers.filter((h) => !host.notified.has(h.id));
  if (owed.length === 0) return undefined;
  const notes = owed.map((h) => ({ id: handlerNoteId(h), text: JSON.stringify(nameOf(h)) }));
  return { ids: notes.map((n) => n.id), script: notePending(notes) };
}

/** Whether a host lets nobody become root: then no notes are kept there, which is no failure of a task that does not ask for root. */
export function refusesRoot(error: unknown): boolean {
  return error instanceof Diagnostic && error.code.startsWith('become-');
}

/**
 * As whom the notes of a play's host are kept: root, if the play or one of its tasks works as root there. Nobody
 * else may write them, and without root they are not kept.
 *
 * @param identityFor as whom a play or task with these attributes works; it may throw while variables are not known
 */
export function notesIdentity(play: PlayState, identityFor: (attributes: Attributes) => Identity): Identity | undefined {
  const tasks = play.play.sections.flatMap((section) => flattenTasks(section.nodes)).filter((task) => task.attributes.delegateTo === undefined);
  for (const attributes of new Set([play.play.attributes, ...tasks.map((task) => task.attributes)])) {
    try {
      const identity = identityFor(attributes);
      if (identity.user === 'root') return identity;
    } catch {
      // Said by the task itself when it is reached; here it is one place less to learn from.
    }
  }
  return undefined;
}
