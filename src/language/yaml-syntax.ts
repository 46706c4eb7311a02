/** What the YAML parser reports, said so that somebody at 3 a.m. knows what to do. */
import { isMap, isScalar, type YAMLMap, type YAMLError } from 'yaml';
import { badInput, type Diagnostic } from '../support/diagnostic.ts';
import type { SourceFile } from '../support/source.ts';

const TEMPLATE_START = /(?:^|[:-]\s+)(\{\{.*)$/;

function lineOf(file: SourceFile, offset: number): { readonly start: number; readonly text: string } {
  const start = file.text.lastIndexOf('\n', offset - 1) + 1;
  const end = file.text.indexOf('\n', offset);
  return { start, text: file.text.slice(start, end === -1 ? undefined : end) };
}

/** The refusal of `key: {{ x }}`, with the line as it has to be. */
export function unquotedTemplate(file: SourceFile, start: number, end: number): Diagnostic {
  const line = lineOf(file, start);
  const value = line.text.slice(start - line.start).replace(/\s+#.*$/, '').trimEnd();
  return badInput('unquoted-template', 'a value that begins with {{ must be quoted', {
    detail: 'without quotes YAML takes the braces for a map',
    span: { file, start, end },
    remedy: value.includes('"') ? `write '${value}'` : `write "${value}"`,
  });
}

/** True for the map that YAML makes of `{{ x }}`: its only key is a map, without a value. */
export function isTemplateMap(node: YAMLMap): boolean {
  const [first] = node.items;
  if (node.flow !== true || first === undefined || node.items.length !== 1) return false;
  const value: unknown = first.value;
  const empty = value === null || value === undefined || (isScalar(value) && (value.source ?? '') === '');
  return isMap(first.key) && first.key.flow === true && empty;
}

interface Explanation {
  readonly summary: string;
  readonly detail?: string;
  readonly remedy?: string;
}

function explain(error: YAMLError): Explanation {
  const code: string = error.code;
  switch (code) {
    case 'TAB_AS_INDENT':
      return { summary: 'a tab stands where YAML wants spaces', remedy: 'indent with spaces' };
    case 'MULTIPLE_DOCS':
      return { summary: 'the file holds more than one YAML document', remedy: 'remove the second ---, or split the file' };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return { summary: 'a value holds ": ", which begins a map', detail: error.message, remedy: 'quote the whole value, or put the map on lines of its own' };
    case 'RESOURCE_EXHAUSTION':
      return { summary: 'the YAML is nested too deeply' };
    case 'MISSING_CHAR':
      if (!/^Missing closing ["']quote/.test(error.message)) return { summary: `not valid YAML: ${error.message}` };
      return { summary: 'a quoted value is not closed', detail: 'if it goes on in the next line, that line must stand further right than the key' };
    case 'BAD_INDENT':
      return { summary: 'the indentation fits no line above', detail: error.message };
    case 'BAD_SCALAR_START':
      return { summary: 'a value cannot begin like this without quotes', detail: error.message, remedy: 'quote the value' };
    default:
      return { summary: `not valid YAML: ${error.message}` };
  }
}

/** One parser error or warning as a {@link Diagnostic}. */
export function syntaxError(file: SourceFile, error: YAMLError): Diagnostic {
  const [start, end] = error.pos;
  const line = lineOf(file, start);
  const template = TEMPLATE_START.exec(line.text.replace(/^\s*/, (blank) => ' '.repeat(blank.length)));
  if (template?.[1] !== undefined) {
    const at = line.start + line.text.indexOf('{{', template.index);
    return unquotedTemplate(file, at, at + template[1].length);
  }
  return badInput('yaml-syntax', explain(error).summary, {
    span: { file, start, end: Math.max(end, start + 1) },
    detail: explain(error).detail,
    remedy: explain(error).remedy,
  });
}
