/** Debian's alternatives (update-alternatives(1)). */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { outputLines, section } from './claims.ts';

export interface AlternativeFact {
  /** The path in force; undefined when there is no such alternative. */
  readonly value: string | undefined;
  readonly choices: readonly string[];
}

export const alternative = defineQuery<string, AlternativeFact>({
  name: 'alternative',
  lasting: true,
  id: (name) => name,
  describe: (name) => `alternative ${name}`,
  probe: (names) => `for n in ${names.map(quote).join(' ')}; do care_mark; update-alternatives --query "$n" 2>/dev/null; done`,
  parse: (names, output) =>
    names.map((_, i) => {
      const lines = outputLines(section(output.sections, i));
      const values = (field: string): readonly string[] => lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
      return { value: values('Value')[0], choices: values('Alternative') };
    }),
  // The choices are not a change's to claim.
  same: (claim, seen) => claim.value === seen.value,
});
