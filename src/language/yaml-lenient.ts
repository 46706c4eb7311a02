/**
 * Ansible's parser (libyaml) lets the lines of a quoted value or of a `{…}` or `[…]` stand as far left
 * as they like, and inventories make use of it:
 *
 *     limits: "{{ {
 *       'soft': 1024
 *     } }}"
 *
 * YAML 1.2 wants them further right than the key. Moving such a line right changes no value, since
 * the blanks at its start are never part of one, so this is done and the places are counted back.
 */
import type { Document, YAMLError } from 'yaml';

/** Every repair parses the file again, so there is an end to it. */
const MAX_REPAIRS = 200;

interface Insertion {
  /** Offset in the original text. */
  readonly at: number;
  readonly length: number;
}

export interface LenientResult<D> {
  readonly document: D;
  /** From an offset in the text that was parsed to one in the text that was given. */
  readonly original: (offset: number) => number;
}

function needsMoreIndent(error: YAMLError): boolean {
  return (
    (error.code === 'MISSING_CHAR' && /^Missing closing ["']quote/.test(error.message)) ||
    (error.code === 'BAD_INDENT' && /^Flow (?:map|sequence) in block collection must be sufficiently indented/.test(error.message))
  );
}

/** The start of the line that stands too far left; undefined when there is none. */
function lineToMove(text: string, error: YAMLError): number | undefined {
  const offset = error.pos[0];
  if (text[offset] !== '\n') return text.lastIndexOf('\n', offset - 1) + 1;
  return offset + 1 < text.length ? offset + 1 : undefined;
}

/**
 * Parses, and moves lines to the right for as long as that helps.
 *
 * @param parse the parser, called with the text and with changed copies of it
 * @returns the first document without errors, or that of the unchanged text when there is none
 */
export function parseLeniently<D extends Document>(text: string, parse: (text: string) => D): LenientResult<D> {
  const unchanged: LenientResult<D> = { document: parse(text), original: (offset) => offset };
  const deepest = text.split('\n').reduce((most, line) => Math.max(most, line.length - line.trimStart().length), 0);
  const pad = ' '.repeat(deepest + 2);
  const insertions: Insertion[] = [];
  const original = (offset: number): number => {
    let shift = 0;
    for (const { at, length } of insertions) {
      if (at + shift >= offset) break;
      shift += Math.min(length, offset - at - shift);
    }
    return offset - shift;
  };
  let moved = text;
  let document = unchanged.document;
  for (let repairs = 0; repairs < MAX_REPAIRS; repairs += 1) {
    const [error] = document.errors;
    if (error === undefined) return { document, original };
    const line = needsMoreIndent(error) ? lineToMove(moved, error) : undefined;
    if (line === undefined || moved.startsWith(pad, line)) return unchanged;
    const at = original(line);
    insertions.push({ at, length: pad.length });
    insertions.sort((a, b) => a.at - b.at);
    moved = moved.slice(0, line) + pad + moved.slice(line);
    document = parse(moved);
  }
  return unchanged;
}
