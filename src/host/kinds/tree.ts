/** Facts about whole directories: everything below a path, with all attributes. Bounded. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { readStatFields, readTimes, STAT_FORMAT, type FullPath } from './path.ts';

export interface TreeKey {
  readonly path: string;
  /** Levels below the path to look at; undefined: all. */
  readonly depth?: number | undefined;
}

/** One thing below the root. `path` is relative to it. Link targets are not asked for. */
export interface TreeEntry extends FullPath {
  readonly path: string;
}

/** More entries than this are refused: a tree of that size is a job for the host's own tools. */
export const TREE_LIMIT = 20_000;

/** Entries sorted by path; null when the path is no directory. */
export type TreeFact = readonly TreeEntry[] | null | { readonly tooMany: true } | { readonly error: string };

// No path has two slashes in a row when find starts from one that has not, so `//` at a line's start
// begins a record even where names hold newlines.
const RECORD = `//${STAT_FORMAT}:%i:%d:%h:%X:%Y:%Z:%n`;
const FIELDS = 12;

function readEntries(root: string, text: string): readonly TreeEntry[] {
  const prefix = root === '/' ? '/' : `${root}/`;
  const entries: TreeEntry[] = [];
  for (const record of `\n${text}`.split('\n//').slice(1)) {
    const parts = record.replace(/\n$/, '').split(':');
    const { fact, rest } = readStatFields(parts.slice(0, FIELDS));
    const path = parts.slice(FIELDS).join(':');
    if (path === root) continue;
    if (!path.startsWith(prefix)) throw new Error(`find ${root} printed ${path}`);
    entries.push({ ...fact, ...readTimes(rest), path: path.slice(prefix.length) });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function probeOne(key: TreeKey): string {
  const depth = key.depth === undefined ? '' : ` -maxdepth ${String(key.depth)}`;
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
  id: (key) => (key.depth === undefined ? key.path : `${key.path} depth ${String(key.depth)}`),
  describe: (key) => `everything below ${key.path}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse: (keys, output) =>
    keys.map((key, i) => {
      const state = output.sections[2 * i + 1]?.toString('utf8') ?? '';
      if (state.startsWith('absent')) return null;
      if (!state.startsWith('found')) throw new Error(`no answer about ${key.path}`);
      const [error] = errorsOf(state);
      if (error !== undefined) return { error };
      const text = output.sections[2 * i]?.toString('utf8') ?? '';
      const entries = readEntries(key.path, text);
      const cut = text.split('\n').length > TREE_LIMIT * 2;
      return cut || entries.length > TREE_LIMIT ? { tooMany: true } : entries;
    }),
  paths: (key) => [key.path],
  absent: () => null,
});
