/** Where an evaluation stands: the value that plain names are looked up in, and the frames around it. */
import type { Value } from '../../support/value.ts';
import type { Scope } from '../scope-types.ts';

/** The outermost context: all variables, looked up one by one. */
export class RootContext {
  readonly scope: Scope;
  constructor(scope: Scope) {
    this.scope = scope;
  }
}

const roots = new WeakMap<Scope, RootContext>();

/** One root context a scope, so that contexts can be compared. */
export function rootContext(scope: Scope): RootContext {
  const known = roots.get(scope) ?? new RootContext(scope);
  roots.set(scope, known);
  return known;
}

export type Context = Value | RootContext;

/** `@index` and its kin; each `{{#each}}` has its own. */
export interface DataFrame {
  readonly values: Readonly<Record<string, Value>>;
  readonly parent: DataFrame | undefined;
}

export interface Frame {
  readonly context: Context;
  /** What `../` leads to. */
  readonly outer: Frame | undefined;
  readonly data: DataFrame;
  /** Names given by `as |…|`, innermost first wins. */
  readonly names: ReadonlyMap<string, Value>;
}

export function rootFrame(scope: Scope): Frame {
  return { context: rootContext(scope), outer: undefined, data: { values: {}, parent: undefined }, names: new Map() };
}

/** A frame for the body of a block. As in Handlebars, `../` counts only blocks that change the context. */
export function innerFrame(frame: Frame, context: Context, names: ReadonlyMap<string, Value>, data: DataFrame = frame.data): Frame {
  const merged = names.size === 0 ? frame.names : new Map([...frame.names, ...names]);
  return { context, outer: context === frame.context ? frame.outer : frame, data, names: merged };
}
