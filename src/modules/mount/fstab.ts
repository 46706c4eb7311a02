/** Lines of fstab(5). Pure. */

export interface FstabEntry {
  readonly src: string;
  readonly path: string;
  readonly fstype: string;
  readonly opts: string;
  readonly dump: number;
  readonly passno: number;
}

/** fstab(5): blanks are written as octal escapes. */
function escape(field: string): string {
  return field.replaceAll(/[ \t\\]/g, (c) => (c === ' ' ? '\\040' : c === '\t' ? '\\011' : '\\134'));
}

function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export function parseFstabLine(line: string): FstabEntry | undefined {
  if (/^\s*(#|$)/.test(line)) return undefined;
  const [src, path, fstype, opts = 'defaults', dump = '0', passno = '0'] = line.trim().split(/\s+/);
  if (src === undefined || path === undefined || fstype === undefined) return undefined;
  return { src: unescape(src), path: unescape(path), fstype, opts: unescape(opts), dump: Number(dump), passno: Number(passno) };
}

export function formatEntry(entry: FstabEntry): string {
  return [escape(entry.src), escape(entry.path), entry.fstype, escape(entry.opts), String(entry.dump), String(entry.passno)].join(' ');
}

/** The lines with exactly this entry for its path, where the first was; `entry` undefined: none for `path`. */
export function editFstab(lines: readonly string[], path: string, entry: FstabEntry | undefined): readonly string[] {
  const isOwn = (line: string): boolean => {
    const parsed = parseFstabLine(line);
    // Swap has no path ("none"): its source tells entries apart.
    return parsed !== undefined && parsed.path === path && (path.startsWith('/') || parsed.src === entry?.src);
  };
  const own = lines.filter(isOwn);
  const wanted = entry === undefined ? [] : [formatEntry(entry)];
  const [only] = own;
  if (entry !== undefined && own.length === 1 && only !== undefined && formatEntry(parseFstabLine(only) ?? entry) === wanted[0]) return lines;
  const at = lines.findIndex(isOwn);
  if (at === -1) return [...lines, ...wanted];
  return [...lines.slice(0, at), ...wanted, ...lines.slice(at).filter((line) => !isOwn(line))];
}
