/**
 * A lab does without what it can't have, and says so: where every host of a play says `care_artifacts_missing: skip`, and an upstream
 * file that the play installs is not to be had, the play is left out, with those of the same playbook (a balancer without the store
 * behind it is for nothing). Anywhere else that ends the run before a host is touched.
 */
import type { Play } from '../language/playbook/model.ts';
import { badInput, type Diagnostic } from '../support/diagnostic.ts';
import type { Lacking } from './artifact-needs.ts';
import type { Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { Variables } from './variables.ts';

/**
 * What a lab does without. Anything else (a file with other bytes than were locked, a name that artifacts.yml does not know, a mirror that is
 * none) is a mistake or worse, and is told there as everywhere.
 */
const NOT_TO_BE_HAD: ReadonlySet<string> = new Set(['artifact-missing', 'download-failed', 'artifact-not-locked', 'artifact-ended']);

export const MISSING_VARIABLE = 'care_artifacts_missing';

export interface SkippedPlay {
  readonly play: Play;
  /** One line: what is not to be had. */
  readonly because: string;
}

export interface SortedOut {
  readonly skipped: readonly SkippedPlay[];
  /** What ends the run all the same. */
  readonly remaining: readonly Diagnostic[];
}

/** The same play, loaded for `apply` or for `verify`. */
export function playId(play: Play): string {
  return `${play.span.file.path}:${String(play.span.start)}`;
}

/** Whether a play may be left out. @throws Diagnostic for a value that is neither `fail` nor `skip` */
export function mayBeSkipped(loaded: Loaded, options: Pick<RunOptions, 'extraVars' | 'limit'>): (play: Play) => boolean {
  const variables = new Variables({ inventory: loaded.inventory, extraVars: options.extraVars, mode: 'apply', diff: false, decrypt: loaded.secrets.decrypt });
  return (play) => {
    const hosts = loaded.inventory.select(play.hosts, options.limit, () => undefined);
    const said = hosts.map((host) => {
      const scope = variables.hostScope(host);
      const value = scope.has(MISSING_VARIABLE) ? scope.get(MISSING_VARIABLE) : 'fail';
      if (value !== 'fail' && value !== 'skip') throw badInput('bad-artifacts-missing', `${MISSING_VARIABLE} must be fail or skip (${host})`, { remedy: 'fail, the default, ends the run before a host is touched; skip, for labs, leaves out the play (docs/artifacts.md)' });
      return value;
    });
    return said.length > 0 && said.every((value) => value === 'skip');
  };
}

/**
 * @param all every play of the run, in order
 * @param may whether a play may be left out
 */
export function sortOut(lacking: readonly Lacking[], all: readonly Play[], may: (play: Play) => boolean): SortedOut {
  const reasons = new Map<string, string>();
  const remaining: Diagnostic[] = [];
  for (const { problem, plays } of lacking) {
    if (!NOT_TO_BE_HAD.has(problem.code) || plays.length === 0 || !plays.every(may)) remaining.push(problem);
    else for (const play of plays) reasons.set(play.span.file.path, reasons.get(play.span.file.path) ?? problem.message);
  }
  const skipped = all.flatMap((play): readonly SkippedPlay[] => {
    const because = reasons.get(play.span.file.path);
    return because !== undefined && may(play) ? [{ play, because }] : [];
  });
  return { skipped, remaining };
}
