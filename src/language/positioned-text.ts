/**
 * Texts that are themselves programs (templates, conditions) inside YAML: turns an offset in the text
 * into a place in the file, exactly where the scalar's style lets it be, else to the scalar's start.
 */
import type { SourceFile, Span } from '../support/source.ts';

export interface PositionedText {
  readonly text: string;
  /** Where the scalar stands in its file, quotes and block header included; undefined when not known. */
  readonly span: Span | undefined;
}

/** The whole of a file as a text. */
export function wholeFile(file: SourceFile): PositionedText {
  return { text: file.text, span: { file, start: 0, end: file.text.length } };
}

/** @returns the place of `text[start, end)` in its file */
export function spanWithin(source: PositionedText, start: number, end: number): Span | undefined {
  const { text, span } = source;
  if (span === undefined) return undefined;
  const raw = span.file.text.slice(span.start, span.end);
  const from = offsetIn(raw, text, start);
  const to = offsetIn(raw, text, Math.max(start, end - 1));
  if (from === undefined || to === undefined) return span;
  return { file: span.file, start: span.start + from, end: Math.max(span.start + to + (end > start ? 1 : 0), span.start + from) };
}

/** Offset in the scalar's source of an offset in its value, or undefined when the style hides it. */
function offsetIn(raw: string, text: string, offset: number): number | undefined {
  if (raw.startsWith(text)) return offset;
  const first = raw[0];
  if (first === '"' || first === "'") {
    // Before the first escape or folded line the value is a copy of what is between the quotes.
    return raw.slice(1).startsWith(text.slice(0, offset + 1)) ? offset + 1 : undefined;
  }
  if (first === '|') return offsetInLiteralBlock(raw, text, offset);
  return raw.startsWith(text.slice(0, offset + 1)) ? offset : undefined;
}

/** YAML 1.2, 8.1.2: the value of a literal block is its lines without their common indentation. */
function offsetInLiteralBlock(raw: string, text: string, offset: number): number | undefined {
  const before = text.slice(0, offset);
  const lineNumber = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1);
  const line = text.split('\n')[lineNumber - 1] ?? '';
  const rawLines = raw.split('\n');
  const rawLine = rawLines[lineNumber];
  if (rawLine?.endsWith(line) !== true) return undefined;
  const lineStart = rawLines.slice(0, lineNumber).reduce((sum, l) => sum + l.length + 1, 0);
  return lineStart + (rawLine.length - line.length) + column;
}

/** Offset of a line (from 1) and column (from 0), as Handlebars counts them. */
export function offsetOf(text: string, line: number, column: number): number {
  const breaks = /\r\n?|\n/g;
  let start = 0;
  for (let n = 1; n < line; n += 1) {
    const found = breaks.exec(text);
    if (found === null) break;
    start = found.index + found[0].length;
  }
  return Math.min(text.length, start + column);
}
