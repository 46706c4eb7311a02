/** Keywords and conditions of a task, evaluated in its variables. */
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { Secret } from '../support/secret.ts';
import type { Span } from '../support/source.ts';
import { isMap, typeName, type Value, type ValueMap } from '../support/value.ts';
import type { Expression } from '../language/expression/index.ts';
import type { Templated } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';

/** Check mode cannot tell: something that only an earlier task's doing would reveal. */
export class UnknownValue extends Error {
  override readonly name = 'UnknownValue';
}

/**
 * Runs an evaluation; when it fails because of a variable that check mode cannot know, says so instead.
 *
 * @param unknown names that check mode cannot know, with reasons
 */
export function knowing<T>(unknown: ReadonlyMap<string, string>, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Diagnostic && unknown.size > 0) {
      for (const [name, reason] of unknown) {
        if (new RegExp(`(^|[^\\w])${name}([^\\w]|$)`).test(`${error.message}\n${error.detail ?? ''}`)) throw new UnknownValue(reason, { cause: error });
      }
    }
    throw error;
  }
}

/** {@link knowing} for what takes time. */
export async function knowingAsync<T>(unknown: ReadonlyMap<string, string>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return knowing(unknown, () => {
      throw error;
    });
  }
}

function isTemplate(value: unknown): value is { readonly template: string; readonly span: Span } {
  return typeof value === 'object' && value !== null && 'template' in value;
}

function resolve(value: { readonly template: string; readonly span: Span }, scope: Scope): Value {
  return renderValue(value.template, scope, value.span);
}

export function resolveBoolean(value: Templated<boolean> | undefined, scope: Scope): boolean | undefined {
  if (!isTemplate(value)) return value;
  const result = resolve(value, scope);
  if (typeof result === 'boolean') return result;
  if (result === 'true' || result === 'false') return result === 'true';
  throw badInput('bad-keyword-value', `this must give true or false, not ${typeName(result)}`, { span: value.span });
}

export function resolveNumber(value: Templated<number> | undefined, scope: Scope): number | undefined {
  if (!isTemplate(value)) return value;
  const result = Number(resolve(value, scope));
  if (Number.isFinite(result) && result >= 0) return result;
  throw badInput('bad-keyword-value', 'this must give a number, 0 or more', { span: value.span });
}

export function resolveText(value: Templated<string> | undefined, scope: Scope): string | undefined {
  if (!isTemplate(value)) return value;
  const result = resolve(value, scope);
  if (typeof result === 'string' || typeof result === 'number') return String(result);
  throw badInput('bad-keyword-value', `this must give a string, not ${typeName(result)}`, { span: value.span });
}

/** Whether all conditions hold; stops at the first that does not. */
export function allHold(conditions: readonly Expression[], scope: Scope, unknown: ReadonlyMap<string, string>): boolean {
  return conditions.every((c) => knowing(unknown, () => c.test(scope)));
}

/** The `environment` of a task, innermost last, rendered; values become text. */
export function resolveEnvironment(layers: readonly ValueMap[], scope: Scope): Readonly<Record<string, string | Secret>> {
  const out: Record<string, string | Secret> = {};
  for (const layer of layers) {
    const rendered = renderValue(layer, scope);
    if (!isMap(rendered)) continue;
    for (const [name, value] of Object.entries(rendered)) {
      if (value instanceof Secret || typeof value === 'string') out[name] = value;
      else if (typeof value === 'number' || typeof value === 'boolean') out[name] = String(value);
      else throw badInput('bad-environment', `environment variable ${name} must be text, not ${typeName(value)}`);
    }
  }
  return out;
}
