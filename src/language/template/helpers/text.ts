/** Text helpers. */
import { Secret } from '../../../support/secret.ts';
import { quote } from '../../../support/shell.ts';
import { isList, type Value } from '../../../support/value.ts';
import { HelperProblem } from '../problems.ts';
import { flag, integer, list, scalarText, text, type Helper } from './types.ts';

export const TEXT_HELPERS: readonly Helper[] = [
  {
    name: 'join', group: 'Text', usage: 'join list separator', summary: 'The items of a list as one text; without a separator, a comma',
    example: { template: '{{ join servers ", " }}', variables: { servers: ['a', 'b'] }, result: 'a, b' },
    min: 1, max: 2, kind: 'plain', secrets: 'contain',
    call: (args) => list(args, 0).map((item) => scalarText(item, 'an item of the list')).join(args.length > 1 ? text(args, 1) : ','),
  },
  {
    name: 'split', group: 'Text', usage: 'split text separator', summary: 'The pieces of a text between separators, as a list',
    example: { template: '{{ split "a:b" ":" }}', result: ['a', 'b'] },
    min: 2, max: 2, kind: 'plain', secrets: 'reveal',
    call: (args) => {
      if (text(args, 1) === '') throw new HelperProblem('the separator must not be empty');
      return text(args, 0).split(text(args, 1));
    },
  },
  {
    name: 'lines', group: 'Text', usage: 'lines text', summary: 'The lines of a text, as a list, without a last empty one',
    example: { template: '{{ lines out }}', variables: { out: 'a\nb\n' }, result: ['a', 'b'] },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal',
    call: (args) => text(args, 0).replace(/\r?\n$/, '').split(/\r?\n/),
  },
  {
    name: 'concat', group: 'Text', usage: 'concat a b …', summary: 'Texts and numbers one after another as a text, or lists as one list',
    example: { template: '{{ concat "node-" 1 }}', result: 'node-1' },
    min: 1, max: Infinity, kind: 'plain', secrets: 'keep',
    call: (args): Value => {
      if (args.every(isList)) return args.flat();
      const pieces = args.map((a) => (a instanceof Secret ? a.reveal() : scalarText(a, 'an argument')));
      return args.some((a) => a instanceof Secret) ? Secret.derived(pieces.join('')) : pieces.join('');
    },
  },
  {
    name: 'indent', group: 'Text', usage: 'indent text width first=false',
    summary: 'The text with every line but the first (with `first=true` also that) moved right; empty lines stay empty',
    example: { template: 'x:\n  {{ indent y 2 }}', variables: { y: 'a: 1\nb: 2' }, result: 'x:\n  a: 1\n  b: 2' },
    min: 2, max: 2, options: ['first'], kind: 'plain', secrets: 'contain',
    call: (args, options) => {
      const pad = ' '.repeat(integer(args, 1, 0, 200));
      const moved = text(args, 0).replaceAll(/\n(?!\n|\r|$)/g, `\n${pad}`);
      return flag(options, 'first') && !/^(?:\n|\r|$)/.test(moved) ? pad + moved : moved;
    },
  },
  {
    name: 'quote', group: 'Text', usage: 'quote text', summary: 'The text as one word for a POSIX shell; a list becomes several words',
    example: { template: '{{ quote "it\'s" }}', result: "'it'\\''s'" },
    min: 1, max: 1, kind: 'plain', secrets: 'contain',
    call: ([value]) => {
      const words = isList(value) ? value : [value];
      return words.map((word) => {
        const plain = scalarText(word, 'the word');
        if (plain.includes('\0')) throw new HelperProblem('a shell word cannot hold a NUL byte');
        return quote(plain);
      }).join(' ');
    },
  },
  {
    name: 'lower', group: 'Text', usage: 'lower text', summary: 'The text in small letters',
    example: { template: '{{ lower "DB1" }}', result: 'db1' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: (args) => text(args, 0).toLowerCase(),
  },
  {
    name: 'upper', group: 'Text', usage: 'upper text', summary: 'The text in capital letters',
    example: { template: '{{ upper "db1" }}', result: 'DB1' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: (args) => text(args, 0).toUpperCase(),
  },
  {
    name: 'trim', group: 'Text', usage: 'trim text', summary: 'The text without blanks and line breaks at both ends',
    example: { template: '{{ trim "  a " }}', result: 'a' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: (args) => text(args, 0).trim(),
  },
  {
    name: 'replace', group: 'Text', usage: 'replace text old new', summary: 'The text with every `old` replaced; plain text, not a pattern',
    example: { template: '{{ replace "a.b.c" "." "-" }}', result: 'a-b-c' },
    min: 3, max: 3, kind: 'plain', secrets: 'reveal',
    call: (args) => {
      if (text(args, 1) === '') throw new HelperProblem('the text to replace must not be empty');
      return text(args, 0).split(text(args, 1)).join(text(args, 2));
    },
  },
  {
    name: 'starts_with', group: 'Text', usage: 'starts_with text beginning', summary: 'True when the text begins so',
    example: { template: '{{ starts_with "db1" "db" }}', result: true },
    min: 2, max: 2, kind: 'plain', secrets: 'measure', call: (args) => text(args, 0).startsWith(text(args, 1)),
  },
  {
    name: 'ends_with', group: 'Text', usage: 'ends_with text end', summary: 'True when the text ends so',
    example: { template: '{{ ends_with "a.yml" ".yml" }}', result: true },
    min: 2, max: 2, kind: 'plain', secrets: 'measure', call: (args) => text(args, 0).endsWith(text(args, 1)),
  },
];
