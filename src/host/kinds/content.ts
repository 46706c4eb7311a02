/** Facts about what files hold. Both follow links, as reading does. */
import { createHash } from 'node:crypto';
import { defineQuery } from '../define-query.ts';
import { errorAbout, isUnreadable, lines, realErrors, withErrors, words, type Unreadable } from './path-key.ts';

/** Hex digest of a regular file; null when there is none; unreadable when the host would not let us. */
export type Sha256Fact = string | null | Unreadable;

/** sha256sum of GNU escapes names with a backslash or newline and says so with a leading backslash. */
function readSum(line: string): readonly [string, string] {
  const escaped = line.startsWith('\\');
  const text = escaped ? line.slice(1) : line;
  const name = text.slice(66);
  if (!/^[0-9a-f]{64} [ *]/.test(text)) throw new Error(`sha256sum printed ${JSON.stringify(line)}`);
  return [escaped ? name.replaceAll(/\\([\\nr])/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : '\\')) : name, text.slice(0, 64)];
}

/** SHA-256 of regular files: one `sha256sum` over those that exist. Key: an absolute path. */
export const sha256 = defineQuery<string, Sha256Fact>({
  name: 'sha256',
  id: (path) => path,
  describe: (path) => `content of ${path}`,
  probe: (paths) =>
    `set -- ${words(paths)}\nn=$#\nfor p do [ ! -f "$p" ] || set -- "$@" "$p"; done\nshift "$n"\n` +
    `if [ $# -gt 0 ]; then\n${withErrors('sha256sum -- "$@"')}\ncare_mark\nprintf '%s\\n' "$@"\nfi`,
  parse(paths, output) {
    const sums = new Map(lines(output.head).map(readSum));
    const errors = realErrors(output.sections[0] ?? Buffer.alloc(0), false);
    const asked = new Set(lines(output.sections[1] ?? Buffer.alloc(0)));
    return paths.map((path) => {
      const sum = sums.get(path);
      if (sum !== undefined) return sum;
      if (!asked.has(path)) return null;
      return { error: errorAbout(path, errors) ?? `sha256sum said nothing of ${path}` };
    });
  },
  paths: (path) => [path],
  absent: () => null,
});

/** Larger files are compared by their hashes. */
export const CONTENT_LIMIT = 1024 * 1024;

export interface TooLarge {
  readonly tooLarge: true;
}

/** The bytes of a regular file up to {@link CONTENT_LIMIT}; null when there is none. */
export type ContentFact = Buffer | null | TooLarge | Unreadable;

const TOO_LARGE: TooLarge = { tooLarge: true };

function readContent(section: Buffer, path: string): ContentFact {
  const end = section.indexOf(10);
  const state = section.subarray(0, end).toString('latin1');
  if (state === 'absent') return null;
  if (state === 'denied') return { error: `${path}: cannot be read (permission denied)` };
  const trailer = section.lastIndexOf(10);
  if (state !== 'file' || trailer <= end - 1) throw new Error(`unexpected answer about ${path}`);
  if (section.subarray(trailer + 1).toString('latin1') !== '0') return { error: `${path}: cannot be read` };
  const bytes = section.subarray(end + 1, trailer);
  return bytes.length > CONTENT_LIMIT ? TOO_LARGE : Buffer.from(bytes);
}

/**
 * The exact bytes of small regular files: one `head -c` a file that exists, none for others.
 * Key: an absolute path.
 */
export const content = defineQuery<string, ContentFact>({
  name: 'content',
  id: (path) => path,
  describe: (path) => `content of ${path}`,
  probe: (paths) =>
    `for p in ${words(paths)}; do\ncare_mark\n` +
    `if [ ! -f "$p" ]; then echo absent; elif [ ! -r "$p" ]; then echo denied; else echo file; head -c ${String(CONTENT_LIMIT + 1)} -- "$p"; printf '\\n%s' $?; fi\ndone`,
  parse: (paths, output) => paths.map((path, i) => readContent(output.sections[i] ?? Buffer.alloc(0), path)),
  show(fact) {
    // Never the bytes: they may be a secret.
    if (fact === null) return 'absent';
    if (Buffer.isBuffer(fact)) return `${String(fact.length)} bytes, sha256 ${createHash('sha256').update(fact).digest('hex')}`;
    return isUnreadable(fact) ? fact.error : `more than ${String(CONTENT_LIMIT)} bytes`;
  },
  paths: (path) => [path],
  absent: () => null,
});
