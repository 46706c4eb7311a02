/**
 * What an unquoted word of YAML means. Two readings: YAML 1.2's core schema, made strict where people
 * are misled, and PyYAML's YAML 1.1, which is what Ansible reads its inventories with.
 */
import type { Scalar } from '../support/value.ts';

/** A word's value, or why it has none. */
export type ScalarResult =
  | { readonly ok: true; readonly value: Scalar }
  | { readonly ok: false; readonly code: string; readonly summary: string; readonly detail?: string; readonly remedy: string };

const ok = (value: Scalar): ScalarResult => ({ ok: true, value });

const quoteIt = (text: string): string => `quote it if text is meant: "${text}"`;

function integer(source: string, exact: bigint): ScalarResult {
  const value = Number(exact);
  if (Number.isSafeInteger(value)) return ok(value);
  return {
    ok: false,
    code: 'integer-too-large',
    summary: `${source} is too large to be kept exactly as a number`,
    detail: 'numbers are exact up to 9007199254740991 (2^53 - 1)',
    remedy: `quote it: "${source}"`,
  };
}

function signed(source: string, parse: (digits: string) => bigint): ScalarResult {
  const negative = source.startsWith('-');
  const digits = source.replace(/^[-+]/, '').replaceAll('_', '');
  const exact = parse(digits);
  return integer(source, negative ? -exact : exact);
}

/** YAML 1.2.2, 10.3.2 "Tag Resolution" of the core schema; the refusals are this program's own. */
export function resolveStrict(text: string): ScalarResult {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return ok(null);
  if (/^(?:true|True|TRUE)$/.test(text)) return ok(true);
  if (/^(?:false|False|FALSE)$/.test(text)) return ok(false);
  if (/^[-+]?0[0-9]+$/.test(text)) {
    return {
      ok: false,
      code: 'ambiguous-number',
      summary: `${text} is octal to some readers of YAML and decimal to others`,
      detail: `YAML 1.2 reads it as ${String(Number(text))}; YAML 1.1 as octal`,
      remedy: `quote it: "${text}"`,
    };
  }
  if (/^[-+]?[0-9]+$/.test(text)) return signed(text, BigInt);
  if (/^0o[0-7]+$/.test(text) || /^0x[0-9a-fA-F]+$/.test(text)) return integer(text, BigInt(text));
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return finite(text, Number(text));
  if (/^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/.test(text)) {
    return { ok: false, code: 'not-a-finite-number', summary: `${text} is not a number that can be used here`, remedy: quoteIt(text) };
  }
  return ok(text);
}

function finite(text: string, value: number): ScalarResult {
  if (Number.isFinite(value)) return ok(value);
  return { ok: false, code: 'not-a-finite-number', summary: `${text} is too large for a number`, remedy: quoteIt(text) };
}

const BOOL_11 = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const INT_11 =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const FLOAT_11 =
  /^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const TIMESTAMP_11 =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?$/;

function sexagesimal<T>(text: string, digit: (part: string) => T, add: (sum: T, part: T) => T): T {
  const [first = '0', ...rest] = text.split(':');
  return rest.reduce((sum, part) => add(sum, digit(part)), digit(first));
}

/** PyYAML's `resolver.py` and `constructor.py` (6.0), as Ansible's loader uses them. */
export function resolveAnsible(text: string): ScalarResult {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return ok(null);
  if (BOOL_11.test(text)) return ok(/^(?:yes|true|on)$/i.test(text));
  if (INT_11.test(text)) {
    if (!/[0-9a-fA-F]/.test(text.replace(/^[-+]?0[bx]/, ''))) return unreadable(text, 'integer');
    return signed(text, (digits) => {
      if (/^0[bx]/.test(digits)) return BigInt(digits);
      if (/^0./.test(digits)) return BigInt(`0o${digits}`);
      return sexagesimal(digits, BigInt, (sum, part) => sum * 60n + part);
    });
  }
  if (FLOAT_11.test(text)) {
    const sign = text.startsWith('-') ? -1 : 1;
    const plain = text.replace(/^[-+]/, '').replaceAll('_', '').toLowerCase();
    if (plain === '.inf') return ok(sign * Infinity);
    if (plain === '.nan') return ok(NaN);
    if (plain === '.') return unreadable(text, 'number');
    return ok(sign * sexagesimal(plain, Number, (sum, part) => sum * 60 + part));
  }
  const date = /^\d{4}-/.test(text) ? TIMESTAMP_11.exec(text) : null;
  if (date !== null && (date[4] !== undefined || text.length === 10)) return timestamp(text, date);
  if (text === '=') return { ok: false, code: 'unreadable-scalar', summary: 'a lone = has no value in Ansible\'s YAML', remedy: 'quote it: "="' };
  return ok(text);
}

function unreadable(text: string, kind: string): ScalarResult {
  return { ok: false, code: 'unreadable-scalar', summary: `${text} looks like a${kind === 'integer' ? 'n' : ''} ${kind} and is none`, remedy: `quote it: "${text}"` };
}

/** Ansible prints dates and times in ISO 8601 (Python's `isoformat`), so that text is their value here. */
function timestamp(text: string, match: RegExpExecArray): ScalarResult {
  const part = (i: number): number => Number(match[i] ?? 0);
  const two = (n: number): string => String(n).padStart(2, '0');
  const days = new Date(Date.UTC(2000, part(2), 0));
  days.setUTCFullYear(part(1), part(2), 0);
  const valid = part(1) >= 1 && part(2) >= 1 && part(2) <= 12 && part(3) >= 1 && part(3) <= days.getUTCDate() && part(4) <= 23 && part(5) <= 59 && part(6) <= 59;
  if (!valid) {
    return { ok: false, code: 'unreadable-scalar', summary: `${text} looks like a date, and there is no such day or time`, remedy: `quote it: "${text}"` };
  }
  const day = `${match[1] ?? ''}-${two(part(2))}-${two(part(3))}`;
  if (match[4] === undefined) return ok(day);
  const micros = (match[7] ?? '').slice(0, 6).padEnd(6, '0');
  const zone = match[9] === undefined ? (match[8] === undefined ? '' : '+00:00') : zoneOf(match[9], part(10), part(11));
  return ok(`${day}T${two(part(4))}:${match[5] ?? ''}:${match[6] ?? ''}${micros === '000000' ? '' : `.${micros}`}${zone}`);
}

function zoneOf(sign: string, hours: number, minutes: number): string {
  const zero = hours === 0 && minutes === 0;
  return `${zero ? '+' : sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
}

/** The unquoted words of a JSON document, which Ansible reads with Python's JSON parser. */
export function resolveJson(text: string): ScalarResult {
  if (text === 'null') return ok(null);
  if (text === 'true' || text === 'false') return ok(text === 'true');
  if (/^-?[0-9]+$/.test(text)) return signed(text, BigInt);
  return finite(text, Number(text));
}

/** True for the words that YAML 1.1, and so Ansible, reads as a truth value and YAML 1.2 as text. */
export function isOldBoolean(text: string): boolean {
  return /^(?:y|n|yes|no|on|off)$/i.test(text);
}

/**
 * For errors such as "must be true or false": what somebody who wrote `yes` has to know.
 *
 * @returns a sentence, or undefined when the value is no such word
 */
export function booleanHint(value: unknown): string | undefined {
  if (typeof value !== 'string' || !isOldBoolean(value)) return undefined;
  return `YAML 1.2 reads ${value} as a string: write ${/^(?:y|yes|on)$/i.test(value) ? 'true' : 'false'}`;
}
