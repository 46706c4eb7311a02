/** Facts about what files hold. Both follow links, as reading does. */
import { createHash, randomBytes } from 'node:crypto';
import { defineQuery } from '../define-query.ts';
import type { ProbeOutput } from '../query.ts';
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
  lasting: true,
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
  show: (fact) => (fact === null ? 'absent' : typeof fact === 'string' ? `sha256 ${fact}` : fact.error),
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

/** One file by itself: its bytes, a line break, the status. Undefined: it cannot be read. */
function readApart(section: Buffer): ContentFact | undefined {
  const trailer = section.lastIndexOf(10);
  if (trailer === -1) throw new Error('head gave no status');
  return section.subarray(trailer + 1).toString('latin1') === '0' ? withinLimit(section.subarray(0, trailer)) : undefined;
}

/**
 * A way to say `/` that nobody can guess: `//` and `/.` are `/` to the kernel. `head -v` prints a path as it was given, so
 * that what stands before each file stands in no file by chance. It stands in the argument list of `head`, where whoever is
 * logged in may read it while `head` is at work: see {@link splitContents}.
 */
function unguessableRoot(): string {
  const bits = [...randomBytes(8)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return `/.${bits.replaceAll('1', '/.').replaceAll('0', '/')}`;
}

/** One `head` for all; one each where one of them failed, to tell which. */
function contentProbe(paths: readonly string[]): string {
  return [
    `care_root=${unguessableRoot()}`,
    `printf '%s\\n' "$care_root"`,
    'set --',
    `for p in ${words(paths)}; do if [ ! -f "$p" ]; then echo absent; elif [ ! -r "$p" ]; then echo denied; else echo file; set -- "$@" "$care_root$p"; fi; done`,
    'care_mark',
    `[ $# = 0 ] || head -v -c ${String(CONTENT_LIMIT + 1)} -- "$@" 2>/dev/null || for p do care_mark; head -c ${String(CONTENT_LIMIT + 1)} -- "$p"; printf '\\n%s' $?; done`,
  ].join('\n');
}

/**
 * What `head -v` printed, in the order of the files. Each file's line is there once, since `head` has opened them all; if one
 * is there twice, somebody has written it into a file of his, to have that taken for another's content.
 */
function splitContents(output: Buffer, files: readonly string[]): readonly Buffer[] {
  const heads = files.map((file, i) => Buffer.from(`${i === 0 ? '' : '\n'}==> ${file} <==\n`));
  let at = 0;
  const starts = heads.map((head, i) => {
    const found = output.indexOf(head, at);
    if (found === -1 || (at === 0 && found !== 0)) throw new Error('head does not say which file is which');
    at = found + head.length;
    // Not from `at` on: the real line may begin within the false one, with its line break.
    if (output.includes(head, found + 1)) throw new Error(`what comes before ${String(files[i])} is there twice: a file was changed, while it was read, to look like several`);
    return { head: found, content: at };
  });
  return starts.map((start, i) => output.subarray(start.content, starts[i + 1]?.head ?? output.length));
}

function withinLimit(bytes: Buffer): ContentFact {
  // A copy: the whole answer would be kept for the sake of a small piece.
  return bytes.length > CONTENT_LIMIT ? TOO_LARGE : Buffer.from(bytes);
}

function parseContents(paths: readonly string[], output: ProbeOutput): readonly ContentFact[] {
  const [root = '', ...states] = lines(output.head);
  const files = paths.filter((_path, i) => states[i] === 'file');
  const [together = Buffer.alloc(0), ...apart] = output.sections;
  const bytes = apart.length > 0 ? apart.map(readApart) : splitContents(together, files.map((file) => root + file)).map(withinLimit);
  const facts = new Map(files.map((file, i) => [file, bytes[i]]));
  return paths.map((path, i) => {
    if (states[i] === 'absent') return null;
    if (states[i] === 'denied') return { error: `${path}: cannot be read (permission denied)` };
    const fact = facts.get(path);
    if (states[i] !== 'file') throw new Error(`unexpected answer about ${path}`);
    return fact ?? { error: `${path}: cannot be read` };
  });
}

/**
 * The exact bytes of small regular files. Key: an absolute path.
 */
export const content = defineQuery<string, ContentFact>({
  name: 'content',
  lasting: true,
  id: (path) => path,
  describe: (path) => `content of ${path}`,
  probe: contentProbe,
  parse: parseContents,
  show(fact) {
    // Never the bytes: they may be a secret.
    if (fact === null) return 'absent';
    if (Buffer.isBuffer(fact)) return `${String(fact.length)} bytes, sha256 ${createHash('sha256').update(fact).digest('hex')}`;
    return isUnreadable(fact) ? fact.error : `more than ${String(CONTENT_LIMIT)} bytes`;
  },
  paths: (path) => [path],
  absent: () => null,
});
