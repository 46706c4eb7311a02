/** Looks up `a.b.[0]`, `../x`, `@index`, `this`. */
import { Secret } from '../../support/secret.ts';
import { suggestion } from '../../support/nearest.ts';
import { isList, isMap, typeName } from '../../support/value.ts';
import type { PositionedText } from '../positioned-text.ts';
import type { Scope } from '../scope-types.ts';
import type { PathNode } from './ast.ts';
import { rootContext, RootContext, type Context, type Frame } from './frame.ts';
import { explainVariable } from './lookalikes.ts';
import { templateProblem } from './problems.ts';
import { settle } from './settle.ts';

/** What a path leads to, or what is missing. */
export type Found = { readonly found: true; readonly value: Context } | { readonly found: false; readonly summary: string; readonly remedy: string | undefined };

const there = (value: Context): Found => ({ found: true, value });

/** @throws Diagnostic for a path that can never be right, such as a part of a number */
export function lookUp(path: PathNode, frame: Frame, scope: Scope, source: PositionedText): Found {
  if (path.data) return lookUpData(path, frame, scope, source);
  let at: Frame | undefined = frame;
  for (let up = path.depth; up > 0; up -= 1) at = at?.outer;
  if (at === undefined) {
    throw templateProblem(source, path.loc, 'template-path', `${path.original} leads out of the template`, { detail: '../ goes one {{#each}} or {{#with}} outwards; {{#if}} does not count', remedy: 'a variable of the top is @root.name from anywhere' });
  }
  const [first, ...rest] = path.parts;
  if (first === undefined) return there(at.context);
  // Handlebars' rule: `./x`, `../x` and `this.x` speak of the context, a bare name first of `as |name|`.
  const named = /^(?:\.|this[./])/.test(path.original) ? undefined : at.names.get(first);
  if (named !== undefined) return walk(named, rest, path, scope, source);
  const found = step(at.context, first, path, frame, scope, source);
  if (!found.found || rest.length === 0) return found;
  return walk(found.value, rest, path, scope, source);
}

function walk(start: Context, keys: readonly string[], path: PathNode, scope: Scope, source: PositionedText): Found {
  let at = start;
  for (const key of keys) {
    const found = step(at, key, path, undefined, scope, source);
    if (!found.found) return found;
    at = found.value;
  }
  return there(at);
}

function lookUpData(path: PathNode, frame: Frame, scope: Scope, source: PositionedText): Found {
  const [name = '', ...rest] = path.parts;
  if (name === 'root') return walk(rootContext(scope), rest, path, scope, source);
  let data: Frame['data'] | undefined = frame.data;
  for (let up = path.depth; up > 0; up -= 1) data = data?.parent;
  const value = data !== undefined && Object.hasOwn(data.values, name) ? data.values[name] : undefined;
  if (value === undefined) {
    return { found: false, summary: `@${path.depth > 0 ? '../' : ''}${name} is not defined here`, remedy: '@index, @key, @first and @last stand inside {{#each}}; @root is everywhere' };
  }
  return walk(value, rest, path, scope, source);
}

/** One step into a context. `frame` is given for the first step, to say where else the name is known. */
function step(context: Context, key: string, path: PathNode, frame: Frame | undefined, scope: Scope, source: PositionedText): Found {
  if (context instanceof RootContext) {
    if (context.scope.has(key)) return there(settle(context.scope.get(key), scope));
    return { found: false, summary: `the variable ${key} is not defined`, remedy: explainVariable(key) ?? suggestion(key, context.scope.names()) };
  }
  const value = settle(context, scope);
  if (isMap(value)) {
    const inner = Object.hasOwn(value, key) ? value[key] : undefined;
    if (inner !== undefined) return there(settle(inner, scope));
    return { found: false, summary: `there is no ${key} in ${describe(path, key, frame)}`, remedy: elsewhere(key, frame, scope) ?? suggestion(key, Object.keys(value)) };
  }
  if (isList(value)) {
    if (key === 'length') return there(value.length);
    const item = /^\d+$/.test(key) ? value[Number(key)] : undefined;
    if (item !== undefined) return there(settle(item, scope));
    const summary = /^\d+$/.test(key) ? `${describe(path, key, frame)} has ${String(value.length)} items, there is no [${key}]` : `${describe(path, key, frame)} is a list and has no ${key}`;
    return { found: false, summary, remedy: elsewhere(key, frame, scope) ?? (/^\d+$/.test(key) ? undefined : 'write {{#each …}}, .[0] for one item, or {{ pluck list "name" }}') };
  }
  if (frame !== undefined) {
    // In the body of `{{#each names}}` the context is a plain text, and every other name is further out.
    return { found: false, summary: `${key} is not defined inside this block: the context is ${typeName(value)}`, remedy: elsewhere(key, frame, scope) };
  }
  const remedy = key === 'length' && (typeof value === 'string' || value instanceof Secret) ? `write (length ${path.original.replace(/\.length$/, '')})` : undefined;
  throw templateProblem(source, path.loc, 'template-path', `${describe(path, key, undefined)} is ${typeName(value)} and has no parts: there is no ${key} in it`, { remedy });
}

function elsewhere(key: string, frame: Frame | undefined, scope: Scope): string | undefined {
  if (frame === undefined || !scope.has(key)) return undefined;
  return `a variable of the top is written @root.${key} inside a block that changes the context`;
}

/** The part of the path before the missing key, for messages. */
function describe(path: PathNode, key: string, frame: Frame | undefined): string {
  if (frame !== undefined) return 'this';
  const index = path.parts.indexOf(key);
  return index <= 0 ? path.original : path.parts.slice(0, index).join('.');
}
