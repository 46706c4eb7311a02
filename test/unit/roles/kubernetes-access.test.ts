/** What role kubernetes_access refuses to grant, and what it never deletes. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { compileCondition } from '../../../src/language/expression/index.ts';
import { createScope } from '../../../src/language/scope.ts';
import type { ValueMap } from '../../../src/support/value.ts';

const Tasks = z.array(z.looseObject({ name: z.string(), when: z.string().optional(), assert: z.looseObject({ that: z.array(z.string()) }).optional() }));
const tasksOf = (file: string): z.output<typeof Tasks> => Tasks.parse(parse(readFileSync(path.join(import.meta.dirname, '../../../roles/kubernetes_access/tasks', file), 'utf8')));
const named = (name: string, file = 'main.yml'): z.output<typeof Tasks>[number] | undefined => tasksOf(file).find((each) => each.name === name);
const holds = (condition: string | undefined, values: ValueMap): unknown => compileCondition(condition ?? '').evaluate(createScope([{ values, templated: false }]));

test.each([
  ['namespaces that are named', { namespaces: ['care'] }, true],
  ['the whole cluster, by saying none', {}, true],
  ['an empty list of namespaces', { namespaces: [] }, false],
])('a grant for %s is for %o: %s', (_what, more, expected) => {
  const that = named('a grant for namespaces names some')?.assert?.that ?? [];
  const grants = { kubernetes_access_grants: [{ group: 'g', role: 'r', ...more }] };
  expect(that.map((condition) => holds(condition, grants))).toEqual([expected]);
});

test('strays are deleted where that is declared, and those that the administrator logs in by never', () => {
  const looks = (stray: string): unknown => holds(named('bindings that nobody declared are taken away')?.when, { kubernetes_access_stray: stray });
  expect([looks('delete'), looks('report')]).toEqual([true, false]);
  const deletes = (name: string): unknown => holds(named('they are deleted', 'strays.yml')?.when, { item: { name } });
  expect([deletes('by-hand'), deletes('kubeadm:cluster-admins')]).toEqual([true, false]);
});
