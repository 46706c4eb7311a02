/** Host patterns: `web:&paris:!db01`, `db[0]`, `~web\d+` (Ansible's `inventory/manager.py`, 2.14). */
import { existsSync, statSync } from 'node:fs';
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import { nearest } from '../../support/nearest.ts';
import { readSourceFile } from '../yaml.ts';
import { hostsOf, type InventoryData } from './data.ts';
import { nameMatcher } from './glob.ts';
import { parseAddress } from './ranges.ts';

/** Names that stand for the controller itself, also where no inventory has them. */
export const LOCALHOST: readonly string[] = ['127.0.0.1', 'localhost', '::1'];

const SUBSCRIPT = /^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$/s;
const COLON_PARTS = /(?:[^\s:[\]]|\[[^\]]*\])+/g;

/**
 * Splits a pattern at commas; without any at colons, unless it is one host name, address or range.
 */
export function splitPattern(pattern: string): string[] {
  const parts = pattern.includes(',') ? pattern.split(',') : parseAddress(pattern) === undefined ? (pattern.match(COLON_PARTS) ?? []) : [pattern];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Unions first, then intersections, then exclusions, whatever their order; alone the last two begin with all. */
export function orderPatterns(patterns: readonly string[]): string[] {
  const inner = patterns.filter((p) => p.startsWith('&'));
  const minus = patterns.filter((p) => p.startsWith('!'));
  const plain = patterns.filter((p) => p !== '' && !p.startsWith('&') && !p.startsWith('!'));
  return [...(plain.length === 0 ? ['all'] : plain), ...inner, ...minus];
}

export type Warn = (warning: Diagnostic) => void;

export class Selector {
  readonly #data: InventoryData;

  constructor(data: InventoryData) {
    this.#data = data;
  }

  /**
   * @param warn is told of parts that match nothing
   * @returns host names without duplicates, in the order in which the parts name them
   */
  evaluate(patterns: readonly string[], warn: Warn): string[] {
    let chosen: string[] = [];
    for (const pattern of orderPatterns(patterns)) {
      if (this.#data.hosts.has(pattern)) {
        chosen.push(pattern);
        continue;
      }
      const sign = /^[&!]/.exec(pattern)?.[0];
      const found = this.#one(sign === undefined ? pattern : pattern.slice(1), pattern, warn);
      const names = new Set(found);
      if (sign === '!') chosen = chosen.filter((name) => !names.has(name));
      else if (sign === '&') chosen = chosen.filter((name) => names.has(name));
      else chosen.push(...found);
    }
    return [...new Set(chosen)];
  }

  /**
   * The hosts that `--limit` leaves. A part that matches nothing is refused, since a misspelt
   * exclusion would let a run reach the very hosts it was to spare.
   */
  limit(limit: string): Set<string> {
    const parts = splitPattern(limit).flatMap((part) => (part.startsWith('@') ? limitFile(part.slice(1)) : [part]));
    const chosen = this.evaluate(parts, (warning) => {
      throw badInput('limit-matches-nothing', `--limit: ${warning.message}`, { remedy: warning.remedy });
    });
    if (chosen.length === 0) throw badInput('limit-matches-nothing', `--limit ${limit} leaves no host`);
    return new Set(chosen);
  }

  #one(pattern: string, written: string, warn: Warn): string[] {
    if (pattern === '') throw badInput('host-pattern', `the host pattern ${written} names nothing after its sign`);
    const match = pattern.startsWith('~') ? null : SUBSCRIPT.exec(pattern);
    const found = this.#matches(match?.[1] ?? pattern, warn);
    if (match === null || found.length === 0) return found;
    if (match[2] !== undefined) {
      const host = found.at(Number(match[2]));
      if (host === undefined) {
        throw badInput('host-pattern', `the host pattern ${pattern} asks for more hosts than there are`, { detail: `${match[1] ?? ''} has ${found.length}, counted from 0` });
      }
      return [host];
    }
    const start = Number(match[3]);
    const end = match[5] === '' ? found.length - 1 : Number(match[5]);
    // Ansible takes an end of 0 for none at all.
    if (match[5] !== '' && end === 0) return found.slice(start, start + 1);
    return found.slice(start, end + 1);
  }

  #matches(pattern: string, warn: Warn): string[] {
    const matches = nameMatcher(pattern);
    const groups = [...this.#data.groups.values()].filter((group) => matches(group.name));
    const found = groups.flatMap((group) => hostsOf(group).map((host) => host.name));
    if (groups.length === 0 || pattern.startsWith('~') || /[.?*[]/.test(pattern)) {
      for (const name of this.#data.hosts.keys()) if (matches(name)) found.push(name);
    }
    if (found.length === 0 && LOCALHOST.includes(pattern)) return [this.localhost(pattern)];
    if (found.length === 0 && groups.length === 0 && pattern !== 'all') warn(this.#nothing(pattern));
    return found;
  }

  /** The inventory's own localhost under whichever of its names, or else the name asked for. */
  localhost(name: string): string {
    return [...this.#data.hosts.keys()].find((host) => LOCALHOST.includes(host)) ?? name;
  }

  #nothing(pattern: string): Diagnostic {
    const close = nearest(pattern, [...this.#data.groups.keys(), ...this.#data.hosts.keys()]);
    return badInput('unmatched-pattern', `no host or group matches ${pattern}`, { remedy: close === undefined ? undefined : `did you mean ${close}?` });
  }
}

function limitFile(path: string): string[] {
  if (!existsSync(path)) throw badInput('limit-file', `--limit names the file ${path}, which is not there`);
  if (!statSync(path).isFile()) throw badInput('limit-file', `--limit names ${path}, which is not a file`);
  return readSourceFile(path)
    .text.split('\n')
    .map((line) => line.trim());
}
