/** The nearest known name to a misspelt one, for "did you mean" in errors. */

/** Edits (insert, delete, replace, swap of neighbours) between two words. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

function commonPrefix(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n += 1;
  return n;
}

/**
 * @param word what the user wrote
 * @param known the names that would have been right
 * @returns the closest known name, or undefined when none is close (more than a third of the word differs)
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const d = distance(word.toLowerCase(), candidate.toLowerCase());
    // Of equally near names the one that begins alike: people rarely get the first letters wrong.
    if (d < bestDistance || (d === bestDistance && best !== undefined && commonPrefix(word, candidate) > commonPrefix(word, best))) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** `did you mean NAME?`, or a list of the known names when they are few, or undefined. */
export function suggestion(word: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  const close = nearest(word, names);
  if (close !== undefined) return `did you mean ${close}?`;
  if (names.length > 0 && names.length <= 12) return `known are: ${names.join(', ')}`;
  return undefined;
}
