import fc from 'fast-check';
import Handlebars from 'handlebars';
import { describe, expect, test } from 'vitest';
import { parsePlain } from '../../../../src/language/template/plain.ts';

/** Handlebars' tree as plain data, without what only it uses. */
function reference(text: string): unknown {
  const { type, body } = Handlebars.parse(text) as unknown as { type: string; body: unknown };
  return JSON.parse(JSON.stringify({ type, body }));
}

const pieces = fc.constantFrom(
  'a', 'text ', '\n', '\n\n', ' \t', '{', '}', '}}', '{{', '\\', '"', "'", '#', '!', 'é', '💉', '{{ a }}', '{{a}}', '{{ a.b }}', '{{\ta_1.c2 }}', '{{ a }}}', '{{{ a }}}', '{{~ a }}', '{{! note }}',
  '{{ this }}', '{{ else }}', '{{ true }}', '{{ a.this }}', '{{ a b }}', '{{ a-b }}', '{{ ../a }}', '{{ @a }}', '{{#if a}}', '{{/if}}', '{{\na }}', '\r\n', '{{ null }}', '{{ as }}', '{{ a.else }}', '{{ &a }}',
);

describe('a template of text and plain variables', () => {
  test.each(['x', 'a\nb {{ c.d }} e\n\n{{f}}', '{{a}}{{ b }}\n', '} }} {', 'tail\n', '\n{{ a }}\n'])('gives Handlebars’ own tree: %j', (text) => {
    expect(JSON.parse(JSON.stringify(parsePlain(text)))).toEqual(reference(text));
  });

  test('is told from all others, whatever they are made of', () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const tree = parsePlain(text);
        // What it declines is Handlebars' to judge; what it takes Handlebars takes, and reads alike.
        if (tree !== undefined) expect(JSON.parse(JSON.stringify(tree))).toEqual(reference(text));
      }),
      { numRuns: 3000 },
    );
  });

  test.each(['{{{ a }}}', '{{a}}}', '\\{{ a }}', '{{ this }}', '{{ a b }}', '{{#if a}}x{{/if}}', '{{', 'a\r\n{{ b }}', ''])('declines %j', (text) => {
    expect(parsePlain(text)).toBeUndefined();
  });
});
