/** Parses templates with Handlebars' own parser, and says in its place what it can only say vaguely. */
import Handlebars from 'handlebars';
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import { offsetOf, spanWithin, type PositionedText } from '../positioned-text.ts';
import type { ContentNode, ProgramNode, StatementNode } from './ast.ts';
import { explainMustache, jinjaInText } from './lookalikes.ts';
import { parsePlain } from './plain.ts';
import { templateProblem } from './problems.ts';

/** Its own environment, so that nothing another user of the library registers reaches ours. */
const handlebars = Handlebars.create();

const CACHE_LIMIT = 10_000;
const cache = new Map<string, ProgramNode>();

/** Longest template taken, in UTF-16 units; configuration files are far smaller. */
const LONGEST = 4 * 1024 * 1024;

/** @throws Diagnostic bad-input `template-syntax` or `jinja-syntax` at the right place */
export function parseTemplate(source: PositionedText): ProgramNode {
  const known = cache.get(source.text);
  if (known !== undefined) return known;
  if (source.text.length > LONGEST) throw badInput('template-too-long', 'the template is longer than 4 MiB', { span: spanWithin(source, 0, 1), remedy: 'use copy for files that are not templates' });
  let program: ProgramNode;
  try {
    // The shape is Handlebars' documented syntax tree; `ast.ts` describes it node by node.
    program = parsePlain(source.text) ?? (handlebars.parse(source.text) as unknown as ProgramNode);
  } catch (error) {
    throw syntaxProblem(source, error);
  }
  refuseJinja(source, program.body);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(source.text, program);
  return program;
}

function refuseJinja(source: PositionedText, body: readonly StatementNode[]): void {
  for (const node of body) {
    if (node.type === 'ContentStatement') refuseJinjaIn(source, node);
    if (node.type !== 'BlockStatement' || node.openStrip.open === undefined) continue;
    refuseJinja(source, node.program?.body ?? []);
    refuseJinja(source, node.inverse?.body ?? []);
  }
}

function refuseJinjaIn(source: PositionedText, node: ContentNode): void {
  const found = jinjaInText(node.value);
  if (found === undefined) return;
  const from = offsetOf(source.text, node.loc.start.line, node.loc.start.column);
  const at = source.text.indexOf(node.value.slice(found.offset, found.offset + found.length), from);
  throw badInput('jinja-syntax', found.summary, { remedy: found.remedy, span: spanWithin(source, Math.max(at, from), Math.max(at, from) + found.length) });
}

function syntaxProblem(source: PositionedText, error: unknown): Diagnostic {
  const message = error instanceof Error ? error.message : String(error);
  const position = error instanceof Error && 'lineNumber' in error && 'column' in error ? { line: error.lineNumber, column: error.column } : undefined;
  if (typeof position?.line === 'number' && typeof position.column === 'number') {
    const start = { line: position.line, column: position.column };
    const summary = message.replace(/ - \d+:\d+$/, '').replace(/^(\S+) doesn't match (\S+)$/, 'the block {{#$1}} is closed by {{/$2}}');
    return templateProblem(source, { start, end: { line: start.line, column: start.column + 1 } }, 'template-syntax', summary, { cause: error });
  }
  const offset = jisonOffset(source.text, message);
  const got = /got '(\w+)'/.exec(message)?.[1];
  const expected = /Expecting (.*), got/s.exec(message)?.[1] ?? '';
  const open = source.text.lastIndexOf('{{', Math.max(0, offset));
  const close = open === -1 ? -1 : source.text.indexOf('}}', open);
  const inner = open === -1 || close === -1 ? undefined : source.text.slice(open, close).replace(/^\{+[~#/^&]*/, '');
  const hint = inner === undefined ? undefined : explainMustache(inner);
  const unclosed = got === 'EOF' && expected.includes('OPEN_ENDBLOCK');
  const summary = hint?.summary ?? (unclosed ? 'a block is not closed before the end' : open !== -1 && close === -1 ? 'braces are opened and not closed' : 'this is not a template expression');
  const remedy = hint?.remedy ?? (unclosed ? 'add the missing {{/…}}' : 'to print braces as they are, write \\{{ … }} or put the text between {{{{raw}}}} and {{{{/raw}}}}');
  return badInput('template-syntax', summary, { remedy, span: spanWithin(source, offset, offset + 1), cause: error });
}

/**
 * Jison tells the line, and draws a marker under the 20 characters before and after the trouble, without
 * their line breaks. The place is where the text reads like that.
 */
function jisonOffset(text: string, message: string): number {
  const [head = '', picture = '', marker = ''] = message.split('\n');
  const line = Number(/line (\d+)/.exec(head)?.[1] ?? 1);
  const column = marker.indexOf('^');
  const past = picture.slice(0, column).replace(/^\.\.\./, '');
  const next = picture.slice(column).replace(/\.\.\.$/, '');
  const from = offsetOf(text, Math.max(1, line - 1), 0);
  for (let at = from; at <= text.length; at += 1) {
    const before = text.slice(Math.max(0, at - 40), at).replaceAll('\n', '');
    const after = text.slice(at, at + 40).replaceAll('\n', '');
    if (before.endsWith(past) && after.startsWith(next) && (next !== '' || at === text.length)) {
      // Blanks belong to the token before: point at the character that is wrong.
      return at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
    }
  }
  return from;
}
