/**
 * The quick way for what most templates are: text with plain `{{ variables }}`. Handlebars' own parser takes 1 ms for
 * 2 KB of that, which is the largest part of a run on a converged host; this one gives the very same tree
 * (test/unit/language/template/plain.test.ts holds the two to each other) and leaves everything else to the other.
 */
import type { Loc, MustacheNode, ProgramNode, StatementNode } from './ast.ts';

const MUSTACHE = /\{\{([ \t]*)([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[ \t]*\}\}(?!\})/g;

/** Words that Handlebars reads as something else than the name of a variable, alone or in a path. */
const RESERVED = /(?:^|\.)(?:true|false|null|undefined|this|else|as)(?:\.|$)/;

class Places {
  readonly #text: string;
  #offset = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The place of an offset; offsets must not go back. */
  at(offset: number): Loc['start'] {
    for (let at = this.#text.indexOf('\n', this.#offset); at !== -1 && at < offset; at = this.#text.indexOf('\n', at + 1)) {
      this.#line += 1;
      this.#lineStart = at + 1;
    }
    this.#offset = offset;
    return { line: this.#line, column: offset - this.#lineStart };
  }
}

/** @returns the tree that Handlebars would give; undefined for a template with anything but text and plain variables */
export function parsePlain(text: string): ProgramNode | undefined {
  // Line breaks with CR are counted differently; an empty template has no places at all.
  if (text === '' || text.includes('\r')) return undefined;
  const places = new Places(text);
  const body: StatementNode[] = [];
  let from = 0;
  const content = (to: number): boolean => {
    if (to === from) return true;
    const value = text.slice(from, to);
    // A backslash escapes the mustache after it; one brace more makes it another kind.
    if (value.includes('{{') || (to < text.length && /[\\{]$/.test(value))) return false;
    // Handlebars' nodes have `original` as well; nothing here reads it, and the tree is the same with it.
    const node: StatementNode & { readonly original: string } = { type: 'ContentStatement', original: value, value, loc: { start: places.at(from), end: places.at(to) } };
    body.push(node);
    return true;
  };
  for (const match of text.matchAll(MUSTACHE)) {
    const [whole, space = '', original = ''] = match;
    if (RESERVED.test(original) || !content(match.index)) return undefined;
    const start = places.at(match.index);
    const nameStart = places.at(match.index + 2 + space.length);
    const nameEnd = { line: nameStart.line, column: nameStart.column + original.length };
    from = match.index + whole.length;
    const node: MustacheNode & { readonly escaped: boolean; readonly strip: object } = {
      type: 'MustacheStatement',
      path: { type: 'PathExpression', data: false, depth: 0, parts: original.split('.'), original, loc: { start: nameStart, end: nameEnd } },
      params: [],
      escaped: true,
      strip: { open: false, close: false },
      loc: { start, end: places.at(from) },
    };
    body.push(node);
  }
  if (!content(text.length)) return undefined;
  return { type: 'Program', body };
}
