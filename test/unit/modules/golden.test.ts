/** The golden runner itself, with a toy module: a right case passes, and a wrong one fails. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineQuery } from '../../../src/host/define-query.ts';
import { converge } from '../../../src/host/plan.ts';
import { defineModule } from '../../../src/modules/define.ts';
import { sh } from '../../../src/support/shell.ts';
import { checkCase, readCases } from './golden.ts';

const flag = defineQuery<string, boolean>({
  name: 'golden-flag',
  id: (key) => key,
  describe: (key) => `flag ${key}`,
  probe: () => '',
  parse: (keys) => keys.map(() => false),
});

const toy = defineModule({
  name: 'toy',
  summary: 'Raise a flag',
  args: z.strictObject({ name: z.string().describe('The flag') }),
  examples: [],
  plan: (args, host) =>
    converge(host.fact(flag(args.name)) ? [] : [{ resource: `flag ${args.name}`, what: 'raise', script: sh`raise ${args.name}`, effects: [flag(args.name).is(true)] }]),
});

const cases = readCases(`
- name: a lowered flag is raised
  args: { name: b }
  facts: { golden-flag: { b: false } }
  expect:
    plan: changes
    changes:
      - resource: flag b
        what: raise
        script: raise b
        effects: [{ set: "golden-flag:b", value: true }]
- name: a raised one is left
  args: { name: a }
  facts: { golden-flag: { a: true } }
  expect: { plan: ok, changes: [] }
- name: bad arguments
  args: { nam: a }
  expect: { plan: refused, msg: nam }
`);

test.each(cases.map((c) => [c.name, c] as const))('%s', (_name, golden) => {
  checkCase(toy, golden);
});

test('a wrong expectation fails', () => {
  const [first] = cases;
  if (first === undefined) throw new Error('no case');
  expect(() => {
    checkCase(toy, { ...first, expect: { plan: 'ok' } });
  }).toThrow();
  expect(() => {
    checkCase(toy, { ...first, expect: { plan: 'changes', changes: [{ what: 'lower' }] } });
  }).toThrow();
  expect(() => {
    checkCase(toy, { ...first, expect: { plan: 'changes', changes: [{ effects: [] }] } });
  }).toThrow();
  expect(() => {
    checkCase(toy, { ...first, facts: {} });
  }).toThrow('facts needed');
});
