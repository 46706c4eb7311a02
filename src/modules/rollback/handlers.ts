/** Handlers of what is put back: noted for the plays that have them, or repeated on the units that they acted on. */
import { pendingHandlers, PENDING_DIRECTORY } from '../../host/kinds/pending-handlers.ts';
import type { HandlerName } from '../../host/keep/journal.ts';
import type { ShellChange } from '../../host/plan.ts';
import type { Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { clearPending, notePending, pendingId, type PendingNote } from '../../state/pending-handlers.ts';
import { joinScripts, type Script } from '../../support/shell.ts';
import { handlerText, isIdle, type HandledUnit, type KeptFile, type Things } from './things.ts';
import { repeatHandler } from './units.ts';

export interface HandlersOf {
  readonly changes: readonly ShellChange[];
  /** The files that the changes put back. */
  readonly files: readonly KeptFile[];
  readonly things: Things;
  /** Handlers that later plays have. */
  readonly known: readonly string[];
  /** The run's folder on the host. */
  readonly folder: string;
}

export interface WithHandlers {
  readonly changes: readonly ShellChange[];
  /** Handlers that nobody can run. */
  readonly unknown: readonly string[];
}

function noteOf(handler: HandlerName): PendingNote {
  return { id: pendingId(handler.role, handler.handler), text: JSON.stringify({ role: handler.role, handler: handler.handler }) };
}

/** The notes of a directory with some more: one that is there stays as it is. */
function noted(host: HostView, directory: string, more: readonly PendingNote[]): { readonly effects: readonly Effect[]; readonly scripts: readonly Script[] } {
  if (more.length === 0) return { effects: [], scripts: [] };
  const there = host.fact(pendingHandlers(directory));
  const all = [...there, ...more.filter((note) => !there.some((each) => each.id === note.id))].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { effects: [pendingHandlers(directory).is(all)], scripts: [notePending(more, directory)] };
}

const UNIT_VERB = /\b(restart|reload|start)\b/;

/**
 * The changes with what is to follow them. All that is owed is noted before the first change, so that a rollback that is cut off is
 * followed up by the next one, or by any run that has the handlers.
 */
export function withHandlers(host: HostView, { changes, files, things, known, folder }: HandlersOf): WithHandlers {
  const owed = new Map(files.flatMap((file) => file.owes).filter((handler) => !isIdle(handler, things)).map((handler) => [handlerText(handler), handler]));
  const directory = `${folder}/owed`;
  const earlier = host.fact(pendingHandlers(directory));
  const isKnown = (name: string): boolean => known.includes(name);
  const later = [...owed].filter(([name]) => isKnown(name)).map(([, handler]) => handler);
  const others = [...owed].filter(([name]) => !isKnown(name));
  const unitsOf = (id: string): readonly HandledUnit[] => things.handled.filter((each) => noteOf(each.by).id === id && UNIT_VERB.test(each.did));
  const repeated = others.filter(([, handler]) => unitsOf(noteOf(handler).id).length > 0).map(([, handler]) => noteOf(handler));
  const unknown = others.filter(([, handler]) => unitsOf(noteOf(handler).id).length === 0).map(([name]) => name);
  const notes = [...repeated, ...earlier.filter((note) => !repeated.some((each) => each.id === note.id))];
  const units = new Map(notes.flatMap((note) => unitsOf(note.id)).map((each) => [`${each.unit} ${each.did}`, each]));
  const repeats = [...units.values()].map((each) => repeatHandler(each.unit, each.did));
  return { changes: clearing(noting(host, [...changes, ...repeats], later.map(noteOf), { directory, notes: repeated }), directory, notes), unknown };
}

function noting(host: HostView, changes: readonly ShellChange[], later: readonly PendingNote[], own: { readonly directory: string; readonly notes: readonly PendingNote[] }): readonly ShellChange[] {
  const [first, ...rest] = changes;
  if (first === undefined) return [];
  const [a, b] = [noted(host, PENDING_DIRECTORY, later), noted(host, own.directory, own.notes)];
  const scripts = [...a.scripts, ...b.scripts];
  if (scripts.length === 0) return changes;
  return [{ ...first, script: joinScripts([...scripts, first.script]), effects: [...a.effects, ...b.effects, ...first.effects] }, ...rest];
}

/** What was repeated is no longer owed, once the last change is made. */
function clearing(changes: readonly ShellChange[], directory: string, notes: readonly PendingNote[]): readonly ShellChange[] {
  const last = changes.at(-1);
  if (last === undefined || notes.length === 0) return changes;
  return [...changes.slice(0, -1), { ...last, script: joinScripts([last.script, clearPending(notes.map((note) => note.id), directory)]), effects: [...last.effects, pendingHandlers(directory).is([])] }];
}
