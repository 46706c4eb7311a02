/** Settings that stand at a database or role (ALTER … SET), compared with what is wished. */
import { z } from 'zod';
import { escapeLiteral, ident, listOf, raw, sql, type Sql } from '../../../services/postgres/sql.ts';

/** Settings that are lists of names (GUC_LIST_QUOTE in guc_tables.c): the server stores each name quoted where it must be. */
const LISTS = new Set(['search_path', 'temp_tablespaces', 'session_preload_libraries', 'shared_preload_libraries', 'local_preload_libraries', 'unix_socket_directories']);

/** The names of a list, with their quotes taken off. */
export function splitNames(text: string): readonly string[] {
  const names: string[] = [];
  for (const match of text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,"]*))\s*(?:,|$)/g)) {
    const quoted = match[1]?.replaceAll('""', '"');
    const plain = match[2]?.trim();
    if (quoted !== undefined) names.push(quoted);
    else if (plain !== undefined && plain !== '') names.push(plain);
  }
  return names;
}

/** One setting in one way of writing: the value of a list with each name quoted only where it must be. */
export function canonicalSetting(name: string, value: string): string {
  return LISTS.has(name) ? splitNames(value).map(quotedName).join(', ') : value;
}

/** Settings as the server stores them (`TimeZone=UTC`), with names in small letters and lists in one way of writing. */
export const Settings = z.record(z.string(), z.string()).transform((all) =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name.toLowerCase(), canonicalSetting(name.toLowerCase(), value)])),
);

/** `search_path`, or `pgaudit.log`. */
export const SETTING_NAME = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/;

/** A value as a task gives it. */
export const WishedValue = z.union([z.string(), z.number().transform(String), z.boolean().transform((v) => (v ? 'on' : 'off'))]);

/** Settings as a task gives them. */
export const WishedSettings = z
  .record(z.string(), WishedValue)
  .refine((all) => Object.keys(all).every((name) => SETTING_NAME.test(name)), 'each name must be the name of a setting in small letters');

/** As SET takes it. */
export function settingValue(name: string, value: string): Sql {
  if (!LISTS.has(name)) return raw(escapeLiteral(value).trimStart());
  const names = splitNames(value);
  return names.length === 0 ? raw("''") : listOf(names.map((n) => raw(escapeLiteral(n).trimStart())));
}

export interface SettingSteps {
  readonly what: readonly string[];
  readonly statements: readonly Sql[];
  /** What is stored afterwards. */
  readonly after: Readonly<Record<string, string>>;
}

/**
 * @param target `ROLE "x"` or `DATABASE "x"`
 * @param exact settings that are not wished are taken away
 */
export function settingSteps(target: Sql, now: Readonly<Record<string, string>>, wished: Readonly<Record<string, string>>, exact: boolean): SettingSteps {
  const what: string[] = [];
  const statements: Sql[] = [];
  const after: Record<string, string> = { ...now };
  for (const [name, value] of Object.entries(wished)) {
    const stored = now[name];
    if (stored === canonicalSetting(name, value)) continue;
    what.push(`${name} ${stored ?? '(not set)'} → ${value}`);
    statements.push(sql`ALTER ${target} SET ${ident(...name.split('.'))} TO ${settingValue(name, value)}`);
    after[name] = canonicalSetting(name, value);
  }
  if (exact) {
    for (const name of Object.keys(now)) {
      if (name in wished) continue;
      what.push(`reset ${name}`);
      statements.push(sql`ALTER ${target} RESET ${ident(...name.split('.'))}`);
      Reflect.deleteProperty(after, name);
    }
  }
  return { what, statements, after };
}

/** As the server's quote_identifier does it: in quotes unless it is a lower-case word that is no keyword. */
function quotedName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Keywords that cannot be a name without quotes and that somebody may use in a list (appendix C of PostgreSQL's documentation). */
const RESERVED = new Set(['all', 'analyse', 'analyze', 'and', 'any', 'array', 'as', 'asc', 'case', 'cast', 'check', 'collate', 'column', 'constraint', 'create', 'default', 'desc', 'distinct', 'do', 'else', 'end', 'except', 'false', 'fetch', 'for', 'foreign', 'from', 'grant', 'group', 'having', 'in', 'initially', 'intersect', 'into', 'limit', 'not', 'null', 'offset', 'on', 'only', 'or', 'order', 'placing', 'primary', 'references', 'returning', 'select', 'some', 'table', 'then', 'to', 'true', 'union', 'unique', 'user', 'using', 'when', 'where', 'window', 'with']);
