/**
 * Facts about single paths: `stat` (the path itself), `statFollow` (what it leads to) and `fullStat` (with
 * times, inode and links). Only `fullStat` holds what a change cannot predict.
 */
import { sameValue } from '../../support/value.ts';
import { defineQuery } from '../define-query.ts';
import type { ProbeOutput } from '../query.ts';
import { errorAbout, lines, readRawMode, realErrors, withErrors, words, type FileType } from './path-key.ts';

export interface AbsentPath {
  readonly exists: false;
  /** Set when the host would not tell whether it exists: never take that for absence. */
  readonly error?: string;
}

/**
 * What a change can predict of a path. A field that is left out of a claim is not claimed; an
 * observation has all of them (`target` for links only).
 */
export interface PresentPath {
  readonly exists: true;
  readonly type: FileType;
  /** Four octal digits; `0777` for a link. */
  readonly mode?: string;
  /** Names as the host resolves them; the number as text where it cannot. */
  readonly owner?: string;
  readonly group?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Bytes of a regular file; 0 for anything else. */
  readonly size?: number;
  /** What a link holds. */
  readonly target?: string;
}
export type PathFact = AbsentPath | PresentPath;

/** What a path leads to. `real` is its canonical path; the path itself when it is no link. */
export type FollowedPath = AbsentPath | (PresentPath & { readonly real: string });

export interface FullPath extends Omit<Required<PresentPath>, 'target'> {
  readonly target?: string;
  readonly inode: number;
  readonly device: number;
  readonly links: number;
  /** Seconds since the epoch. */
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}
export type FullFact = AbsentPath | FullPath;

const absentPath: AbsentPath = { exists: false };

/** Equal in every field that the expectation claims. */
export function samePath(expected: PathFact, observed: PathFact): boolean {
  if (!expected.exists || !observed.exists) return expected.exists === observed.exists && !('error' in observed);
  const seen = new Map<string, unknown>(Object.entries(observed));
  return Object.entries(expected).every(([key, value]) => value === undefined || sameValue(value, seen.get(key)));
}

/** `file 0644 root:root 12 bytes`, for messages. */
export function showPath(fact: PathFact): string {
  if (!fact.exists) return fact.error ?? 'absent';
  const parts: string[] = [fact.type];
  if (fact.mode !== undefined && fact.type !== 'link') parts.push(fact.mode);
  if (fact.owner !== undefined || fact.group !== undefined) parts.push(`${fact.owner ?? '?'}:${fact.group ?? '?'}`);
  if (fact.type === 'file' && fact.size !== undefined) parts.push(`${String(fact.size)} bytes`);
  if (fact.target !== undefined) parts.push(`→ ${fact.target}`);
  return parts.join(' ');
}

const FORMAT = '%f:%u:%g:%s:%U:%G';

/**
 * When an observed file was last written, in seconds since the epoch. Beside the fact, not in it: no change can claim it. A store
 * keeps it by itself, since the fact may be shared with other hosts.
 */
const written = new WeakMap<object, number>();

/** The same, of a fact as the kind has read it. Who wants it later asks the store. */
export function modifiedAt(fact: unknown): number | undefined {
  return typeof fact === 'object' && fact !== null ? written.get(fact) : undefined;
}

interface StatLine {
  readonly fact: PresentPath & Required<Pick<PresentPath, 'mode' | 'owner' | 'group' | 'uid' | 'gid' | 'size'>>;
  readonly rest: readonly string[];
}

function readStat(fields: readonly string[]): StatLine {
  const [raw = '', uid = '', gid = '', size = '', owner = '', group = '', ...rest] = fields;
  const { type, mode } = readRawMode(raw);
  return {
    fact: {
      exists: true,
      type,
      mode: type === 'link' ? '0777' : mode,
      // GNU prints UNKNOWN for an id without a name; ls and people say the number.
      owner: owner === 'UNKNOWN' || owner === '' ? uid : owner,
      group: group === 'UNKNOWN' || group === '' ? gid : group,
      uid: Number(uid),
      gid: Number(gid),
      size: type === 'file' ? Number(size) : 0,
    },
    rest,
  };
}

/** `name` is the last of the format's fields and may hold colons. */
function statLines(output: Buffer, fields: number): ReadonlyMap<string, StatLine> {
  const found = new Map<string, StatLine>();
  for (const line of lines(output)) {
    const parts = line.split(':');
    found.set(parts.slice(fields).join(':'), readStat(parts.slice(0, fields)));
  }
  return found;
}

