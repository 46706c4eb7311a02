import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createScope } from '../../../../src/language/scope.ts';
import { HELPERS, renderValue } from '../../../../src/language/template/index.ts';

describe('every helper', () => {
  it.each([...HELPERS.values()].map((h) => [h.name, h] as const))('%s does what its example says', (_, helper) => {
    const scope = createScope([{ values: helper.example.variables ?? {}, templated: false }]);
    expect(renderValue(helper.example.template, scope)).toEqual(helper.example.result);
  });

  it('takes its own number of arguments only', () => {
    const scope = createScope([]);
    for (const helper of HELPERS.values()) {
      if (helper.max === Infinity) continue;
      const call = `{{ ${helper.name} ${'1 '.repeat(helper.max + 1)}}}`;
      expect(() => renderValue(call, scope), helper.name).toThrow(/takes .* arguments/);
    }
  });
});

it.runIf(process.env['DOCS'] !== 'skip')('docs/templates.md lists every helper as the table has it', () => {
  const text = readFileSync(new URL('../../../../docs/templates.md', import.meta.url), 'utf8');
  for (const helper of HELPERS.values()) {
    expect(text, helper.name).toContain(`| \`${helper.usage}\` | ${helper.summary.replaceAll('|', '\\|')} |`);
  }
});
