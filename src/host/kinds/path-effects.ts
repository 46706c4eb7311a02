/**
 * What changes to paths do to what is known of them. Every module that writes files uses these, so that
 * `stat`, `statFollow`, `sha256` and `content` of a path never contradict each other.
 */
import { createHash } from 'node:crypto';
import { removedTree, type Effect } from '../query.ts';
import { content, CONTENT_LIMIT, sha256 } from './content.ts';
import { fullStat, stat, statFollow, type FollowedPath, type PresentPath } from './path.ts';
import { forgetAbove } from './tree.ts';
import { unitFileEffects } from './unit.ts';

/** Attributes as a task wants them: octal mode, names or numeric ids as text. */
export interface WantedAttributes {
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** Attributes as facts have them; a field that is not known is left out and so not claimed. */
export type KnownAttributes = Pick<PresentPath, 'mode' | 'owner' | 'group' | 'uid' | 'gid'>;

const NUMERIC = /^[0-9]+$/;

function account(wanted: string | undefined, name: string | undefined, id: number | undefined): { readonly name?: string; readonly id?: number } {
  if (wanted === undefined || isAccount(wanted, name, id)) return { ...(name === undefined ? {} : { name }), ...(id === undefined ? {} : { id }) };
  if (NUMERIC.test(wanted)) return { id: Number(wanted) };
  return wanted === 'root' ? { name: 'root', id: 0 } : { name: wanted };
}

/** Whether an account that a task names, by name or by number, is the one that a fact has. */
export function isAccount(wanted: string, name: string | undefined, id: number | undefined): boolean {
  return NUMERIC.test(wanted) && id !== undefined ? Number(wanted) === id : wanted === name;
}

/** What is known of a path's attributes after `wanted` was set on one that had `now`. */
export function resultingAttributes(wanted: WantedAttributes, now: KnownAttributes): KnownAttributes {
  const owner = account(wanted.owner, now.owner, now.uid);
  const group = account(wanted.group, now.group, now.gid);
  const mode = wanted.mode ?? now.mode;
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(owner.name === undefined ? {} : { owner: owner.name }),
    ...(owner.id === undefined ? {} : { uid: owner.id }),
    ...(group.name === undefined ? {} : { group: group.name }),
    ...(group.id === undefined ? {} : { gid: group.id }),
  };
}

/**
 * What a thing that `user` makes gets by itself. Below a set-group-id directory it is that directory's
 * group (inode(7)); else the group of the process, which is known for root only.
 */
export function newAttributes(user: string, mode: string, parent: PresentPath | undefined): KnownAttributes {
  const owner = user === 'root' ? { owner: 'root', uid: 0 } : { owner: user };
  const setgid = parent?.mode !== undefined && (Number.parseInt(parent.mode, 8) & 0o2000) !== 0;
  if (setgid) return { mode, ...owner, ...(parent.group === undefined ? {} : { group: parent.group }), ...(parent.gid === undefined ? {} : { gid: parent.gid }) };
  return user === 'root' ? { mode, ...owner, group: 'root', gid: 0 } : { mode, ...owner };
}

export interface WrittenFile {
  readonly attributes: KnownAttributes;
  /** The content: whole, or what is known of it. */
  readonly bytes?: Buffer | undefined;
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  /** False when the file was there with the same attributes, so that the `attributes` of directories above stand. */
  readonly appeared: boolean;
  /** Links that lead to the path and were followed to it. */
  readonly aliases?: readonly string[];
}

/** A regular file was written at `path` (a canonical path: no link). */
export function wroteFile(path: string, file: WrittenFile): readonly Effect[] {
  const size = file.bytes?.length ?? file.size;
  const digest = file.sha256 ?? (file.bytes === undefined ? undefined : createHash('sha256').update(file.bytes).digest('hex'));
  const fact: PresentPath = { exists: true, type: 'file', ...file.attributes, ...(size === undefined ? {} : { size }) };
  const effects: Effect[] = [...forgetAbove(path, file.appeared), ...unitFileEffects(path)];
  effects.push(stat(path).is(fact));
  for (const name of [path, ...(file.aliases ?? [])]) {
    effects.push(
      statFollow(name).is({ ...fact, real: path }),
      digest === undefined ? sha256(name).forget() : sha256(name).is(digest),
      contentEffect(name, file.bytes, size),
      fullStat(name).forget(),
    );
  }
  return effects;
}

function contentEffect(path: string, bytes: Buffer | undefined, size: number | undefined): Effect {
  if (size !== undefined && size > CONTENT_LIMIT) return content(path).is({ tooLarge: true });
  return bytes === undefined ? content(path).forget() : content(path).is(bytes);
}

/** A directory was made, or is one now in place of something else. */
export function madeDirectory(path: string, attributes: KnownAttributes): readonly Effect[] {
  const fact: PresentPath = { exists: true, type: 'directory', ...attributes, size: 0 };
  return [...forgetAbove(path, true), stat(path).is(fact), statFollow(path).is({ ...fact, real: path }), sha256(path).is(null), content(path).is(null), fullStat(path).forget()];
}

/**
 * A symbolic link was made.
 *
 * @param leadsTo what the target is, as `statFollow` of it says; undefined: not known
 */
export function madeLink(path: string, target: string, attributes: KnownAttributes, leadsTo: FollowedPath | undefined): readonly Effect[] {
  const noFile = leadsTo !== undefined && (!leadsTo.exists || leadsTo.type !== 'file');
  return [
    removedTree(path),
    ...forgetAbove(path, true),
    ...unitFileEffects(path),
    stat(path).is({ exists: true, type: 'link', ...attributes, mode: '0777', size: 0, target }),
    leadsTo === undefined ? statFollow(path).forget() : statFollow(path).is(leadsTo),
    noFile ? sha256(path).is(null) : sha256(path).forget(),
    noFile ? content(path).is(null) : content(path).forget(),
    fullStat(path).forget(),
  ];
}

/** The path and everything below it is gone. */
export function removed(path: string): readonly Effect[] {
  return [
    removedTree(path),
    ...forgetAbove(path, true),
    ...unitFileEffects(path),
    stat(path).is({ exists: false }),
    statFollow(path).is({ exists: false }),
    sha256(path).is(null),
    content(path).is(null),
    fullStat(path).is({ exists: false }),
  ];
}

/**
 * Owner, group or mode were changed; content was not.
 *
 * @param now the path's fact before (of the path itself, not followed)
 * @param aliases links that lead to the path and were followed to it
 */
export function changedAttributes(path: string, now: PresentPath, attributes: KnownAttributes, aliases: readonly string[] = []): readonly Effect[] {
  const fact: PresentPath = {
    exists: true,
    type: now.type,
    ...attributes,
    ...(now.size === undefined ? {} : { size: now.size }),
    ...(now.target === undefined ? {} : { target: now.target }),
  };
  const effects: Effect[] = [...forgetAbove(path, true), stat(path).is(fact), fullStat(path).forget()];
  if (now.type === 'link') return effects;
  for (const name of [path, ...aliases]) effects.push(statFollow(name).is({ ...fact, real: path }));
  return effects;
}
