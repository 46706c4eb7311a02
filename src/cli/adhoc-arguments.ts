/** `-a`: the arguments of an ad-hoc module, as Ansible's users write them. */
import { parse } from 'yaml';
import type { Module } from '../modules/define.ts';
import { Diagnostic } from '../support/diagnostic.ts';
import { isMap, type Value, type ValueMap } from '../support/value.ts';
import { inputSchema, typeWords } from './doc/json-schema.ts';
import { splitPairs } from './extra-vars.ts';

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, yes: true, false: false, no: false };

function usage(summary: string, remedy: string): Diagnostic {
  return new Diagnostic({ kind: 'usage', code: 'adhoc-arguments', summary, remedy });
}

/** A word of `key=value` as the type that the argument has, where it is not text. */
function typed(word: string, type: string): Value {
  const kinds = type.split(' or ');
  if (kinds.includes('string') || kinds.includes('any')) return word;
  const boolean = BOOLEANS[word.toLowerCase()];
  if (kinds.includes('boolean') && boolean !== undefined) return boolean;
  if ((kinds.includes('integer') || kinds.includes('number')) && /^-?\d+(\.\d+)?$/.test(word)) return Number(word);
  if (kinds.some((kind) => kind.startsWith('list'))) return word.split(',');
  return word;
}

function fromPairs(module: Module, text: string): ValueMap {
  const properties = inputSchema(module.args).properties ?? {};
  return Object.fromEntries(
    splitPairs(text).map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw usage(`${JSON.stringify(word)} is not key=value`, `care-provision doc ${module.name} shows its arguments; a value with spaces needs quotes of its own`);
      const name = word.slice(0, at);
      return [name, typed(word.slice(at + 1), typeWords(properties[name] ?? {}))];
    }),
  );
}

function fromYaml(module: Module, text: string): ValueMap {
  let value: Value;
  try {
    // YAML 1.2's core schema gives exactly the plain values.
    value = parse(text, { version: '1.2' }) as Value;
  } catch (error) {
    throw usage(`the arguments of ${module.name} are neither JSON nor YAML: ${error instanceof Error ? error.message : String(error)}`, `care-provision doc ${module.name} shows its arguments`);
  }
  if (!isMap(value)) throw usage(`the arguments of ${module.name} must be a map`, `care-provision doc ${module.name} shows its arguments`);
  return value;
}

/**
 * A map in braces is YAML (or JSON) for every module; other text is the command itself for modules that take plain text,
 * and words of `key=value` for all others.
 *
 * @throws Diagnostic `usage`
 */
export function adHocArguments(module: Module, text: string | undefined): ValueMap | string {
  const trimmed = (text ?? '').trim();
  if (trimmed.startsWith('{') && !trimmed.startsWith('{{')) return fromYaml(module, trimmed);
  if (module.freeForm !== undefined && trimmed !== '') return trimmed;
  return fromPairs(module, trimmed);
}
