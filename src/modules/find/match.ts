/** Which entries a `find` task means: names, age, size, type. */
import { baseName } from '../../host/kinds/path-key.ts';
import type { TreeEntry } from '../../host/kinds/tree.ts';
import { pythonRegExp } from '../common/python-regexp.ts';
import type { FindArgs } from './schema.ts';

/** A shell pattern as Python's fnmatch reads it. */
export function globRegExp(pattern: string): RegExp {
  let out = '';
  for (let i = 0; i < pattern.length; i += 1) {
    const c = pattern.charAt(i);
    const end = c === '[' ? pattern.indexOf(']', i + (pattern.charAt(i + 1) === '!' ? 3 : 2)) : -1;
    if (c === '*') out += '[^]*';
    else if (c === '?') out += '[^]';
    else if (end !== -1) {
      const body = pattern.slice(i + 1, end);
      out += `[${body.startsWith('!') ? '^' : ''}${body.replace(/^!/, '').replaceAll(/[\\\][^]/g, '\\$&')}]`;
      i = end;
    } else out += c.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  return new RegExp(`^(?:${out})$`, 'u');
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const BYTES: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A number with a unit; negative means "at most". */
function amount(text: string, units: Readonly<Record<string, number>>): number {
  const unit = units[text.slice(-1)];
  return unit === undefined ? Number(text) : Number(text.slice(0, -1)) * unit;
}

function beyond(value: number, limit: number): boolean {
  return limit >= 0 ? value >= limit : value <= -limit;
}

/** @param now seconds since the epoch on the host */
export function entryFilter(args: FindArgs, now: number): (entry: TreeEntry) => boolean {
  const compile = (pattern: string): RegExp => (args.use_regex ? pythonRegExp(`\\A(?:${pattern})`) : globRegExp(pattern));
  const wanted = args.patterns.map(compile);
  const unwanted = args.excludes.map(compile);
  const age = args.age === undefined ? undefined : amount(args.age, SECONDS);
  const size = args.size === undefined ? undefined : amount(args.size, BYTES);
  return (entry) => {
    const name = baseName(`/${entry.path}`);
    if (args.file_type !== 'any' && entry.type !== args.file_type) return false;
    if (!args.hidden && name.startsWith('.')) return false;
    if (!wanted.some((p) => p.test(name)) || unwanted.some((p) => p.test(name))) return false;
    if (age === undefined && size === undefined) return true;
    if (entry.full === undefined) throw new Error(`no size and times of ${entry.path}`);
    if (age !== undefined && !beyond(now - entry.full[args.age_stamp], age)) return false;
    return size === undefined || entry.type !== 'file' || beyond(entry.full.size, size);
  };
}
