/** Which paths match a shell pattern. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { lines } from './path-key.ts';

/** Matches that are told; a guard needs only to know whether there is one. */
const LIMIT = 100;

/** Whether a path holds `*`, `?` or `[`, and so stands for many. */
export function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** The pattern for sh: everything quoted but `*`, `?` and bracket expressions. */
function unquotedPattern(pattern: string): string {
  return pattern
    .split(/(\*|\?|\[[!^]?\]?[^\]/]*\])/)
    .map((part, i) => (part === '' ? '' : i % 2 === 0 ? quote(part) : part.startsWith('[') ? part.replaceAll(/[^\w[\]!^.:-]/g, (c) => `\\${c}`) : part))
    .join('');
}

/** Key: an absolute pattern as sh reads it. Fact: the first matches (links count even when they dangle), sorted. */
export const pathGlob = defineQuery<string, readonly string[]>({
  name: 'glob',
  id: (pattern) => pattern,
  describe: (pattern) => `paths like ${pattern}`,
  probe: (patterns) =>
    patterns
      .map(
        (p) =>
          `n=0\nfor p in ${unquotedPattern(p)}; do\nif [ -e "$p" ] || [ -L "$p" ]; then printf '%s\\n' "$p"; n=$((n + 1)); fi\n[ $n -lt ${String(LIMIT)} ] || break\ndone\ncare_mark`,
      )
      .join('\n'),
  parse: (patterns, output) => patterns.map((_, i) => lines(i === 0 ? output.head : (output.sections[i - 1] ?? Buffer.alloc(0)))),
  volatile: true,
});
