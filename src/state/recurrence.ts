/**
 * What keeps coming back: things that were changed, and were found changed again afterwards. Pure; the store gives the
 * changes, see {@link Store.sightings}.
 */
import type { Revision, Seen, Sighting } from './store.ts';

/** Whether the inventory, playbooks and roles were the same in two runs. */
export type Inputs = 'same' | 'changed' | 'unknown';

/** One time that the thing was not as it should be: the run that first saw it, and the one that mended it, if one has. */
export interface Episode {
  /** The first run, of check or apply, that found it; ISO 8601. */
  readonly foundAt: string;
  readonly foundBy: string;
  /** All runs that found it until it was mended, and the one that mended it; the oldest first. */
  readonly runs: readonly string[];
  /** Null: it was only reported. */
  readonly repair: {
    readonly run: string;
    readonly at: string;
    readonly inventory: string;
    readonly controller: string;
    readonly user: string;
    readonly what: readonly string[];
    readonly diffs: readonly string[];
  } | null;
  /** What a check has said of it, when nothing has mended it. */
  readonly what: readonly string[];
  /** Whether what was wanted is what the repair before had wanted; null for the first. */
  readonly inputs: Inputs | null;
  /** The file as it was found. */
  readonly seen: Seen | null;
}

/** Somebody of this history who changes the thing. */
export interface Writer {
  readonly inventory: string;
  readonly role: string;
  readonly task: string;
  readonly controller: string;
  readonly user: string;
}

export interface Recurrence {
  readonly host: string;
  readonly resource: string;
  readonly since: string;
  readonly last: string;
  /** How often it was found, mended or not. */
  readonly times: number;
  /** Whether the last that is known of it is that it was mended. */
  readonly mended: boolean;
  readonly episodes: readonly Episode[];
  /** All who change it, in this history; more than one may be undoing each other's work. */
  readonly writers: readonly Writer[];
}

/** Same when every input is under git, without anything uncommitted, at the same commits both times. */
export function compareInputs(before: readonly Revision[], after: readonly Revision[]): Inputs {
  const key = (r: Revision): string => `${r.of} ${r.path}`;
  const known = (list: readonly Revision[]): boolean => list.length > 0 && list.every((r) => r.commit !== null && r.dirty === false);
  const first = new Map(before.map((r) => [key(r), r.commit]));
  const moved = after.some((r) => first.has(key(r)) && r.commit !== null && first.get(key(r)) !== null && first.get(key(r)) !== r.commit);
  if (moved) return 'changed';
  return known(before) && known(after) && before.length === after.length && after.every((r) => first.get(key(r)) === r.commit) ? 'same' : 'unknown';
}

/** The changes of one thing in one run. */
interface InRun {
  readonly first: Sighting;
  readonly all: readonly Sighting[];
}

function byRun(sightings: readonly Sighting[]): InRun[] {
  const runs = new Map<string, Sighting[]>();
  for (const sighting of sightings) runs.set(sighting.run, [...(runs.get(sighting.run) ?? []), sighting]);
  return [...runs.values()].flatMap((all) => (all[0] === undefined ? [] : [{ first: all[0], all }]));
}

const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];
const whats = (run: InRun): string[] => distinct(run.all.map((s) => s.change.what));

function episodesOf(runs: readonly InRun[]): Episode[] {
  const episodes: Episode[] = [];
  let found: InRun | undefined;
  let met: string[] = [];
  let lastRepair: InRun | undefined;
  const episode = (from: InRun, repair: InRun | undefined): Episode => {
    const end = repair ?? from;
    return {
      foundAt: from.first.startedAt,
      foundBy: from.first.run,
      runs: met,
      repair:
        repair === undefined
          ? null
          : {
              run: repair.first.run,
              at: repair.first.change.at ?? repair.first.startedAt,
              inventory: repair.first.inventory,
              controller: repair.first.controller,
              user: repair.first.user,
              what: whats(repair),
              diffs: repair.all.flatMap((s) => (s.change.diff === null || s.change.diff === '' ? [] : [s.change.diff])),
            },
      what: whats(end),
      inputs: lastRepair === undefined ? null : compareInputs(lastRepair.first.revisions, end.first.revisions),
      seen: end.all.find((s) => s.change.seen !== null)?.change.seen ?? from.all.find((s) => s.change.seen !== null)?.change.seen ?? null,
    };
  };
  for (const run of runs) {
    found ??= run;
    met.push(run.first.run);
    if (run.first.mode !== 'apply') continue;
    episodes.push(episode(found, run));
    lastRepair = run;
    found = undefined;
    met = [];
  }
  if (found !== undefined) episodes.push(episode(found, undefined));
  return episodes;
}

function writersOf(sightings: readonly Sighting[]): Writer[] {
  const writers = new Map<string, Writer>();
  for (const { mode, inventory, controller, user, change } of sightings) {
    if (mode !== 'apply') continue;
    const writer: Writer = { inventory, role: change.role, task: change.task, controller, user };
    writers.set(JSON.stringify(writer), writer);
  }
  return [...writers.values()];
}

/**
 * @param sightings the oldest first
 * @param least how often a thing must have been found to be told of; 2: it came back once
 * @returns the most frequent first, then the latest
 */
export function recurrences(sightings: readonly Sighting[], least = 2): readonly Recurrence[] {
  const things = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    const key = JSON.stringify([sighting.change.host, sighting.change.resource]);
    const known = things.get(key);
    if (known === undefined) things.set(key, [sighting]);
    else known.push(sighting);
  }
  const found = [...things.values()].flatMap((of): Recurrence[] => {
    const episodes = episodesOf(byRun(of));
    const [first] = episodes;
    const last = episodes.at(-1);
    const change = of[0]?.change;
    if (episodes.length < least || first === undefined || last === undefined || change === undefined) return [];
    return [{ host: change.host, resource: change.resource, since: first.foundAt, last: last.repair?.at ?? last.foundAt, times: episodes.length, mended: last.repair !== null, episodes, writers: writersOf(of) }];
  });
  return found.sort((a, b) => b.times - a.times || (a.last < b.last ? 1 : a.last > b.last ? -1 : 0) || `${a.resource} ${a.host}`.localeCompare(`${b.resource} ${b.host}`));
}
