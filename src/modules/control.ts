/**
 * Modules that steer the run instead of a host. The engine itself carries out those that need its scope
 * (expressions, variables, handlers); their definitions here give the schema and the reference, and the pure
 * functions decide the outcome from values that the engine has evaluated.
 */
import { failed, type Plan } from '../host/plan.ts';
import type { Value } from '../support/value.ts';
import { typeName } from '../support/value.ts';

/** Names whose tasks the engine handles itself; it must not call their `plan`. */
export const ENGINE_MODULES: readonly string[] = ['assert', 'debug', 'include_vars', 'meta'];

/** What the plan of an engine-handled module answers, should it be asked after all. */
export function engineOnly(name: string): Plan {
  return failed(`${name} can only stand in a play: the engine carries it out`);
}

export interface AssertArguments {
  readonly fail_msg?: string | undefined;
  readonly success_msg?: string | undefined;
  readonly quiet: boolean;
}

/**
 * @param results every expression of `that` with its value, in order
 * @returns failed at the first expression that is not true
 */
export function assertPlan(results: readonly { readonly expression: string; readonly value: Value }[], args: AssertArguments): Plan {
  for (const { expression, value } of results) {
    if (value === true) continue;
    const detail = value === false ? `assertion is false: ${expression}` : `assertion gives ${typeName(value)}, not true or false: ${expression}`;
    return { type: 'failed', msg: args.fail_msg === undefined ? detail : `${args.fail_msg} (${detail})`, values: { assertion: expression, evaluated_to: value } };
  }
  return args.quiet ? { type: 'ok' } : { type: 'ok', msg: args.success_msg ?? 'all assertions hold' };
}

export interface DebugArguments {
  readonly msg?: Value | undefined;
  readonly var?: string | undefined;
  readonly verbosity: number;
}

/**
 * @param value what the expression in `var` gives; ignored when `msg` is given
 * @param verbosity how many `-v` the run has
 */
export function debugPlan(args: DebugArguments, value: Value, verbosity: number): Plan {
  if (verbosity < args.verbosity) return { type: 'skipped', because: `shown only with ${'-'.padEnd(args.verbosity + 1, 'v')}` };
  if (args.var !== undefined) return { type: 'ok', values: { [args.var]: value } };
  return { type: 'ok', values: { msg: args.msg ?? 'Hello world!' } };
}
