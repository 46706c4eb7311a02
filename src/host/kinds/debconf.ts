/** Answers in the debconf database (debconf-communicate(1)). */
import { Secret } from '../../support/secret.ts';
import { defineQuery } from '../define-query.ts';
import { outputLines } from './claims.ts';

export interface DebconfFact {
  /** Undefined when there is no such question. Always a secret: some answers are passwords. */
  readonly value: Secret | undefined;
}

/** One process for all questions; it only reads. Question names hold no white space (debconf-devel(7)). */
export const debconf = defineQuery<string, DebconfFact>({
  name: 'debconf',
  id: (question) => question,
  describe: (question) => `debconf question ${question}`,
  probe: (questions) => `debconf-communicate 2>/dev/null <<'CARE_QUESTIONS'\n${questions.map((question) => `GET ${question}`).join('\n')}\nCARE_QUESTIONS`,
  parse: (questions, output) => {
    const lines = outputLines(output.head);
    if (lines.length !== questions.length) throw new Error(`debconf-communicate answered ${String(lines.length)} of ${String(questions.length)} questions (is debconf there, and free?)`);
    return lines.map((line) => {
      const [, status, value] = /^(\d+) ?(.*)$/.exec(line) ?? [];
      return { value: status === '0' ? new Secret(value ?? '') : undefined };
    });
  },
  show: (fact) => (fact.value === undefined ? 'no such question' : 'another answer'),
});
