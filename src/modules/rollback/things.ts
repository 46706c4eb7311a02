/** What a run's journal says of each thing: what it was before the run, and what the run left. Pure. */
import type { HandlerName, JournalEntry, KeptPath, KeptUnit, UnitState } from '../../host/keep/journal.ts';
import type { PathFact } from '../../host/kinds/path.ts';

/** A path with all that the run did to it: `before` the first change of it, `after` the last. */
export type KeptFile = Omit<KeptPath, 'of'>;

export interface KeptUnits {
  readonly name: string;
  readonly before: UnitState;
  readonly after: Partial<UnitState>;
}

/** What a handler did to a unit in the run. */
export interface HandledUnit {
  readonly by: HandlerName;
  readonly unit: string;
  readonly did: string;
}

export interface Things {
  /** In the order in which the run first changed them. */
  readonly files: readonly KeptFile[];
  readonly units: readonly KeptUnits[];
  readonly handled: readonly HandledUnit[];
  /** `package nginx: install 1.26`, each once. */
  readonly outOfReach: readonly string[];
}

export const handlerText = ({ role, handler }: HandlerName): string => (role === '' ? handler : `${role} : ${handler}`);

/** A file's state with what a later change claims of it. */
function overlaid(before: PathFact, later: PathFact): PathFact {
  return before.exists && later.exists && before.type === later.type ? { ...before, ...later } : later;
}

/** Whether the run has changed attributes alone so far. */
function leftContent({ before, after, wrote, copy, lost }: KeptFile): boolean {
  return wrote === undefined && copy === undefined && lost === undefined && before?.exists === true && after.exists && before.type === after.type;
}

function merged(first: KeptFile, next: KeptPath): KeptFile {
  const after = overlaid(first.after, next.after);
  const isFile = after.exists && after.type === 'file';
  const owes = [...first.owes, ...next.owes.filter((each) => !first.owes.some((known) => handlerText(known) === handlerText(each)))];
  // Until then the run had only changed attributes: what this change has kept is what was there before the run.
  const kept = leftContent(first) ? { copy: next.copy, lost: next.lost, digest: first.digest ?? next.digest } : {};
  return { ...first, ...kept, after, wrote: isFile ? (next.wrote === undefined ? first.wrote : next.wrote) : undefined, secret: first.secret || next.secret, validate: next.validate ?? first.validate, owes };
}

function isDirectory(fact: PathFact | undefined): boolean {
  return fact?.exists === true && fact.type === 'directory';
}

/** @param entries in the order of the journal */
export function foldJournal(entries: readonly JournalEntry[]): Things {
  const files = new Map<string, KeptFile>();
  const units = new Map<string, KeptUnits>();
  const handled: HandledUnit[] = [];
  const outOfReach = new Set<string>();
  for (const entry of entries) {
    if (entry.of === 'other') outOfReach.add(`${entry.resource}: ${entry.did}`);
    else if (entry.of === 'unit') foldUnit(entry, units, handled);
    else foldPath(entry, files);
  }
  return { files: [...files.values()], units: [...units.values()], handled, outOfReach: [...outOfReach] };
}

function foldUnit(entry: KeptUnit, units: Map<string, KeptUnits>, handled: HandledUnit[]): void {
  const known = units.get(entry.name);
  units.set(entry.name, known === undefined ? { name: entry.name, before: entry.before, after: entry.after } : { ...known, after: { ...known.after, ...entry.after } });
  if (entry.by !== undefined) handled.push({ by: entry.by, unit: entry.name, did: entry.did });
}

function foldPath(entry: KeptPath, files: Map<string, KeptFile>): void {
  const known = files.get(entry.path);
  files.set(entry.path, known === undefined ? entry : merged(known, entry));
  // What was below a directory went with it.
  if (isDirectory(entry.after)) return;
  for (const [path, file] of files) if (path.startsWith(`${entry.path}/`)) files.set(path, { ...file, after: { exists: false }, wrote: undefined });
}

/** Whether a unit runs, in systemd's words for that. */
export function runs(active: string | undefined): boolean {
  return active === 'active' || active === 'reloading' || active === 'activating';
}

/**
 * Handlers of what is put back that have nothing to do: the units that they restarted in the run did not run before it.
 */
export function isIdle(handler: HandlerName, things: Pick<Things, 'handled' | 'units'>): boolean {
  const own = things.handled.filter((each) => handlerText(each.by) === handlerText(handler));
  return own.length > 0 && own.every((each) => !runs(things.units.find((unit) => unit.name === each.unit)?.before.active));
}
