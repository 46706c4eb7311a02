/** Errors in templates, with their places. */
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import { offsetOf, spanWithin, type PositionedText } from '../positioned-text.ts';
import type { Loc } from './ast.ts';

export interface ProblemText {
  readonly detail?: string | undefined;
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

/** A diagnostic at a node of the template. */
export function templateProblem(source: PositionedText, loc: Loc, code: string, summary: string, more: ProblemText = {}): Diagnostic {
  const start = offsetOf(source.text, loc.start.line, loc.start.column);
  const end = offsetOf(source.text, loc.end.line, loc.end.column);
  return badInput(code, summary, { ...more, span: spanWithin(source, start, end) });
}

/** What a helper throws when its arguments are not what it takes; the caller adds the place. Never holds a value. */
export class HelperProblem extends Error {
  override readonly name = 'HelperProblem';
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string) {
    super(message);
    this.remedy = remedy;
  }
}
