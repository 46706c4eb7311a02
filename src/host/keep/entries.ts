/** What is to be kept of the things that a change is about to change: told by its effects and by what is known of the host. */
import type { FactStore } from '../fact-store.ts';
import { content, sha256 } from '../kinds/content.ts';
import { stat, statFollow, type FollowedPath, type PathFact } from '../kinds/path.ts';
import { systemUnit, type UnitFact } from '../kinds/unit.ts';
import type { Change } from '../plan.ts';
import { Secret } from '../../support/secret.ts';
import type { HandlerName, JournalEntry, KeptPath, KeptUnit, UnitState } from './journal.ts';

/** What the engine knows of a change and the change itself does not say. */
export interface KeepAs {
  /** Nothing of it may be told (`no_log`). */
  readonly hidden: boolean;
  /** What is in its files may not be shown (`diff: false`). */
  readonly secret: boolean;
  /** Handlers that its task notifies. */
  readonly owes: readonly HandlerName[];
  /** The handler that makes it. */
  readonly by: HandlerName | undefined;
}

/** Kinds of facts that files and units are made of: who puts those back has put these back. */
const WITHIN_REACH = new Set(['stat', 'statFollow', 'fullStat', 'sha256', 'content', 'tree', 'glob', 'unit', 'unit-conditions', 'pending-handlers', 'command', 'kept-run']);

/** A path that has not been decided about yet: whether there is room for a copy is the keeper's to say. */
export type Wanted = Omit<KeptPath, 'copy' | 'lost'> & {
  /** `none`: what was there is told by `before`; `unknown`: it was not looked at. */
  readonly copies: 'none' | 'file' | 'tree' | 'unknown' | 'impossible';
};

export interface ToKeep {
  readonly paths: readonly Wanted[];
  readonly others: readonly Exclude<JournalEntry, KeptPath>[];
}

/**
 * @param known what is known right before the change, its own effects not yet among it
 */
export function toKeep(change: Change, known: FactStore, as: KeepAs): ToKeep {
  const owes = [...as.owes, ...(change.owes ?? [])];
  const secret = as.hidden || as.secret || change.diff === undefined || change.diff.before instanceof Secret || change.diff.after instanceof Secret;
  const paths = [...afterwards(change)].map(([path, after]) => wanted(path, after, change, known, { secret, owes }));
  const units = unitsOf(change, known, as, owes);
  const beyond = [...new Set(change.effects.flatMap((effect) => (effect.type === 'set' && !WITHIN_REACH.has(effect.query.kind.name) ? [effect.query.kind.name] : effect.type === 'forget-tree' && !isSet(change, effect.path) ? [`what is below ${effect.path}`] : [])))];
  const nothing = paths.length === 0 && units.length === 0;
  const other = nothing || beyond.length > 0 ? [{ of: 'other', resource: change.resource, did: as.hidden ? 'hidden by no_log' : nothing ? change.what : `${change.what} (${beyond.join(', ')})` } as const] : [];
  return { paths, others: [...units, ...other] };
}

/** The state of each path that the change claims, the last word on it. Sound casts: facts of a kind are what the kind's own queries claim. */
function afterwards(change: Change): ReadonlyMap<string, PathFact> {
  const out = new Map<string, PathFact>();
  for (const effect of change.effects) {
    if (effect.type !== 'set') continue;
    const { kind, key } = effect.query;
    if (kind.name === 'stat') out.set(String(key), effect.value as PathFact);
    // A directory that was made for a file's sake is claimed as far as a file needs it.
    else if (kind.name === 'statFollow' && !out.has(String(key)) && isDirectory(effect.value as FollowedPath, String(key))) out.set(String(key), { exists: true, type: 'directory' });
  }
  return out;
}

function isDirectory(fact: FollowedPath, path: string): boolean {
  return fact.exists && fact.type === 'directory' && fact.real === path;
}

function isSet(change: Change, path: string): boolean {
  return change.effects.some((effect) => effect.type === 'set' && effect.query.id === stat(path).id);
}

function wanted(path: string, after: PathFact, change: Change, known: FactStore, more: Pick<Wanted, 'secret' | 'owes'>): Wanted {
  const before = beforeOf(path, known);
  const wrote = after.exists && after.type === 'file' ? written(path, change) : undefined;
  const digest = before?.exists === true && before.type === 'file' && known.has(sha256(path)) ? known.value(sha256(path)) : undefined;
  return { of: 'path', path, before, after, digest: typeof digest === 'string' ? digest : undefined, wrote, validate: change.validate, ...more, copies: copiesOf(before, after, wrote) };
}

function beforeOf(path: string, known: FactStore): PathFact | undefined {
  // Sound: a store holds under a query's id what that query's own kind has parsed or claimed.
  if (known.has(stat(path))) return plain(known.value(stat(path)) as PathFact);
  const followed = known.has(statFollow(path)) ? (known.value(statFollow(path)) as FollowedPath) : undefined;
  return followed === undefined || followed.exists ? undefined : plain(followed);
}

/** A host that would not tell whether a path is there has not said that it is not. */
function plain(fact: PathFact): PathFact | undefined {
  return fact.exists || fact.error === undefined ? fact : undefined;
}

/** The digest of what the change writes into a file; null: not known; undefined: it writes nothing. */
function written(path: string, change: Change): string | null | undefined {
  const of = change.effects.findLast((effect) => (effect.type === 'set' || effect.type === 'forget') && (effect.query.id === sha256(path).id || (effect.type === 'forget' && effect.query.id === content(path).id)));
  if (of === undefined) return undefined;
  return of.type === 'set' && typeof of.value === 'string' ? of.value : null;
}

function copiesOf(before: PathFact | undefined, after: PathFact, wrote: string | null | undefined): Wanted['copies'] {
  if (before === undefined) return 'unknown';
  if (!before.exists) return 'none';
  switch (before.type) {
    case 'file':
      return wrote === undefined && after.exists && after.type === 'file' ? 'none' : 'file';
    case 'link':
      return before.target === undefined ? 'file' : 'none';
    case 'directory':
      return after.exists && after.type === 'directory' ? 'none' : 'tree';
    case 'block':
    case 'char':
    case 'fifo':
    case 'socket':
      return after.exists && after.type === before.type ? 'none' : 'impossible';
  }
}

/** Units of the system's manager: what another user's own manager does is not kept. */
function unitsOf(change: Change, known: FactStore, as: KeepAs, owes: readonly HandlerName[]): readonly KeptUnit[] {
  const out = new Map<string, KeptUnit>();
  for (const effect of change.effects) {
    if (effect.type !== 'set' || !effect.query.id.startsWith(UNIT)) continue;
    const name = effect.query.id.slice(UNIT.length);
    if (!known.has(systemUnit(name))) continue;
    // Sound: facts under the ids of a kind are what the kind's own queries have parsed or claim.
    const [before, after] = [known.value(systemUnit(name)) as UnitFact, effect.value as UnitFact];
    out.set(name, { of: 'unit', name, before: { load: '', active: '', unitFile: '', ...stateOf(before) }, after: stateOf(after), did: change.what, by: as.by, owes });
  }
  return [...out.values()];
}

const UNIT = 'unit:system/';

function stateOf({ load, active, unitFile }: UnitFact): Partial<UnitState> {
  return { ...(load === undefined ? {} : { load }), ...(active === undefined ? {} : { active }), ...(unitFile === undefined ? {} : { unitFile }) };
}
