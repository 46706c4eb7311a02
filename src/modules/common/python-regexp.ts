/**
 * Python's regular expressions (https://docs.python.org/3/library/re.html) as JavaScript's, so that tasks
 * written for Ansible match what they matched there. What has no exact counterpart is refused.
 */
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';

export interface PythonFlags {
  readonly multiline?: boolean;
  readonly dotAll?: boolean;
}

/** Letters that mean the same after a backslash in both languages. */
const SHARED_ESCAPES = /[dDwWsSbBnrtfv]/;

interface State {
  readonly source: string;
  multiline: boolean;
  dotAll: boolean;
  ignoreCase: boolean;
}

function refused(source: string, why: string): Diagnostic {
  return badInput('bad-regexp', `the regular expression ${JSON.stringify(source)} ${why}`);
}

/** `(?im)` at the start; Python allows them nowhere else. */
function leadingFlags(state: State): number {
  const found = /^\(\?([aiLmsux]+)\)/.exec(state.source);
  if (found === null) return 0;
  for (const flag of found[1] ?? '') {
    if (flag === 'i') state.ignoreCase = true;
    else if (flag === 'm') state.multiline = true;
    else if (flag === 's') state.dotAll = true;
    else if (flag === 'x' || flag === 'L') throw refused(state.source, `uses the flag ${flag}, which is not supported`);
  }
  return found[0].length;
}

function escapeSequence(state: State, c: string, inClass: boolean): string {
  if (SHARED_ESCAPES.test(c)) return `\\${c}`;
  if (c === 'A' && !inClass) return '(?<![^])';
  if (c === 'Z' && !inClass) return '(?![^])';
  if (c === 'a') return '\\x07';
  if (c === '0') return '\\x00';
  if (/[1-9]/.test(c)) return `\\${c}`;
  if (c === 'x' || c === 'u') return `\\${c}`;
  if (/[A-Za-z]/.test(c)) throw refused(state.source, `has the unknown escape \\${c}`);
  return literal(c);
}

function literal(c: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(c) ? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}` : c;
}

/** A `[…]` class from its bracket on. @returns the translation and where it ends */
function characterClass(state: State, start: number): readonly [string, number] {
  let i = start + 1;
  let out = '[';
  if (state.source[i] === '^') {
    out += '^';
    i += 1;
  }
  for (let first = true; i < state.source.length; first = false) {
    const c = state.source.charAt(i);
    if (c === ']' && !first) return [`${out}]`, i + 1];
    if (c === '\\') {
      out += escapeSequence(state, state.source.charAt(i + 1), true);
      i += 2;
    } else {
      out += c === '-' ? '-' : literal(c);
      i += 1;
    }
  }
  throw refused(state.source, 'has an unclosed [');
}

/** What opens a group. @returns the translation and where it ends */
function groupOpening(state: State, i: number): readonly [string, number] {
  const rest = state.source.slice(i);
  const named = /^\(\?P<([A-Za-z_]\w*)>/.exec(rest);
  if (named !== null) return [`(?<${named[1] ?? ''}>`, i + named[0].length];
  const back = /^\(\?P=([A-Za-z_]\w*)\)/.exec(rest);
  if (back !== null) return [`\\k<${back[1] ?? ''}>`, i + back[0].length];
  const comment = /^\(\?#[^)]*\)/.exec(rest);
  if (comment !== null) return ['', i + comment[0].length];
  const plain = /^\(\?(:|=|!|<=|<!)/.exec(rest);
  if (plain !== null) return [plain[0], i + plain[0].length];
  if (rest.startsWith('(?')) throw refused(state.source, `uses ${rest.slice(0, 4)}…, which is not supported`);
  return ['(', i + 1];
}

function anchorOrDot(state: State, c: string): string {
  if (c === '.') return state.dotAll ? '[^]' : '[^\\n]';
  if (c === '^') return state.multiline ? '(?<![^\\n])' : '(?<![^])';
  // Python's $ also matches before a final newline.
  return state.multiline ? '(?![^\\n])' : '(?=\\n?(?![^]))';
}

function translate(state: State): string {
  let out = '';
  let i = leadingFlags(state);
  while (i < state.source.length) {
    const c = state.source.charAt(i);
    if (c === '\\') {
      if (i + 1 === state.source.length) throw refused(state.source, 'ends with a backslash');
      out += escapeSequence(state, state.source.charAt(i + 1), false);
      i += 2;
    } else if (c === '[') {
      const [text, end] = characterClass(state, i);
      out += text;
      i = end;
    } else if (c === '(') {
      const [text, end] = groupOpening(state, i);
      out += text;
      i = end;
    } else if (c === '.' || c === '^' || c === '$') {
      out += anchorOrDot(state, c);
      i += 1;
    } else if (c === '{') {
      const quantifier = /^\{(\d*)(,?)(\d*)\}/.exec(state.source.slice(i));
      // Anything else in braces is text to Python.
      const counts = quantifier !== null && (quantifier[1] !== '' || quantifier[3] !== '');
      out += counts ? `{${quantifier[1] === '' ? '0' : (quantifier[1] ?? '0')}${quantifier[2] ?? ''}${quantifier[3] ?? ''}}` : literal(c);
      i += counts ? quantifier[0].length : 1;
    } else {
      out += c === '}' || c === ']' ? literal(c) : c;
      i += 1;
    }
  }
  return out;
}

/**
 * @param source what the task says, for Python's `re`
 * @param extra JavaScript flags such as `g`
 * @throws Diagnostic bad-input that says what is wrong with it
 */
export function pythonRegExp(source: string, flags: PythonFlags = {}, extra = ''): RegExp {
  const state: State = { source, multiline: flags.multiline ?? false, dotAll: flags.dotAll ?? false, ignoreCase: false };
  const text = translate(state);
  try {
    return new RegExp(text, `u${state.ignoreCase ? 'i' : ''}${extra}`);
  } catch (error) {
    throw refused(source, `is not valid: ${error instanceof Error ? error.message.replace(/^Invalid regular expression: \/.*\/[a-z]*: /s, '') : String(error)}`);
  }
}

const CONTROL: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07', b: '\b' };

function groupText(template: string, match: RegExpExecArray, name: string): string {
  if (/^\d+$/.test(name)) {
    const index = Number(name);
    if (index >= match.length) throw badInput('no-such-group', `${JSON.stringify(template)} speaks of group ${name}, which the regular expression has not`);
    return match[index] ?? '';
  }
  if (match.groups === undefined || !(name in match.groups)) throw badInput('no-such-group', `${JSON.stringify(template)} speaks of group ${name}, which the regular expression has not`);
  return match.groups[name] ?? '';
}

/**
 * A match put into a replacement as Python's `match.expand` does: `\1`, `\g<1>`, `\g<name>`, `\n` and the like.
 *
 * @throws Diagnostic bad-input for a group that there is not
 */
export function expandTemplate(template: string, match: RegExpExecArray): string {
  return template.replaceAll(/\\(?:g<(\w+)>|([1-9]\d?)|0|([^]))/g, (whole: string, named: string | undefined, number: string | undefined, other: string | undefined) => {
    if (named !== undefined) return groupText(template, match, named);
    if (number !== undefined) return groupText(template, match, number);
    if (other === undefined) return '\0';
    if (other === '\\') return '\\';
    const control = CONTROL[other];
    if (control !== undefined) return control;
    if (/[A-Za-z]/.test(other)) throw badInput('bad-escape', `${JSON.stringify(template)} has the unknown escape ${whole}`);
    return whole;
  });
}
