/**
 * Host names as inventories write them: `db[01:12].example.org:2222`. The rules are those of Ansible's
 * `parsing/utils/addresses.py` and `plugins/inventory/__init__.py` (ansible-core 2.14).
 */

/** A whole inventory is far smaller; a typing error such as `[1:1000000000]` is not expanded. */
const MAX_NAMES = 50_000;

const NUMERIC = String.raw`\[(?:[0-9]+:[0-9]+)(?::[0-9]+)?\]`;
const HEXADECIMAL = String.raw`\[(?:[0-9a-f]+:[0-9a-f]+)(?::[0-9]+)?\]`;
const ALPHANUMERIC = String.raw`\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`;
const H = `(?:[0-9a-f]{1,4}|${HEXADECIMAL})`;
const D = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|${NUMERIC})`;
const LABEL = String.raw`(?:[\p{L}\p{N}_]|${ALPHANUMERIC})(?:[\p{L}\p{N}_\-]|${ALPHANUMERIC})*(?<![_\-])`;

const IPV4 = new RegExp(String.raw`^(?:${D}\.){3}${D}$`, 'iu');
const IPV6 = new RegExp(
  `^(?:${[
    `(?:${H}:){7}${H}`,
    `(?:${H}:){1,6}:`,
    `(?:${H}:)(?::${H}){1,6}`,
    `(?:${H}:){2}(?::${H}){1,5}`,
    `(?:${H}:){3}(?::${H}){1,4}`,
    `(?:${H}:){4}(?::${H}){1,3}`,
    `(?:${H}:){5}(?::${H}){1,2}`,
    `(?:${H}:){6}(?::${H})`,
    `:(?::${H}){1,6}`,
    `${H}?::`,
    String.raw`(?:0:){6}(?:${H}\.){3}${H}`,
    String.raw`::(?:ffff:)?(?:${H}\.){3}${H}`,
    String.raw`(?:0:){5}ffff:(?:${H}\.){3}${H}`,
  ].join('|')})$`,
  'iu',
);
const HOSTNAME = new RegExp(String.raw`^${LABEL}(?:\.${LABEL})*$`, 'iu');
const BRACKETED_PORT = /^\[(.+)\]:([0-9]+)$/;
const PORT = /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/;

export interface Address {
  readonly host: string;
  readonly port: number | undefined;
}

/** True for an address rather than a name: its first label is then no short name. */
export function isIpAddress(name: string): boolean {
  return IPV4.test(name) || IPV6.test(name);
}

/**
 * Splits a host with an optional port; the host may hold ranges.
 *
 * @returns undefined when it is no host name or address, with or without ranges
 */
export function parseAddress(text: string): Address | undefined {
  let host = text;
  let port: number | undefined;
  for (const form of [BRACKETED_PORT, PORT]) {
    const match = form.exec(host);
    if (match?.[1] === undefined) continue;
    host = match[1];
    port = Number(match[2]);
  }
  return [IPV4, IPV6, HOSTNAME].some((form) => form.test(host)) ? { host, port } : undefined;
}

/** A range that means nothing; the message says why. */
export class RangeProblem extends Error {
  override readonly name = 'RangeProblem';
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

function integer(text: string): number | undefined {
  return /^[-+]?[0-9]+$/.test(text) ? Number(text) : undefined;
}

function letters(begin: string, end: string, step: number): string[] | undefined {
  const first = LETTERS.indexOf(begin);
  const last = LETTERS.indexOf(end);
  if (first === -1 || last === -1) return undefined;
  if (first > last) throw new RangeProblem(`a range must begin before it ends, not ${begin}:${end}`);
  const out: string[] = [];
  if (step > 0) for (let i = first; i <= last; i += step) out.push(LETTERS.charAt(i));
  return out;
}

function numbers(begin: string, end: string, step: number): string[] {
  const first = integer(begin);
  const last = integer(end);
  if (first === undefined || last === undefined) throw new RangeProblem(`a range runs over numbers or over letters, not from ${begin} to ${end}`);
  const padded = begin.length > 1 && begin.startsWith('0');
  if (padded && begin.length !== end.length) throw new RangeProblem(`both ends of a range with leading zeros must be equally long, not ${begin}:${end}`);
  if (Math.abs(last - first) / Math.abs(step) > MAX_NAMES) throw new RangeProblem(`a range may stand for ${MAX_NAMES} hosts at most`);
  const out: string[] = [];
  for (let n = first; step > 0 ? n <= last : n > last + 1; n += step) out.push(padded ? String(n).padStart(begin.length, '0') : String(n));
  return out;
}

function steps(range: string): string[] {
  const bounds = range.split(':');
  const [begin = '', end = '', by = '1'] = bounds;
  if (bounds.length < 2 || bounds.length > 3) throw new RangeProblem(`a range is written begin:end or begin:end:step, not ${range}`);
  if (end === '') throw new RangeProblem('a range must have an end');
  const step = integer(by);
  if (step === undefined || step === 0) throw new RangeProblem(`the step of a range must be a whole number other than 0, not ${by}`);
  const from = begin === '' ? '0' : begin;
  const out = letters(from, end, step) ?? numbers(from, end, step);
  if (out.length === 0) throw new RangeProblem(`the range ${range} holds nothing`);
  return out;
}

/**
 * Writes a name with ranges out: `db[1:2]` is `db1` and `db2`; several ranges make every combination,
 * the last one running fastest.
 *
 * @throws RangeProblem for a range that means nothing, holds nothing or is far too long
 */
export function expandRanges(name: string): string[] {
  let done: string[] = [''];
  let rest = name;
  for (;;) {
    const open = rest.indexOf('[');
    if (open === -1) break;
    const close = rest.indexOf(']');
    if (close < open) throw new RangeProblem(close === -1 ? 'a [ is not closed' : 'a ] stands before its [');
    const head = rest.slice(0, open);
    const parts = steps(rest.slice(open + 1, close));
    if (done.length * parts.length > MAX_NAMES) throw new RangeProblem(`one name may stand for ${MAX_NAMES} hosts at most`);
    done = done.flatMap((before) => parts.map((part) => before + head + part));
    rest = rest.slice(close + 1);
  }
  return done.map((before) => before + rest);
}

/** The hosts, and the port of all of them, that one key under `hosts:` stands for. */
export function expandHostPattern(pattern: string): { readonly names: readonly string[]; readonly port: number | undefined } {
  const address = parseAddress(pattern);
  return { names: expandRanges(address?.host ?? pattern), port: address?.port };
}
