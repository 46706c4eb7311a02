/** Errors as a person reads them, on stderr. */
import { Diagnostic, DiagnosticList } from '../support/diagnostic.ts';
import { mappedStack } from '../support/mapped-stack.ts';
import { safeLines } from '../support/terminal-text.ts';
import { packageVersion } from '../support/package-root.ts';
import type { Paint } from './terminal/colour.ts';

/**
 * The text for an error: a Diagnostic with place, frame and remedy; several with their count; anything else as a
 * defect of this program, with the stack that its authors need.
 *
 * @returns lines without a final newline, safe for a terminal; secrets are masked by the output they go to
 */
export function formatError(error: unknown, paint: Paint): string {
  const one = (diagnostic: Diagnostic): string => {
    const [first = '', ...rest] = safeLines(diagnostic.format()).split('\n');
    return [`${paint('red', 'error:')} ${first}`, ...rest].join('\n');
  };
  if (error instanceof Diagnostic) return one(error);
  if (error instanceof DiagnosticList) {
    if (error.list.length === 1) return one(error.list[0]);
    return [...error.list.map(one), `${String(error.list.length)} errors`].join('\n\n');
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : '';
  return [
    `${paint('red', 'defect of care-provision')} ${packageVersion()} (Node ${process.version}): this should not happen, whatever the input.`,
    safeLines(mappedStack(stack + cause)),
    'To do: report it with the text above; run `care-provision validate` to see whether the input is sound.',
  ].join('\n');
}
