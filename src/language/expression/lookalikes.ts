/** Conditions written in Jinja's or Python's way, answered with CEL's. */

export interface Advice {
  readonly summary: string;
  readonly remedy: string;
  readonly start: number;
  readonly end: number;
}

const FILTERS: Readonly<Record<string, string>> = {
  bool: 'bool(x), or write the variable alone when it is a boolean',
  default: 'defined(x) ? x : "…", or x.?key.orValue("…") for a part of a map',
  length: 'size(x)',
  count: 'size(x)',
  int: 'int(x)',
  string: 'string(x)',
  float: 'double(x)',
  lower: 'lower(x)',
  upper: 'upper(x)',
  trim: 'trim(x)',
  first: 'x[0]',
  last: 'x[size(x) - 1]',
  from_json: 'from_json(x)',
  map: 'x.map(i, i.name)',
  select: 'x.filter(i, …)',
  selectattr: 'x.filter(i, i.name == …)',
  join: 'join(x, ",")',
  replace: 'replace(x, "old", "new")',
  regex_search: 're(x, "pattern")',
  version: 'version_compare(x, ">=", "1.2")',
};

type Rule = readonly [RegExp, (match: RegExpExecArray) => { readonly summary: string; readonly remedy: string }];

const not = (word: string | undefined): string => (word === undefined ? '' : '!');

const RULES: readonly Rule[] = [
  [/([\w.[\]"']+)\s+is\s+(not\s+)?defined\b/, (m) => ({ summary: 'is defined is Jinja', remedy: `write ${not(m[2])}defined(${m[1] ?? 'x'})` })],
  [/([\w.[\]"']+)\s+is\s+(not\s+)?undefined\b/, (m) => ({ summary: 'is undefined is Jinja', remedy: `write ${m[2] === undefined ? '!' : ''}defined(${m[1] ?? 'x'})` })],
  [/([\w.]+)\s+is\s+(not\s+)?(?:none|None|null)\b/, (m) => ({ summary: 'is none is Jinja', remedy: `write ${m[1] ?? 'x'} ${m[2] === undefined ? '==' : '!='} null` })],
  [/([\w.]+)\s+is\s+(not\s+)?(succeeded|success|failed|failure|changed|change|skipped|skip)\b/, (m) => {
    const key = /^succ/.test(m[3] ?? '') ? 'failed' : (m[3] ?? '').replace(/^fail.*/, 'failed').replace(/^chang.*/, 'changed').replace(/^skip.*/, 'skipped');
    const negative = (m[2] !== undefined) !== /^succ/.test(m[3] ?? '');
    return { summary: `is ${m[3] ?? ''} is Jinja`, remedy: `write ${negative ? '!' : ''}${m[1] ?? 'result'}.${key}` };
  }],
  [/([\w.]+)\s+is\s+(not\s+)?(?:match|search|regex)\b/, (m) => ({ summary: 'tests of Jinja are functions here', remedy: `write ${not(m[2])}re(${m[1] ?? 'x'}, "pattern")` })],
  [/([\w.]+)\s+is\s+(not\s+)?version\b/, (m) => ({ summary: 'tests of Jinja are functions here', remedy: `write ${not(m[2])}version_compare(${m[1] ?? 'x'}, ">=", "1.2")` })],
  [/\bis\s+(not\s+)?\w+/, () => ({ summary: 'is … is Jinja', remedy: 'compare with == and !=, or use defined(x), re(x, "pattern"), type(x) == string' })],
  [/([\w.]+)\s+not\s+in\s+([\w.[\]"']+)/, (m) => ({ summary: 'not in is Jinja', remedy: `write !(${m[1] ?? 'a'} in ${m[2] ?? 'b'})` })],
  [/\bnot\b/, () => ({ summary: 'not is written !', remedy: 'write !x, or !(a && b)' })],
  [/\band\b/, () => ({ summary: 'and is written &&', remedy: 'write a && b' })],
  [/\bor\b/, () => ({ summary: 'or is written ||', remedy: 'write a || b' })],
  [/(?<!\|)\|(?!\|)\s*(\w*)/, (m) => ({ summary: `| ${m[1] ?? ''} is a Jinja filter`, remedy: Object.hasOwn(FILTERS, m[1] ?? '') ? `write ${FILTERS[m[1] ?? ''] ?? ''}` : 'functions are called here: size(x), int(x), lower(x)' })],
  [/[!=]==/, () => ({ summary: 'equality is written == and !=', remedy: 'write a == b' })],
  [/(?<![=!<>])=(?!=)/, () => ({ summary: '= does not compare', remedy: 'write ==' })],
  [/ ~ /, () => ({ summary: '~ does not join texts here', remedy: 'write a + b, with string(n) for numbers' })],
  [/\bif\b.*\belse\b/, () => ({ summary: 'a if b else c is Jinja', remedy: 'write b ? a : c' })],
];

/** What is inside quotes cannot be an operator: blanks of the same length take its place. */
function withoutStrings(text: string): string {
  return text.replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, (s) => `${s[0] ?? ''}${' '.repeat(Math.max(0, s.length - 2))}${s[0] ?? ''}`);
}

/** @returns the first thing in a condition that looks like Jinja, or undefined */
export function explainCondition(text: string): Advice | undefined {
  const bare = withoutStrings(text);
  for (const [pattern, advice] of RULES) {
    const match = pattern.exec(bare);
    if (match === null) continue;
    // The operands in the advice come from the text itself, strings included.
    const original = new RegExp(pattern.source, 'y');
    original.lastIndex = match.index;
    return { ...advice(original.exec(text) ?? match), start: match.index, end: match.index + match[0].length };
  }
  return undefined;
}

/** Python's constants, which CEL takes for variables. */
export const CONSTANTS: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null', none: 'null' };
