/** Whether a file is still as the run left it, or as it was before. Pure. */
import { samePath, showPath, type PathFact, type PresentPath } from '../../host/kinds/path.ts';
import type { KeptFile } from './things.ts';

/** The file as it is now. */
export interface Now {
  readonly fact: PathFact;
  /** Hex digest of the content; null when it is no regular file, undefined when nobody needs it. */
  readonly digest: string | null | undefined;
}

/** What was kept of it: its attributes are those of the copy when it was not looked at before. */
export interface Kept {
  readonly fact: PathFact;
  readonly digest: string | null | undefined;
}

export type Standing =
  /** It is as it was before the run. */
  | { readonly type: 'as-before' }
  /** It is as the run left it, and can be put back. */
  | { readonly type: 'as-left' }
  | { readonly type: 'moved'; readonly how: string }
  /** It is not what it was, and cannot be made so. */
  | { readonly type: 'lost'; readonly why: string };

/** Whether content decides: the run wrote it, or it was removed with the file. */
export function contentMatters(file: KeptFile): boolean {
  return file.wrote !== undefined || file.copy !== undefined;
}

/** Attributes without the size, which content decides, and which an edit of somebody else changes where content does not matter. */
function withoutSize(fact: PathFact): PathFact {
  if (!fact.exists) return fact;
  const { size: _size, ...rest } = fact;
  return rest;
}

function isTree(before: PathFact, after: PathFact): boolean {
  return before.exists && before.type === 'directory' && !(after.exists && after.type === 'directory');
}

function isBefore(file: KeptFile, kept: Kept, now: Now): boolean {
  const before = kept.fact;
  if (!samePath(withoutSize(before), now.fact)) return false;
  if (!before.exists || before.type !== 'file' || !contentMatters(file)) return true;
  return (file.digest ?? kept.digest) === now.digest;
}

/** @returns undefined when it is; else what is different */
function differenceFromAfter(file: KeptFile, now: Now): string | undefined {
  if (!samePath(withoutSize(file.after), now.fact)) return `the run left ${showPath(file.after)}, and it is ${showPath(now.fact)}`;
  if (file.wrote === undefined || now.digest === file.wrote) return undefined;
  return file.wrote === null ? 'what the run wrote is not known, so whether it has changed since cannot be told' : 'its content was changed after the run';
}

/**
 * @param kept undefined where nothing is: its copy is missing
 */
export function standing(file: KeptFile, kept: Kept | undefined, now: Now): Standing {
  const before = kept?.fact ?? file.before;
  if (before === undefined) return { type: 'lost', why: file.lost ?? 'its copy is missing' };
  if (isBefore(file, { fact: before, digest: kept?.digest }, now)) return { type: 'as-before' };
  if (file.lost !== undefined) return { type: 'lost', why: file.lost };
  const damaged = damage(file, before, kept);
  if (damaged !== undefined) return { type: 'lost', why: damaged };
  const how = differenceFromAfter(file, now);
  return how === undefined ? { type: 'as-left' } : { type: 'moved', how };
}

function damage(file: KeptFile, before: PathFact, kept: Kept | undefined): string | undefined {
  if (file.copy === undefined) return needsCopy(file, before) ? 'nothing is kept of it' : undefined;
  if (kept === undefined) return 'its copy is missing';
  if (before.exists && before.type === 'file' && file.digest !== undefined && kept.digest !== file.digest) return 'its copy is damaged';
  return undefined;
}

function needsCopy(file: KeptFile, before: PathFact): boolean {
  if (!before.exists) return false;
  return isTree(before, file.after) || (before.type === 'file' && (file.wrote !== undefined || !(file.after.exists && file.after.type === 'file')));
}

/** Owner, group and mode as a task would want them. */
export function attributesOf({ mode, owner, group, type }: PresentPath): { readonly mode?: string; readonly owner?: string; readonly group?: string } {
  return { ...(mode === undefined || type === 'link' ? {} : { mode }), ...(owner === undefined ? {} : { owner }), ...(group === undefined ? {} : { group }) };
}
