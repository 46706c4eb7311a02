/** Splits a command into words as Python's shlex (and so Ansible's `validate`) does: quotes and backslashes, nothing else. */
import { badInput } from '../../support/diagnostic.ts';

/** @throws Diagnostic bad-input for an unclosed quote */
export function splitWords(command: string): readonly string[] {
  const found: string[] = [];
  let word: string | undefined;
  let quoteMark: string | undefined;
  for (let i = 0; i < command.length; i += 1) {
    const c = command.charAt(i);
    const next = command.charAt(i + 1);
    if (quoteMark !== undefined) {
      if (c === quoteMark) quoteMark = undefined;
      else if (c === '\\' && quoteMark === '"' && (next === '"' || next === '\\')) {
        word = `${word ?? ''}${next}`;
        i += 1;
      } else word = `${word ?? ''}${c}`;
    } else if (c === "'" || c === '"') {
      quoteMark = c;
      word ??= '';
    } else if (c === '\\' && next !== '') {
      word = `${word ?? ''}${next}`;
      i += 1;
    } else if (/\s/.test(c)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else word = `${word ?? ''}${c}`;
  }
  if (quoteMark !== undefined) throw badInput('unclosed-quote', `the command ${JSON.stringify(command)} has an unclosed ${quoteMark}`);
  if (word !== undefined) found.push(word);
  return found;
}
