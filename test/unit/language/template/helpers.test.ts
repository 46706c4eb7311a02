import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileCondition } from '../../../../src/language/expression/index.ts';
import { createScope } from '../../../../src/language/scope.ts';
import { HELPERS, renderValue, templateVariables } from '../../../../src/language/template/index.ts';
import { Secret } from '../../../../src/support/secret.ts';
import type { Helper } from '../../../../src/language/template/helpers/types.ts';
import { maskSecrets } from '../../../../src/support/secret.ts';

/** Before any test has rendered an example. */
const shown = maskSecrets('a data-label');

it('what is only an example of a secret makes nothing secret', () => {
  expect(shown).toBe('a data-label');
});

describe('every helper', () => {
  it.each([...HELPERS.values()].map((h) => [h.name, h] as const))('%s does what its example says', (_, helper) => {
    const scope = createScope([{ values: helper.example.variables ?? {}, templated: false }], { decrypt: ({ armored }) => Secret.derived(armored) });
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

describe('vault', () => {
  const known = createScope([{ values: { which: 'a/b#c', a: true }, templated: false }], { decrypt: ({ armored }) => new Secret(`value of ${armored}`) });
  it('gives a secret, alone and in a text', () => {
    expect([renderValue('{{ vault "a/b#c" }}', known), renderValue("x={{ ternary a (vault 'a/b#c') \"\" }}", known)].map((v) => (v instanceof Secret ? v.reveal() : v))).toEqual(['value of vault:a/b#c', 'x=value of vault:a/b#c']);
  });
  it.each([['{{ vault which }}', 'helper-arguments'], ['{{ vault (concat "a" "/b#c") }}', 'helper-arguments'], ['{{ vault "a/b" }}', 'bad-vault-reference'], ['{{ vault "vault:a/b#c" }}', 'bad-vault-reference'], ['{{ vault "../sys#c" }}', 'bad-vault-reference']])('%s is refused when it is checked, and when it is rendered', (template, code) => {
    expect(() => renderValue(template, known)).toThrow(expect.objectContaining({ code }) as Error);
    expect(() => templateVariables(template)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

it('secret makes a secret, and leaves one as it is', () => {
  const scope = createScope([{ values: { known: new Secret('known') }, templated: false }]);
  const made = renderValue('{{ secret (concat "a-" 1) }}', scope);
  expect(made).toBeInstanceOf(Secret);
  expect(made instanceof Secret ? made.reveal() : '').toBe('a-1');
  const kept = renderValue('{{ secret known }}', scope);
  expect(kept instanceof Secret ? kept.reveal() : '').toBe('known');
});

/** The row of `docs/templates.md` for a helper. */
function row(helper: Helper): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', '⏎');
  const variables = helper.example.variables === undefined ? '' : ` with \`${JSON.stringify(helper.example.variables)}\``;
  return `| \`${helper.usage}\` | ${cell(helper.summary)} | \`${cell(helper.example.template)}\`${cell(variables)} | \`${cell(JSON.stringify(helper.example.result))}\` |`;
}

const reference = readFileSync(new URL('../../../../docs/templates.md', import.meta.url), 'utf8');

describe('docs/templates.md', () => {
  it('has the row of every helper, and of no other', () => {
    const rows = reference.slice(reference.indexOf('### Helpers'), reference.indexOf('## Conditions')).split('\n').filter((line) => line.startsWith('| `'));
    expect(rows.sort()).toEqual([...HELPERS.values()].map(row).sort());
  });

  it('shows conditions that compile', () => {
    const block = /```yaml\n([\s\S]*?)```/.exec(reference.slice(reference.indexOf('## Conditions')))?.[1] ?? '';
    const conditions = block.trim().split('\n').map((line) => line.replace(/^\w+: /, ''));
    expect(conditions).toHaveLength(4);
    for (const condition of conditions) expect(() => compileCondition(condition), condition).not.toThrow();
  });
});
