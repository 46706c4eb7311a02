/** Small helpers that the kinds of system facts share. */
import { sameValue } from '../../support/value.ts';

/**
 * Whether what a change claimed holds: every field that the claim names is observed as claimed. A field
 * that is undefined in the claim was not claimed (a new user's uid, an installed package's version).
 */
export function claimHolds(claim: object | null, observed: object | null): boolean {
  if (claim === null || observed === null) return claim === observed;
  const seen = new Map<string, unknown>(Object.entries(observed));
  return Object.entries(claim).every(([field, value]) => value === undefined || sameValue(value, seen.get(field)));
}

/** The lines of a probe's output, without the empty ones. */
export function outputLines(output: Buffer | undefined): readonly string[] {
  if (output === undefined) return [];
  return output
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** One section of a probe, by number. @throws Error when the probe printed fewer marks */
export function section(sections: readonly Buffer[], index: number): Buffer {
  const found = sections[index];
  if (found === undefined) throw new Error(`the answer has ${String(sections.length)} sections, number ${String(index)} is missing`);
  return found;
}

/** An extended regular expression that matches the lines of a colon file (passwd, group) of these names. */
export function colonFilePattern(names: readonly string[]): string {
  const escaped = names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return `^(${escaped.join('|')}):`;
}
