/** Facts about whole directories: everything below a path, with all attributes. Bounded. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import type { Effect } from '../query.ts';
import { parentOf } from './path-key.ts';
import { readStatFields, readTimes, STAT_FORMAT, type FullPath } from './path.ts';

/**
 * What is asked of a tree. `attributes`: type, mode and owner of all below, which a change of a file's content
 * leaves as they are. `all`: sizes and times too. `children`: the same of the directory's own entries only.
 */
export type TreeView = 'attributes' | 'all' | 'children';
const VIEWS: readonly TreeView[] = ['attributes', 'all', 'children'];

export interface TreeKey {
  readonly path: string;
  readonly view: TreeView;
}

/** One thing below the root. `path` is relative to it. Link targets are not asked for. */
export interface TreeEntry extends Pick<FullPath, 'exists' | 'type' | 'mode' | 'owner' | 'group' | 'uid' | 'gid'> {
  readonly path: string;
  /** Sizes and times; undefined in the view `attributes`. */
  readonly full: FullPath | undefined;
}

/** More entries than this are refused: a tree of that size is a job for the host's own tools. */
export const TREE_LIMIT = 20_000;

/** Entries sorted by path; null when the path is no directory. */
export type TreeFact = readonly TreeEntry[] | null | { readonly tooMany: true } | { readonly error: string };

// No path has two slashes in a row when find starts from one that has not, so `//` at a line's start
// begins a record even where names hold newlines.
const RECORD = `//${STAT_FORMAT}:%i:%d:%h:%X:%Y:%Z:%n`;
const FIELDS = 12;

function readEntries(key: TreeKey, text: string): readonly TreeEntry[] {
  const root = key.path;
  const prefix = root === '/' ? '/' : `${root}/`;
  const entries: TreeEntry[] = [];
  for (const record of `\n${text}`.split('\n//').slice(1)) {
    const parts = record.replace(/\n$/, '').split(':');
    const { fact, rest } = readStatFields(parts.slice(0, FIELDS));
    const path = parts.slice(FIELDS).join(':');
    if (path === root) continue;
    if (!path.startsWith(prefix)) throw new Error(`find ${root} printed ${path}`);
    const { type, mode, owner, group, uid, gid } = fact;
    const full = key.view === 'attributes' ? undefined : { ...fact, ...readTimes(rest) };
    entries.push({ exists: true, type, mode, owner, group, uid, gid, path: path.slice(prefix.length), full });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function probeOne(key: TreeKey): string {
  const depth = key.view === 'children' ? ' -maxdepth 1' : '';
  return (
    `care_mark\np=${quote(key.path)}\n` +
    `if [ -L "$p" ] || [ ! -d "$p" ]; then care_mark; echo absent; else\n` +
    `{ e=$({ find "$p"${depth} -exec stat -c '${RECORD}' -- {} + | head -n ${String(TREE_LIMIT * 2)}; } 2>&1 1>&3 3>&-); } 3>&1\n` +
    `care_mark\nprintf 'found\\n%s\\n' "$e"\nfi`
  );
}

/** Entries may vanish while find looks; that is no failure. */
function errorsOf(state: string): readonly string[] {
  return state.split('\n').slice(1).filter((line) => line !== '' && !line.endsWith(': No such file or directory') && !line.includes('Broken pipe'));
}

/** Everything below a directory, links not followed: one `find` and a few `stat`s a key. */
export const tree = defineQuery<TreeKey, TreeFact>({
  name: 'tree',
  id: (key) => `${key.view} ${key.path}`,
  describe: (key) => (key.view === 'children' ? `entries of ${key.path}` : `everything below ${key.path}`),
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse: (keys, output) =>
    keys.map((key, i) => {
      const state = output.sections[2 * i + 1]?.toString('utf8') ?? '';
      if (state.startsWith('absent')) return null;
      if (!state.startsWith('found')) throw new Error(`no answer about ${key.path}`);
      const [error] = errorsOf(state);
      if (error !== undefined) return { error };
      const text = output.sections[2 * i]?.toString('utf8') ?? '';
      const entries = readEntries(key, text);
      const cut = text.split('\n').length > TREE_LIMIT * 2;
      return cut || entries.length > TREE_LIMIT ? { tooMany: true } : entries;
    }),
  paths: (key) => [key.path],
  absent: () => null,
});

/**
 * What a change of one path does to what is known of the directories above it (and of itself).
 *
 * @param entries true: something appeared, went or got other attributes; false: only a file's content changed
 */
export function forgetAbove(path: string, entries: boolean): readonly Effect[] {
  const effects: Effect[] = [];
  for (let at = path; ; at = parentOf(at)) {
    for (const view of VIEWS) if (entries || view !== 'attributes') effects.push(tree({ path: at, view }).forget());
    if (at === '/') return effects;
  }
}
