/**
 * Where a value came from. Every message about input points at a file, a line and a column, so
 * positions travel with values from the parser to the last error.
 */

/** The text of one input file, kept so that errors can show the line they speak of. */
export interface SourceFile {
  /** Path as the user would type it. */
  readonly path: string;
  readonly text: string;
  /** True for what was decrypted: places in it may be named, its lines are never shown. */
  readonly concealed?: boolean;
}

/** A stretch of one file. Offsets are UTF-16 code units from the start; `end` is exclusive. */
export interface Span {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
}

/** A place for people: both numbers count from 1. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** Offsets at which lines begin; every task of every host reports its place, so a file is counted once. */
const lineStarts = new WeakMap<SourceFile, readonly number[]>();

function startsOf(file: SourceFile): readonly number[] {
  let starts = lineStarts.get(file);
  if (starts === undefined) {
    const found = [0];
    for (let i = file.text.indexOf('\n'); i !== -1; i = file.text.indexOf('\n', i + 1)) found.push(i + 1);
    starts = found;
    lineStarts.set(file, starts);
  }
  return starts;
}

/** Turns an offset into line and column, counted from 1. */
export function lineColumn(file: SourceFile, offset: number): LineColumn {
  const starts = startsOf(file);
  // The last line that begins at or before the offset.
  let low = 0;
  for (let high = starts.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

/** `file:line:column`, the form that editors and terminals make clickable. */
export function formatPlace(span: Span): string {
  const at = lineColumn(span.file, span.start);
  return `${span.file.path}:${String(at.line)}:${String(at.column)}`;
}

const CONTEXT_LINES = 1;

/**
 * The lines around a span with a marker under it.
 *
 * @returns several lines without a final newline
 */
export function codeFrame(span: Span): string {
  if (span.file.concealed === true) return '(the line is not shown: the file is encrypted)';
  const lines = span.file.text.split('\n');
  const at = lineColumn(span.file, span.start);
  const first = Math.max(1, at.line - CONTEXT_LINES);
  const last = Math.min(lines.length, at.line + CONTEXT_LINES);
  const width = String(last).length;
  const out: string[] = [];
  for (let n = first; n <= last; n += 1) {
    const text = lines[n - 1] ?? '';
    const mark = n === at.line ? '>' : ' ';
    out.push(`${mark} ${String(n).padStart(width)} | ${text}`.trimEnd());
    if (n === at.line) {
      const lineEnd = text.length - (at.column - 1);
      const length = Math.max(1, Math.min(span.end - span.start, lineEnd));
      out.push(`  ${' '.repeat(width)} | ${' '.repeat(at.column - 1)}${'^'.repeat(length)}`);
    }
  }
  return out.join('\n');
}
