/** Splits a command line into words as POSIX sh would, without expanding anything (Python's `shlex.split`). */

/** @returns the words, or a sentence that says what is wrong */
export function splitWords(line: string): readonly string[] | { readonly problem: string } {
  const words: string[] = [];
  let word: string | undefined;
  let i = 0;
  while (i < line.length) {
    const c = line.charAt(i);
    if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      i += 1;
    } else if (c === "'") {
      const end = line.indexOf("'", i + 1);
      if (end === -1) return { problem: `the single quote at character ${String(i + 1)} is not closed` };
      word = (word ?? '') + line.slice(i + 1, end);
      i = end + 1;
    } else if (c === '"') {
      const quoted = readDouble(line, i + 1);
      if (quoted === undefined) return { problem: `the double quote at character ${String(i + 1)} is not closed` };
      word = (word ?? '') + quoted.text;
      i = quoted.next;
    } else if (c === '\\') {
      if (i + 1 >= line.length) return { problem: 'there is nothing after the last backslash' };
      word = (word ?? '') + line.charAt(i + 1);
      i += 2;
    } else {
      word = (word ?? '') + c;
      i += 1;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Inside double quotes a backslash escapes only itself and the quote (shlex in POSIX mode). */
function readDouble(line: string, from: number): { readonly text: string; readonly next: number } | undefined {
  let text = '';
  for (let i = from; i < line.length; i += 1) {
    const c = line.charAt(i);
    if (c === '"') return { text, next: i + 1 };
    const after = line.charAt(i + 1);
    if (c === '\\' && (after === '"' || after === '\\')) {
      text += after;
      i += 1;
    } else text += c;
  }
  return undefined;
}
