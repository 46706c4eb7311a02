/** Whether admission has said what it was to say. Pure. */
import type { Heard } from '../common/kubernetes/queries.ts';
import type { AdmissionCase } from './schema.ts';

/** A pod that is not there was looked for, so whoever watches connections has let it through. */
const isLetThrough = (one: AdmissionCase, fact: Heard<unknown>): boolean => fact.ok || (one.connect !== undefined && (fact.reason === 'NotFound' || fact.reason === 'BadRequest'));

/** @returns what is wrong, or undefined when it is as expected */
export function wrongWith(one: AdmissionCase, fact: Heard<unknown>): string | undefined {
  const letThrough = isLetThrough(one, fact);
  const wanted = one.refused_by.join(', ');
  if (letThrough || fact.ok) return wanted === '' ? undefined : `${one.name}: to be refused by ${wanted}, and admitted`;
  if (wanted === '') return `${one.name}: to be admitted, and refused: ${fact.msg}`;
  return one.refused_by.every((text) => fact.msg.includes(text)) ? undefined : `${one.name}: to be refused by ${wanted}, and refused otherwise: ${fact.msg}`;
}
