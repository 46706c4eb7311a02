/** The keywords that plays, blocks and tasks share, read into {@link Attributes}. */
import { badInput } from '../../support/diagnostic.ts';
import type { Span } from '../../support/source.ts';
import { isList, isMap, type Value, type ValueMap } from '../../support/value.ts';
import { compileCondition, type Expression } from '../expression/index.ts';
import { spanOf } from '../positions.ts';
import { hasTemplate } from '../template/index.ts';
import type { Attributes, Templated } from './model.ts';

/** The span of a key's value, or of the whole container. */
export function spanAt(container: ValueMap | readonly Value[], key: string | number): Span {
  const span = spanOf(container, key) ?? spanOf(container);
  if (span === undefined) throw new Error(`no position is known for ${String(key)}`);
  return span;
}

export function spanOfContainer(container: object): Span {
  const span = spanOf(container);
  if (span === undefined) throw new Error('no position is known for a parsed value');
  return span;
}

function wrongType(container: ValueMap, key: string, expected: string): Error {
  const value = container[key];
  const hint = typeof value === 'string' && /^(yes|no|on|off)$/i.test(value) ? 'YAML 1.2 reads yes, no, on and off as text: write true or false' : undefined;
  return badInput('bad-keyword-value', `${key} must be ${expected}`, { span: spanAt(container, key), remedy: hint });
}

export function readBoolean(container: ValueMap, key: string): Templated<boolean> | undefined {
  const value = container[key];
  if (value === undefined) return undefined;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && hasTemplate(value)) return { template: value, span: spanAt(container, key) };
  throw wrongType(container, key, 'true or false');
}

export function readNumber(container: ValueMap, key: string): Templated<number> | undefined {
  const value = container[key];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= 0) return value;
  if (typeof value === 'string' && hasTemplate(value)) return { template: value, span: spanAt(container, key) };
  throw wrongType(container, key, 'a number, 0 or more');
}

export function readText(container: ValueMap, key: string): string | undefined {
  const value = container[key];
  if (value === undefined || typeof value === 'string') return value;
  throw wrongType(container, key, 'a string');
}

export function readTemplatedText(container: ValueMap, key: string): Templated<string> | undefined {
  const value = readText(container, key);
  return value !== undefined && hasTemplate(value) ? { template: value, span: spanAt(container, key) } : value;
}

/** A string, or a list of strings; a string of tags may hold commas. */
export function readNames(container: ValueMap, key: string, splitCommas = false): readonly string[] {
  const value = container[key];
  if (value === undefined || value === null) return [];
  const items = isList(value) ? value : [value];
  return items.flatMap((item) => {
    if (typeof item !== 'string' && typeof item !== 'number') throw wrongType(container, key, 'a string or a list of strings');
    return splitCommas ? String(item).split(',').map((t) => t.trim()).filter((t) => t !== '') : [String(item)];
  });
}

/** `when`, `changed_when` …: a condition or a list of which all must hold. */
export function readConditions(container: ValueMap, key: string): readonly Expression[] | undefined {
  const value = container[key];
  if (value === undefined) return undefined;
  if (isList(value)) return value.map((item, i) => readCondition(item, spanAt(value, i), key));
  return [readCondition(value, spanAt(container, key), key)];
}

function readCondition(value: Value, span: Span, key: string): Expression {
  if (typeof value === 'boolean') return compileCondition(String(value), span);
  if (typeof value === 'string') return compileCondition(value, span);
  throw badInput('bad-condition', `${key} must be a CEL condition (text), true or false`, { span, remedy: 'put the condition in quotes' });
}

export function readMap(container: ValueMap, key: string): ValueMap {
  const value = container[key];
  if (value === undefined || value === null) return {};
  if (isMap(value)) return value;
  throw wrongType(container, key, 'a map');
}

export function readItems(container: ValueMap, key: string): readonly Value[] {
  const value = container[key];
  if (value === undefined || value === null) return [];
  if (isList(value)) return value;
  throw wrongType(container, key, 'a list');
}

function readEnvironment(container: ValueMap): readonly ValueMap[] {
  const value = container['environment'];
  if (value === undefined || value === null) return [];
  const items = isList(value) ? value : [value];
  return items.map((item) => {
    if (!isMap(item)) throw wrongType(container, 'environment', 'a map of variables');
    return item;
  });
}

export function emptyAttributes(directory: string): Attributes {
  return {
    become: undefined,
    becomeUser: undefined,
    when: [],
    tags: [],
    vars: [],
    environment: [],
    ignoreErrors: undefined,
    ignoreUnreachable: undefined,
    checkMode: undefined,
    diff: undefined,
    noLog: undefined,
    delegateTo: undefined,
    runOnce: undefined,
    throttle: undefined,
    timeout: undefined,
    anyErrorsFatal: undefined,
    role: undefined,
    directory,
  };
}

/** The attributes of a node: its own keywords over those of what it stands in. @throws Diagnostic */
export function inheritAttributes(outer: Attributes, own: ValueMap): Attributes {
  const vars = readMap(own, 'vars');
  return {
    become: readBoolean(own, 'become') ?? outer.become,
    becomeUser: readTemplatedText(own, 'become_user') ?? outer.becomeUser,
    when: [...outer.when, ...(readConditions(own, 'when') ?? [])],
    tags: [...new Set([...outer.tags, ...readNames(own, 'tags', true)])],
    vars: Object.keys(vars).length > 0 ? [...outer.vars, { values: vars, templated: true }] : outer.vars,
    environment: [...outer.environment, ...readEnvironment(own)],
    ignoreErrors: readBoolean(own, 'ignore_errors') ?? outer.ignoreErrors,
    ignoreUnreachable: readBoolean(own, 'ignore_unreachable') ?? outer.ignoreUnreachable,
    checkMode: readBoolean(own, 'check_mode') ?? outer.checkMode,
    diff: readBoolean(own, 'diff') ?? outer.diff,
    noLog: readBoolean(own, 'no_log') ?? outer.noLog,
    delegateTo: readText(own, 'delegate_to') ?? outer.delegateTo,
    runOnce: readBoolean(own, 'run_once') ?? outer.runOnce,
    throttle: readNumber(own, 'throttle') ?? outer.throttle,
    timeout: readNumber(own, 'timeout') ?? outer.timeout,
    anyErrorsFatal: readBoolean(own, 'any_errors_fatal') ?? outer.anyErrorsFatal,
    role: outer.role,
    directory: outer.directory,
  };
}

/** The attributes of an imported file: the import's own, seen from the file's directory. */
export function movedTo(attributes: Attributes, directory: string): Attributes {
  return { ...attributes, directory };
}
