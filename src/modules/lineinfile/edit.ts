/** The edit itself, as Ansible's lineinfile.py does it, on text. */
import { revealed } from '../../support/secret.ts';
import { bare, splitLines, type Edit } from '../common/edit-file.ts';
import { expandTemplate, pythonRegExp } from '../common/python-regexp.ts';
import type { LineinfileArgs } from './schema.ts';

type Own = (text: string) => string;

/** Python matches lines with their newline, before which `$` matches too; so the newline stays. */
function matcher(args: LineinfileArgs, own: Own): ((line: string) => RegExpExecArray | boolean) | undefined {
  const { regexp, search_string: searched } = args;
  if (regexp !== undefined) {
    const pattern = pythonRegExp(own(regexp));
    return (line) => pattern.exec(line) ?? false;
  }
  if (searched === undefined) return undefined;
  const text = own(searched);
  return (line) => line.includes(text);
}

interface Found {
  /** The line that `regexp` or `search_string` matches, or that is equal; -1: none. */
  line: number;
  match: RegExpExecArray | boolean;
  /** Where `insertafter` or `insertbefore` would have a new line; -1: they match nothing. */
  insert: number;
}

function find(args: LineinfileArgs, lines: readonly string[], wanted: string, own: Own): Found {
  const found: Found = { line: -1, match: false, insert: -1 };
  const matches = matcher(args, own);
  if (matches !== undefined) {
    for (const [i, line] of lines.entries()) {
      const match = matches(line);
      if (match === false) continue;
      found.line = i;
      found.match = match;
      if (args.firstmatch) break;
    }
  }
  if (found.match === false) findPlace(args, lines, wanted, own, found);
  return found;
}

function findPlace(args: LineinfileArgs, lines: readonly string[], wanted: string, own: Own, found: Found): void {
  const after = args.insertafter !== undefined && args.insertafter !== 'BOF' && args.insertafter !== 'EOF';
  const before = args.insertbefore !== undefined && args.insertbefore !== 'BOF';
  const pattern = after ? args.insertafter : before ? args.insertbefore : undefined;
  const place = pattern === undefined ? undefined : pythonRegExp(own(pattern));
  for (const [i, line] of lines.entries()) {
    if (wanted === bare(line)) found.line = i;
    else if (place?.test(line) === true) {
      found.insert = after ? i + 1 : i;
      if (args.firstmatch) break;
    }
  }
}

function endedBy(line: string): string {
  return line.endsWith('\n') ? line : `${line}\n`;
}

function insertAt(lines: readonly string[], index: number, line: string): string[] {
  const out = [...lines];
  const last = out.at(-1);
  // A file without a final newline gets one, or two lines would become one.
  if (index >= out.length && last !== undefined && !/[\n\r]$/.test(last)) out[out.length - 1] = `${last}\n`;
  out.splice(index, 0, `${line}\n`);
  return out;
}

/** The text with the line in it. */
export function presentLine(args: LineinfileArgs, text: string, own: Own): Edit {
  const lines = splitLines(text);
  const wanted = own(revealed(args.line ?? '').replace(/\n$/, ''));
  const found = find(args, lines, wanted, own);
  if (found.line !== -1) {
    const expanded = args.backrefs && typeof found.match === 'object' ? expandTemplate(wanted, found.match) : wanted;
    const line = endedBy(expanded);
    if (lines[found.line] === line) return { text, msg: '' };
    lines[found.line] = line;
    return { text: lines.join(''), msg: 'line replaced' };
  }
  if (args.backrefs) return { text, msg: '' };
  const top = args.insertbefore === 'BOF' || args.insertafter === 'BOF';
  const index = top ? 0 : found.insert === -1 ? lines.length : found.insert;
  // A line that is already where the new one would go: the line after `insertafter`, or at `insertbefore`.
  if (!top && found.insert !== -1 && bare(lines[index] ?? '\n') === wanted && index < lines.length) return { text, msg: '' };
  return { text: insertAt(lines, index, wanted).join(''), msg: 'line added' };
}

/** The text without the lines that match. */
export function absentLine(args: LineinfileArgs, text: string, own: Own): Edit {
  const lines = splitLines(text);
  const wanted = args.line === undefined ? undefined : own(revealed(args.line).replace(/\n$/, ''));
  const matches = matcher(args, own) ?? ((line: string) => wanted === bare(line));
  const kept = lines.filter((line) => matches(line) === false);
  const removed = lines.length - kept.length;
  return removed === 0 ? { text, msg: '' } : { text: kept.join(''), msg: `${String(removed)} line(s) removed` };
}
