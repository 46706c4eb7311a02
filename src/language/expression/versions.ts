/** Order of version numbers, for `version_compare`. */

/** Words that come before the release that they lead to (PEP 440 and SemVer 2.0.0, 11 agree on these). */
const BEFORE_RELEASE = ['dev', 'alpha', 'a', 'beta', 'b', 'pre', 'preview', 'rc'];

function parts(version: string): (number | string)[] {
  return (version.trim().replace(/^v(?=\d)/i, '').replace(/\+.*$/, '').match(/\d+|[a-z]+|~/gi) ?? []).map((p) => (/^\d+$/.test(p) ? Number(p) : p.toLowerCase()));
}

/** Rank of a part against the end of a version: words such as rc come before it, everything else after. */
function rank(part: number | string | undefined): number {
  if (part === undefined) return 1;
  if (typeof part === 'number') return 3;
  if (part === '~') return 0;
  return BEFORE_RELEASE.includes(part) ? 0.5 : 2;
}

function compareWords(a: string, b: string): number {
  const order = BEFORE_RELEASE.indexOf(a) - BEFORE_RELEASE.indexOf(b);
  if (BEFORE_RELEASE.includes(a) && BEFORE_RELEASE.includes(b)) return Math.sign(order);
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Numbers by size, `1.2` equal to `1.2.0`, `1.2-rc1` and `1.2~x` before `1.2`; a leading `v` and build
 * data after `+` do not count.
 *
 * @returns -1, 0 or 1
 */
export function compareVersions(left: string, right: string): number {
  const a = parts(left);
  const b = parts(right);
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    // A missing number counts as 0, where the other version has a number.
    const x = a[i] ?? (typeof b[i] === 'number' ? 0 : undefined);
    const y = b[i] ?? (typeof a[i] === 'number' ? 0 : undefined);
    if (typeof x === 'number' && typeof y === 'number') {
      if (x !== y) return x < y ? -1 : 1;
      continue;
    }
    if (rank(x) !== rank(y)) return rank(x) < rank(y) ? -1 : 1;
    if (typeof x === 'string' && typeof y === 'string') {
      const order = compareWords(x, y);
      if (order !== 0) return order;
    }
  }
  return 0;
}

const OPERATORS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (o) => o < 0, lt: (o) => o < 0,
  '<=': (o) => o <= 0, le: (o) => o <= 0,
  '==': (o) => o === 0, eq: (o) => o === 0,
  '!=': (o) => o !== 0, ne: (o) => o !== 0,
  '>=': (o) => o >= 0, ge: (o) => o >= 0,
  '>': (o) => o > 0, gt: (o) => o > 0,
};

/** @returns undefined for an operator that is none */
export function versionHolds(left: string, operator: string, right: string): boolean | undefined {
  const holds = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  return holds?.(compareVersions(left, right));
}
