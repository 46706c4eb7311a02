/** What the kinds about paths share: keys that are paths, quoting, and reading `stat -c` lines. */
import { quote } from '../../support/shell.ts';

export type FileType = 'file' | 'directory' | 'link' | 'fifo' | 'socket' | 'char' | 'block';

/** The host would not tell (permission denied, I/O error); `error` is what it said. */
export interface Unreadable {
  readonly error: string;
}

export function isUnreadable(fact: unknown): fact is Unreadable {
  return typeof fact === 'object' && fact !== null && 'error' in fact && typeof fact.error === 'string';
}

// The file type bits of st_mode, inode(7).
const TYPES: Readonly<Record<number, FileType>> = {
  0o140000: 'socket',
  0o120000: 'link',
  0o100000: 'file',
  0o060000: 'block',
  0o040000: 'directory',
  0o020000: 'char',
  0o010000: 'fifo',
};

/** `%f` of stat(1), the raw mode in hexadecimal, taken apart. @throws Error for anything else */
export function readRawMode(hex: string): { readonly type: FileType; readonly mode: string } {
  const raw = Number.parseInt(hex, 16);
  const type = TYPES[raw & 0o170000];
  if (!/^[0-9a-f]+$/i.test(hex) || type === undefined) throw new Error(`stat printed the mode ${JSON.stringify(hex)}`);
  return { type, mode: (raw & 0o7777).toString(8).padStart(4, '0') };
}

/** Shell words of paths, for `set --`. */
export function words(paths: readonly string[]): string {
  return paths.map(quote).join(' ');
}

/**
 * Runs a command whose stdout is the probe's and whose stderr comes after a mark, so that both can be read
 * apart without a temporary file.
 */
export function withErrors(command: string): string {
  return `{ e=$(${command} 2>&1 1>&3 3>&-); } 3>&1\ncare_mark\nprintf '%s\\n' "$e"`;
}

/** Lines without the final newline's empty one. */
export function lines(output: Buffer): readonly string[] {
  // Line by line: a piece cut out of one long text would keep all of that in memory, for each of a thousand hosts.
  const out: string[] = [];
  for (let from = 0; from < output.length; ) {
    const end = output.indexOf(10, from);
    out.push(output.toString('utf8', from, end === -1 ? output.length : end));
    from = end === -1 ? output.length : end + 1;
  }
  return out;
}

// Both GNU ("stat: cannot statx 'x': No such file…") and busybox ("stat: can't stat 'x': …") end with strerror.
const GONE = /: (No such file or directory|Not a directory)$/;
const LOOP = /: Too many levels of symbolic links$/;

/**
 * The errors that do not just say that a path is absent.
 *
 * @param loops true: a loop of links counts as absent (for questions that follow links)
 */
export function realErrors(stderr: Buffer, loops: boolean): readonly string[] {
  return lines(stderr).filter((line) => line !== '' && !GONE.test(line) && !(loops && LOOP.test(line)));
}

/** The error that names this path, or the only one there is. */
export function errorAbout(path: string, errors: readonly string[]): string | undefined {
  return errors.find((line) => line.includes(`'${path}'`)) ?? errors.find((line) => line.includes(path));
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
/** Joins with exactly one slash. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}