/** For every link among "$@": a section of path, newline, and what `command` prints of it. */
function forLinks(command: string): string {
  return `for p do if [ -L "$p" ]; then care_mark; printf '%s\\n' "$p"; ${command} "$p"; fi; done`;
}

function linkSections(output: ProbeOutput): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const section of output.sections.slice(1)) {
    const text = section.toString('utf8');
    const end = text.indexOf('\n');
    found.set(text.slice(0, end), text.slice(end + 1).replace(/\n$/, ''));
  }
  return found;
}

function missing(path: string, errors: readonly string[]): AbsentPath {
  const error = errorAbout(path, errors);
  return error === undefined ? absentPath : { exists: false, error };
}

/**
 * The path itself, links not followed. One `stat` for all paths, one `readlink` a link.
 * Key: an absolute path without newline or NUL.
 */
export const stat = defineQuery<string, PathFact>({
  name: 'stat',
  lasting: true,
  id: (path) => path,
  describe: (path) => `file ${path}`,
  probe: (paths) => `set -- ${words(paths)}\n${withErrors(`stat -c '${FORMAT}:%Y:%n' -- "$@"`)}\n${forLinks('readlink')}`,
  parse(paths, output) {
    const found = statLines(output.head, 7);
    const errors = realErrors(output.sections[0] ?? Buffer.alloc(0), false);
    const links = linkSections(output);
    return paths.map((path) => {
      const line = found.get(path);
      if (line === undefined) return missing(path, errors);
      const target = links.get(path);
      // A new object for every question: two paths may be one file.
      const fact: PathFact = line.fact.type === 'link' && target !== undefined ? { ...line.fact, target } : { ...line.fact };
      written.set(fact, Number(line.rest[0]));
      return fact;
    });
  },
  same: samePath,
  show: showPath,
  paths: (path) => [path],
  absent: () => absentPath,
});

/** What the path leads to: `stat -L`, and the canonical path of a link. A dangling link is absent. */
export const statFollow = defineQuery<string, FollowedPath>({
  name: 'statFollow',
  lasting: true,
  id: (path) => path,
  describe: (path) => `file ${path} (followed)`,
  probe: (paths) => `set -- ${words(paths)}\n${withErrors(`stat -L -c '${FORMAT}:%n' -- "$@"`)}\n${forLinks('readlink -f')}`,
  parse(paths, output) {
    const found = statLines(output.head, 6);
    const errors = realErrors(output.sections[0] ?? Buffer.alloc(0), true);
    const links = linkSections(output);
    return paths.map((path) => {
      const line = found.get(path);
      return line === undefined ? missing(path, errors) : { ...line.fact, real: links.get(path) ?? path };
    });
  },
  same: samePath,
  show: showPath,
  paths: (path) => [path],
  absent: () => absentPath,
});

/** The path itself with what no change can predict: times, inode, device, number of links. */
export const fullStat = defineQuery<string, FullFact>({
  name: 'fullStat',
  id: (path) => path,
  describe: (path) => `file ${path} (all attributes)`,
  probe: (paths) => `set -- ${words(paths)}\n${withErrors(`stat -c '${FORMAT}:%i:%d:%h:%X:%Y:%Z:%n' -- "$@"`)}\n${forLinks('readlink')}`,
  parse(paths, output) {
    const found = statLines(output.head, 12);
    const errors = realErrors(output.sections[0] ?? Buffer.alloc(0), false);
    const links = linkSections(output);
    return paths.map((path) => {
      const line = found.get(path);
      if (line === undefined) return missing(path, errors);
      const target = links.get(path);
      return { ...line.fact, ...(target === undefined ? {} : { target }), ...readTimes(line.rest) };
    });
  },
  show: showPath,
  paths: (path) => [path],
  absent: () => absentPath,
});

/** The numbers of `%i:%d:%h:%X:%Y:%Z`. */
export function readTimes(fields: readonly string[]): Pick<FullPath, 'inode' | 'device' | 'links' | 'atime' | 'mtime' | 'ctime'> {
  const [inode = NaN, device = NaN, links = NaN, atime = NaN, mtime = NaN, ctime = NaN] = fields.map(Number);
  if ([inode, device, links, atime, mtime, ctime].some(Number.isNaN)) throw new Error(`stat printed ${fields.join(':')}`);
  return { inode, device, links, atime, mtime, ctime };
}

export { FORMAT as STAT_FORMAT, readStat as readStatFields };
