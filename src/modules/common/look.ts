/** Facts about paths for plans, with the failures that they all report in the same words. */
import { content, sha256, type ContentFact } from '../../host/kinds/content.ts';
import { isUnreadable, parentOf } from '../../host/kinds/path-key.ts';
import { stat, statFollow, type FollowedPath, type PathFact, type PresentPath } from '../../host/kinds/path.ts';
import { tree, TREE_LIMIT, type TreeEntry } from '../../host/kinds/tree.ts';
import { failed, type Plan } from '../../host/plan.ts';
import type { AnyQuery, Query } from '../../host/query.ts';
import { FactsNeeded, type HostView } from '../../host/view.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';

function refused(path: string, error: string): Diagnostic {
  return failure('cannot-look', `cannot look at ${path}: ${error}`, { remedy: 'use `become`, or let the user read the directories above' });
}

/** The fact of a path itself. @throws Diagnostic when the host would not tell */
export function lookAt(host: HostView, path: string): PathFact {
  return checked(path, host.fact(stat(path)));
}

/** What a path leads to. @throws Diagnostic when the host would not tell */
export function lookThrough(host: HostView, path: string): FollowedPath {
  return checked(path, host.fact(statFollow(path)));
}

function checked<F extends PathFact | FollowedPath>(path: string, fact: F): F {
  if (!fact.exists && fact.error !== undefined) throw refused(path, fact.error);
  return fact;
}

function readable<F>(path: string, fact: F): Exclude<F, { readonly error: string }> {
  if (isUnreadable(fact)) throw refused(path, fact.error);
  // Sound: the one member with an `error` was thrown just above.
  return fact as Exclude<F, { readonly error: string }>;
}

/** Hex digest, or null when there is no regular file. @throws Diagnostic when it cannot be read */
export function digestOf(host: HostView, path: string): string | null {
  return readable(path, host.fact(sha256(path)));
}

/** Small content. @throws Diagnostic when it cannot be read */
export function contentOf(host: HostView, path: string): Exclude<ContentFact, { readonly error: string }> {
  return readable(path, host.fact(content(path)));
}

/**
 * Everything below a directory with its attributes; nothing when there is none.
 *
 * @throws Diagnostic when it cannot be looked at, or there is too much
 */
export function everythingBelow(host: HostView, path: string): readonly TreeEntry[] {
  const fact = host.fact(tree({ path, view: 'attributes' }));
  if (fact === null) return [];
  if ('error' in fact) throw refused(path, fact.error);
  if ('tooMany' in fact) throw failure('too-many-files', `there are more than ${String(TREE_LIMIT)} files below ${path}, too many to manage one by one`, { remedy: 'manage a directory further down, or use a command' });
  return fact;
}

/** Asks for many facts together, so that a plan which then takes them one by one costs one round trip. @throws FactsNeeded */
export function askAll(host: HostView, queries: readonly AnyQuery[]): void {
  const missing = queries.filter((query) => {
    try {
      host.uncertain(query);
      return false;
    } catch (error) {
      if (error instanceof FactsNeeded) return true;
      throw error;
    }
  });
  if (missing.length > 0) throw new FactsNeeded(missing);
}

/**
 * The directory that is to hold `path`. One that is not there, but may be once an earlier change has been
 * made (a package brings its directories along), is taken to be: check mode could not predict otherwise.
 *
 * @throws Diagnostic when there is none
 */
export function requireParent(host: HostView, path: string): PresentPath {
  const parent = parentOf(path);
  const fact = lookThrough(host, parent);
  if (!fact.exists && host.uncertain(statFollow(parent)) !== undefined) return { exists: true, type: 'directory' };
  if (!fact.exists) throw failure('no-parent', `the directory ${parent} does not exist`, { remedy: `make it first: \`file: { path: ${parent}, state: directory }\`` });
  if (fact.type !== 'directory') throw failure('no-parent', `${parent} is a ${fact.type}, not a directory`);
  return fact;
}

/** Where a path really is: itself, or what it leads to when it is a link and links are followed. */
export interface RealPath {
  readonly path: string;
  readonly now: PathFact;
  /** Links that were followed. */
  readonly aliases: readonly string[];
}

/** @param follow false: the path itself, also when it is a link. A dangling link is never followed. */
export function realPath(host: HostView, path: string, follow: boolean): RealPath {
  const now = lookAt(host, path);
  if (!follow || !now.exists || now.type !== 'link') return { path, now, aliases: [] };
  const there = lookThrough(host, path);
  if (!there.exists) return { path, now, aliases: [] };
  return { path: there.real, now: lookAt(host, there.real), aliases: [path] };
}

/** The queries that {@link realPath} and {@link requireParent} ask first. */
export function pathQueries(path: string): readonly [Query<PathFact>, Query<FollowedPath>] {
  return [stat(path), statFollow(parentOf(path))];
}

/** Runs a plan whose helpers report failures by throwing; bad input still goes up. */
export function planning(plan: () => Plan): Plan {
  try {
    return plan();
  } catch (error) {
    if (error instanceof Diagnostic && error.kind === 'failed') return failed(error.detail === undefined ? error.message : `${error.message}\n${error.detail}`, error.remedy);
    throw error;
  }
}
