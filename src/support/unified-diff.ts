/** Unified diffs for people, bounded in time and size: a diff explains a change, it must never hold one up. */
import { createTwoFilesPatch } from 'diff';
import { Secret } from './secret.ts';

/** Texts longer than this together (UTF-16 code units) are not compared line by line. */
const LARGEST_COMPARED = 2 * 1024 * 1024;
/** Longest diff shown, in lines. */
const MOST_LINES = 400;
const TIMEOUT_MS = 500;

export interface UnifiedDiffOptions {
  /** Milliseconds that the comparison may take; default 500. */
  readonly timeoutMs?: number;
  /** Lines of the diff that are kept; default 400. */
  readonly maxLines?: number;
}

/**
 * A unified diff of two texts with three lines of context, secrets masked by their type.
 *
 * @param name what stands in the headers: a path or a resource
 * @param before the text now; a secret is never compared
 * @param after the text wanted
 * @returns the diff without a final newline; empty for equal texts; one explaining line when a text is a secret,
 *   binary, too large, or takes too long to compare
 */
export function unifiedDiff(name: string, before: string | Secret, after: string | Secret, options: UnifiedDiffOptions = {}): string {
  if (before instanceof Secret || after instanceof Secret) return `(${name}: secret content is not shown)`;
  if (before === after) return '';
  if (before.includes('\0') || after.includes('\0')) return `(${name}: binary content differs)`;
  if (before.length + after.length > LARGEST_COMPARED) return `(${name}: content differs; too large to compare here)`;
  const patch = createTwoFilesPatch(`before: ${name}`, `after: ${name}`, before, after, undefined, undefined, {
    context: 3,
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  });
  // With a timeout, jsdiff gives undefined when it runs out of time.
  if (patch === undefined) return `(${name}: content differs; the comparison took too long)`;
  const lines = patch.trimEnd().split('\n');
  const most = options.maxLines ?? MOST_LINES;
  if (lines.length <= most) return lines.join('\n');
  return [...lines.slice(0, most), `(${String(lines.length - most)} more lines of this diff are not shown)`].join('\n');
}
