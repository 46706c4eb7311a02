/** `--extra-vars`: `k=v` pairs, a JSON or YAML map, or `@file` with either. Later ones win. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { isMap, type Value, type ValueMap } from '../support/value.ts';

const PAIR = /^[A-Za-z_][A-Za-z0-9_]*=/;

function usage(summary: string, detail?: string): Diagnostic {
  return new Diagnostic({ kind: 'usage', code: 'extra-vars', summary, detail, remedy: `write --extra-vars 'name=value', --extra-vars '{"name": 1}' or --extra-vars @file.yml` });
}

/**
 * Splits `a=1 b='two words'` into words as sh would: single and double quotes and backslash.
 * @throws Diagnostic for a quote that is not closed
 */
export function splitPairs(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted: string | undefined;
  for (let i = 0; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (quoted !== undefined) {
      if (character === quoted) quoted = undefined;
      else if (character === '\\' && quoted === '"' && /["\\$`]/.test(text.charAt(i + 1))) word = (word ?? '') + text.charAt((i += 1));
      else word = (word ?? '') + character;
    } else if (character === "'" || character === '"') {
      quoted = character;
      word ??= '';
    } else if (character === '\\' && i + 1 < text.length) {
      word = (word ?? '') + text.charAt((i += 1));
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quoted !== undefined) throw usage(`--extra-vars: a quote ${quoted} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

function fromYaml(text: string, origin: string): ValueMap {
  let value: Value;
  try {
    // YAML 1.2's core schema gives null, booleans, numbers, strings, lists and maps: that is what a Value is.
    value = parse(text, { version: '1.2', maxAliasCount: 100 }) as Value;
  } catch (error) {
    throw usage(`${origin} is neither JSON nor YAML`, // Its first line says what is wrong and where; the others show the text, values and all.
      (error instanceof Error ? error.message : String(error)).split('\n')[0]);
  }
  if (!isMap(value)) throw usage(`${origin} must be a map of names and values`);
  return value;
}

function one(argument: string, cwd: string): ValueMap {
  const text = argument.trim();
  if (text.startsWith('@')) {
    const path = text.slice(1);
    let content: string;
    try {
      // `-` is standard input, as a socket too, which /dev/stdin cannot open.
      content = readFileSync(path === '-' ? 0 : isAbsolute(path) ? path : join(cwd, path), 'utf8');
    } catch (error) {
      throw badInput('extra-vars-file', `cannot read the file ${path} of --extra-vars: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    return fromYaml(content, `the file ${path} of --extra-vars`);
  }
  if (!PAIR.test(text)) {
    if (text.startsWith('{') || /^[A-Za-z_][A-Za-z0-9_]*\s*:/.test(text)) return fromYaml(text, '--extra-vars');
    throw usage('--extra-vars is not name=value, JSON, YAML or @file', 'The text is not shown: it may be a secret.');
  }
  return Object.fromEntries(
    splitPairs(text).map((word, i) => {
      const at = word.indexOf('=');
      if (!PAIR.test(word)) throw usage(`--extra-vars: word ${String(i + 1)} is not name=value`, 'A value with spaces needs quotes of its own. The word is not shown: it may be a part of a secret.');
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/**
 * All `--extra-vars` in order; a later name replaces an earlier one. Values of `k=v` are strings, as in Ansible.
 *
 * @throws Diagnostic `usage` for a text that is none of the forms, `bad-input` for a file that cannot be read
 */
export function parseExtraVars(parts: readonly string[], cwd: string): ValueMap {
  return Object.assign({}, ...parts.map((argument) => one(argument, cwd))) as ValueMap;
}
