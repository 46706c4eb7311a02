/** What counts as true in `{{#if}}`, `and`, `or`, `not` and `ternary`. */
import { Secret } from '../../support/secret.ts';
import { isList, typeName, type Value } from '../../support/value.ts';
import { HelperProblem } from './problems.ts';

/**
 * Booleans are themselves; null, and an empty text, list or map are false; other texts, lists and maps
 * are true. Two things are refused because they are read both ways: numbers (0 is a port, an index and a
 * "no"), and texts such as `no` and `false`, which YAML 1.2 leaves as texts.
 *
 * @throws HelperProblem
 */
export function truth(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null) return false;
  if (value instanceof Secret) return value.reveal() !== '';
  if (isList(value)) return value.length > 0;
  if (typeof value === 'string') {
    if (/^(?:yes|no|on|off|true|false|y|n)$/i.test(value)) {
      throw new HelperProblem('a text that reads like a boolean is used as a condition', 'write true or false without quotes in YAML, or convert it: (bool x)');
    }
    return value !== '';
  }
  if (typeof value === 'number') throw new HelperProblem(`${typeName(value)} is used as a condition`, 'compare it: (ne x 0), (gt x 0)');
  return Object.keys(value).length > 0;
}
