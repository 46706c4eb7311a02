import { describe, expect, test } from 'vitest';
import { assert } from '../../../../src/modules/assert/index.ts';
import { assertPlan, debugPlan, ENGINE_MODULES } from '../../../../src/modules/control.ts';
import { debug } from '../../../../src/modules/debug/index.ts';
import { fail } from '../../../../src/modules/fail/index.ts';
import { includeVars } from '../../../../src/modules/include_vars/index.ts';
import { meta } from '../../../../src/modules/meta/index.ts';
import { setFact } from '../../../../src/modules/set_fact/index.ts';
import { fakeHost } from '../fake-host.ts';

describe('assert', () => {
  const args = { quiet: false };
  test('holds only when every value is true', () => {
    expect(assertPlan([{ expression: 'a', value: true }], args)).toEqual({ type: 'ok', msg: 'all assertions hold' });
    expect(assertPlan([{ expression: 'a', value: true }, { expression: 'b > 2', value: false }], args)).toMatchObject({ type: 'failed', msg: 'assertion is false: b > 2', values: { assertion: 'b > 2' } });
    expect(assertPlan([{ expression: 'b', value: 'yes' }], { ...args, fail_msg: 'no b' })).toMatchObject({ type: 'failed', msg: 'no b (assertion gives a string, not true or false: b)' });
    expect(assertPlan([], { quiet: true, success_msg: 'fine' })).toEqual({ type: 'ok' });
  });
});

test('debug shows a message or a value, and only when verbose enough', () => {
  expect(debugPlan({ msg: [1, 2], verbosity: 0 }, null, 0)).toEqual({ type: 'ok', values: { msg: [1, 2] } });
  expect(debugPlan({ var: 'x', verbosity: 1 }, { a: 1 }, 1)).toEqual({ type: 'ok', values: { x: { a: 1 } } });
  expect(debugPlan({ var: 'x', verbosity: 2 }, 1, 1)).toEqual({ type: 'skipped', because: 'shown only with -vv' });
});

test('the modules that the engine carries out say so when asked to plan', () => {
  const all = new Map([assert, debug, includeVars, meta].map((m) => [m.name, m]));
  expect([...all.keys()].sort()).toEqual([...ENGINE_MODULES].sort());
  const args: Record<string, unknown> = { assert: { that: 'true' }, debug: {}, include_vars: { file: 'x.yml' }, meta: { free_form: 'noop' } };
  for (const [name, module] of all) expect(module.prepare(args[name]).plan(fakeHost({}))).toMatchObject({ type: 'failed' });
});

test('schemas refuse what would be a mistake', () => {
  expect(() => meta.prepare({ free_form: 'flush' })).toThrow();
  expect(() => debug.prepare({ msg: 'a', var: 'b' })).toThrow(/msg or var/);
  expect(() => setFact.prepare({ cacheable: true, a: 1 })).toThrow(/cacheable/);
  expect(() => setFact.prepare({})).toThrow(/no variable/);
  expect(() => setFact.prepare({ 'a-b': 1 })).toThrow(/variable name/);
  expect(() => includeVars.prepare({ file: 'a', dir: 'b' })).toThrow(/either/);
});

test('set_fact and fail', () => {
  expect(setFact.prepare({ a: 1, b: ['x'] }).plan(fakeHost({}))).toMatchObject({ type: 'ok', facts: { a: 1, b: ['x'] } });
  expect(fail.prepare({ msg: 'no' }).plan(fakeHost({}))).toEqual({ type: 'failed', msg: 'no' });
});
