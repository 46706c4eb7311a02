/** Names against globs and regular expressions, as Python's `fnmatch` and `re.match` would. */
import { RE2JS } from 're2js';
import { badInput } from '../../support/diagnostic.ts';

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

/** The inside of `[…]`: single characters and ranges; a range that runs backwards holds nothing. */
function characterClass(inside: string): string {
  const negated = inside.startsWith('!');
  const chars = Array.from(negated ? inside.slice(1) : inside);
  let body = '';
  for (let i = 0; i < chars.length; i += 1) {
    const first = chars[i] ?? '';
    const last = chars[i + 2];
    if (chars[i + 1] === '-' && last !== undefined) {
      if ((first.codePointAt(0) ?? 0) <= (last.codePointAt(0) ?? 0)) body += `${literal(first)}-${literal(last)}`;
      i += 2;
    } else {
      body += literal(first);
    }
  }
  if (body === '') return negated ? '.' : '(?!)';
  return `[${negated ? '^' : ''}${body}]`;
}

/** A shell glob (`*`, `?`, `[seq]`, `[!seq]`) as a regular expression for the whole name. */
export function globToRegExp(glob: string): RegExp {
  let out = '';
  for (let i = 0; i < glob.length; i += 1) {
    const c = glob.charAt(i);
    if (c === '*') {
      if (!out.endsWith('.*')) out += '.*';
    } else if (c === '?') {
      out += '.';
    } else if (c === '[') {
      const from = i + (glob.charAt(i + 1) === '!' ? 2 : 1);
      const close = glob.indexOf(']', from + (glob.charAt(from) === ']' ? 1 : 0));
      if (close === -1) {
        out += String.raw`\[`;
      } else {
        out += characterClass(glob.slice(i + 1, close));
        i = close;
      }
    } else {
      out += literal(c);
    }
  }
  return new RegExp(`^${out}$`, 's');
}

/**
 * What a host pattern says of a name: `~` begins a regular expression that must match from the start
 * (not to the end), anything else is a glob.
 *
 * @throws Diagnostic (`host-pattern`) for a regular expression that RE2 does not take
 */
export function nameMatcher(pattern: string): (name: string) => boolean {
  if (!pattern.startsWith('~')) {
    const glob = globToRegExp(pattern);
    return (name) => glob.test(name);
  }
  try {
    const regex = RE2JS.compile(pattern.slice(1));
    return (name) => regex.matcher(name).lookingAt();
  } catch (error) {
    throw badInput('host-pattern', `the regular expression of the host pattern ${pattern} is not valid`, {
      detail: error instanceof Error ? error.message : String(error),
      remedy: 'it is read as RE2: without look-around and back references',
      cause: error,
    });
  }
}
