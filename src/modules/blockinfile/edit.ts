/** The edit itself, as Ansible's blockinfile.py does it, on text. */
import { revealed } from '../../support/secret.ts';
import { splitLines, type Edit } from '../common/edit-file.ts';
import { pythonRegExp } from '../common/python-regexp.ts';
import type { BlockinfileArgs } from './schema.ts';

type Own = (text: string) => string;

/** The last line that is `marker`, with or without its newline. */
function lastIndex(lines: readonly string[], marker: string): number {
  return lines.findLastIndex((line) => line.replace(/\n$/, '') === marker);
}

/** Where a block that is not there yet goes. */
function place(args: BlockinfileArgs, lines: readonly string[], own: Own): number {
  const { insertafter: after, insertbefore: before } = args;
  if (before === 'BOF') return 0;
  const expression = after !== undefined && after !== 'EOF' ? after : before;
  if (expression === undefined) return lines.length;
  const pattern = pythonRegExp(own(expression));
  const found = lines.findLastIndex((line) => pattern.test(line));
  if (found === -1) return lines.length;
  return after === undefined ? found : found + 1;
}

/** The lines of the block with its markers; none when it is to be gone. */
function blockLines(args: BlockinfileArgs, begin: string, end: string, own: Own): readonly string[] {
  const text = own(revealed(args.content ?? args.block));
  if (args.state === 'absent' || text === '') return [];
  return [`${begin}\n`, ...splitLines(text.endsWith('\n') ? text : `${text}\n`), `${end}\n`];
}

/** The text with the block in it as wanted, or without it. */
export function editBlock(args: BlockinfileArgs, text: string, own: Own): Edit {
  const lines = splitLines(text);
  const begin = own(args.marker.replaceAll('{mark}', args.marker_begin));
  const end = own(args.marker.replaceAll('{mark}', args.marker_end));
  const block = blockLines(args, begin, end, own);
  const from = lastIndex(lines, begin);
  const to = lastIndex(lines, end);
  const there = from !== -1 && to !== -1;
  let at = there ? Math.min(from, to) : place(args, lines, own);
  if (there) lines.splice(at, Math.abs(to - from) + 1);
  const above = lines[at - 1];
  if (above !== undefined && !above.endsWith('\n') && (block.length > 0 || at < lines.length)) lines[at - 1] = `${above}\n`;
  if (args.prepend_newline && args.state === 'present' && at > 0 && lines[at - 1] !== '\n') {
    lines.splice(at, 0, '\n');
    at += 1;
  }
  lines.splice(at, 0, ...block);
  const below = at + block.length;
  if (args.append_newline && args.state === 'present' && below < lines.length && lines[below] !== '\n') lines.splice(below, 0, '\n');
  const after = lines.join('');
  return { text: after, msg: after === text ? '' : block.length === 0 ? 'block removed' : there ? 'block replaced' : 'block inserted' };
}
