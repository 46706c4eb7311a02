/**
 * From shares that are written to shares that count. Whoever is killed in between leaves a folder from which it can be told what is
 * left to do, or that only the cluster knows which shares it goes by:
 *
 * - `next/` without a mark: the cluster was never shown them; the earlier ones are in force.
 * - `next/counting`: the cluster was being shown them. Either may be in force: the new ones are tried first, the earlier ones when they are refused.
 * - `next/counts`: they are in force, and are on their way to the place of the earlier ones. It holds the name under which those are kept.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../language/secrets/files.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import { NEXT, SHARE_LIST, readShareList, type GivenShare, type ShareList } from './shares.ts';

const COUNTING = 'counting';
const COUNTS = 'counts';

/** The shares of one list, and the folder with their files. */
export interface ShareSet {
  /** `next`: of a rekey that was cut off when they were about to count. */
  readonly which: 'current' | 'next';
  readonly directory: string;
  /** Undefined: none was made here, and shares are taken as they are. */
  readonly list: ShareList | undefined;
}

/** A set with what of it is at hand. */
export interface HeldShares extends ShareSet {
  readonly shares: readonly GivenShare[];
}

function stamp(now: Date): string {
  return now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

function namesOf(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => name === SHARE_LIST || name.endsWith('.age')) : [];
}

/** The list goes last: while it is not there, shares are taken as they are. */
function moveAll(names: readonly string[], from: string, to: string): void {
  if (names.length === 0) return;
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const name of [...names].sort((a, b) => Number(a === SHARE_LIST) - Number(b === SHARE_LIST))) renameSync(join(from, name), join(to, name));
}

/** Those of an earlier try, which never counted, are kept beside. */
export function setNextAside(directory: string, now: Date): void {
  const next = join(directory, NEXT);
  moveAll(namesOf(next), next, join(next, `former-${stamp(now)}`));
  unmarkCounting(directory);
}

/** From now on the cluster may go by the shares in `next/`. */
export function markCounting(directory: string): void {
  mkdirSync(join(directory, NEXT), { recursive: true, mode: 0o700 });
  replaceFile(join(directory, NEXT, COUNTING), '', undefined, 0o600);
}

/** The cluster has said that it does not. */
export function unmarkCounting(directory: string): void {
  rmSync(join(directory, NEXT, COUNTING), { force: true });
}

/** The shares in `next/` count: they take the place of the earlier ones, which are kept (a restored snapshot may be older than the newest keys). */
export function adoptShares(directory: string, now: Date): void {
  const mark = join(directory, NEXT, COUNTS);
  if (!existsSync(mark)) replaceFile(mark, `former-${stamp(now)}`, undefined, 0o600);
  finishAdoption(directory);
}

/** Goes on with an adoption that was cut off anywhere. */
function finishAdoption(directory: string): void {
  const next = join(directory, NEXT);
  const mark = join(next, COUNTS);
  if (!existsSync(mark)) return;
  const list = readShareList(next);
  // As long as all the new ones are in next/, whatever is beside it is of before.
  if (list !== undefined && list.shares.every(({ file }) => existsSync(join(next, file)))) moveAll(namesOf(directory), directory, join(directory, readFileSync(mark, 'utf8')));
  moveAll(namesOf(next), next, directory);
  unmarkCounting(directory);
  rmSync(mark, { force: true });
}

/** The cluster has refused the shares in `next/`: the earlier ones are in force. They are kept all the same. */
function refuseNext(directory: string, now: Date): void {
  const next = join(directory, NEXT);
  moveAll(namesOf(next), next, join(directory, `refused-${stamp(now)}`));
  unmarkCounting(directory);
}

/**
 * The shares that the cluster may go by, those to be tried first in front: one set, or two after a rekey that was cut off in the one
 * moment in which only the cluster knows.
 *
 * @throws Diagnostic `bad-share-list`
 */
export function shareSets(directory: string): readonly ShareSet[] {
  finishAdoption(directory);
  const next = join(directory, NEXT);
  const current: ShareSet = { which: 'current', directory, list: readShareList(directory) };
  const fresh = readShareList(next);
  return fresh !== undefined && existsSync(join(next, COUNTING)) ? [{ which: 'next', directory: next, list: fresh }, current] : [current];
}

export interface Attempt {
  readonly shares: readonly Secret[];
  /** Whether no other shares will be tried. */
  readonly last: boolean;
  /** To be called once the cluster has shown that it goes by them. */
  readonly accepted: () => void;
}

/**
 * Tries the sets, one after another; what the cluster accepts settles which of them counts.
 *
 * @param attempt throws a Diagnostic `wrong-share` when the cluster refuses them
 */
export async function tryShares<T>(directory: string, sets: readonly HeldShares[], now: Date, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
  for (const [i, set] of sets.entries()) {
    const last = i === sets.length - 1;
    try {
      return await attempt({ shares: set.shares.map((s) => s.share), last, accepted: () => { if (set.which === 'next') adoptShares(directory, now); } });
    } catch (error) {
      if (last || !(error instanceof Diagnostic) || error.code !== 'wrong-share') throw error;
      refuseNext(directory, now);
    }
  }
  throw new Error('no shares to try');
}
