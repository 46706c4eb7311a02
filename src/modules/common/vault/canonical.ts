/**
 * Whether a server has what was wished, though it says it in other words: durations in seconds, lists for comma-separated text, numbers
 * for digits. Only the keys that were wished are compared: a server has many more. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { MASK, Secret } from '../../../support/secret.ts';
import { isList, type Value, type ValueMap } from '../../../support/value.ts';

/** JSON, with secrets revealed: for the server alone. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export function jsonOf(value: Value): Json {
  if (value instanceof Secret) return value.reveal();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (isList(value)) return value.map(jsonOf);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonOf(item)]));
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400 };

/** Go's duration, and days: `1h30m` in seconds; undefined when it is none. */
export function seconds(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join('') !== text) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0);
}

/** Lists of texts are sets for these servers. */
function canonicalList(list: readonly unknown[]): readonly unknown[] {
  return list.every((item) => typeof item === 'string') ? [...list].map((item) => item.trim()).sort() : list;
}

/** Whether `now`, of the server, is what `wished` means. */
export function means(wished: Json, now: unknown): boolean {
  if (typeof wished === 'string') {
    if (typeof now === 'string') return wished.trim() === now.trim() || (/\d/.test(wished) && /\d/.test(now) && seconds(wished) !== undefined && seconds(wished) === seconds(now));
    if (typeof now === 'number') return seconds(wished) === now;
    if (typeof now === 'boolean') return wished === String(now);
    if (Array.isArray(now)) return means(wished === '' ? [] : wished.split(','), now);
    return wished === '' && (now === null || now === undefined);
  }
  if (typeof wished === 'number') return typeof now === 'string' ? seconds(now) === wished : now === wished;
  if (typeof wished === 'boolean') return typeof now === 'string' ? now === String(wished) : now === wished;
  if (wished === null) return now === null || now === undefined;
  if (Array.isArray(wished)) {
    if (typeof now === 'string') return means(wished, now === '' ? [] : now.split(','));
    if (now === null || now === undefined) return wished.length === 0;
    return Array.isArray(now) && isDeepStrictEqual(canonicalList(wished), canonicalList(now));
  }
  if (now === null || now === undefined) return Object.keys(wished).length === 0;
  if (typeof now !== 'object') return false;
  return Object.keys(now).every((key) => Object.hasOwn(wished, key)) && Object.entries(wished).every(([key, value]: [string, Json]) => means(value, Reflect.get(now, key)));
}

/** The keys of a wish that the server has otherwise, in the order of the wish. */
export function differing(wished: ValueMap, now: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(wished).filter(([key, value]) => !means(jsonOf(value), now[key])).map(([key]) => key);
}

function shownNow(value: unknown): string {
  return typeof value === 'string' ? value.trimEnd() : value === undefined ? '' : JSON.stringify(value);
}

function holdsSecret(value: Value): boolean {
  if (value instanceof Secret) return true;
  if (isList(value)) return value.some(holdsSecret);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsSecret);
}

/**
 * Lines `key: value` for `--diff`; keys whose value must not be seen are left to the mask of {@link Secret}.
 *
 * @param wished what is wished in place of it: where that has a secret, what is there is one, too
 */
export function shown(keys: readonly string[], values: Readonly<Record<string, unknown>>, wished: ValueMap = {}): string {
  return keys.map((key) => `${key}: ${values[key] instanceof Secret ? String(values[key]) : holdsSecret(wished[key] ?? null) ? MASK : shownNow(values[key])}\n`).join('');
}
