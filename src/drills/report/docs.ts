/** Fills the table of results in `docs/drills.md`, between two marks, from what was measured. Pure. */
import type { DrillInfo } from '../drill.ts';
import { spread } from '../measure.ts';
import type { DrillResult } from '../result.ts';
import { badInput } from '../../support/diagnostic.ts';
import { milliseconds } from './text.ts';

export const BEGIN = '<!-- results: written by care-provision drill --docs -->';
export const END = '<!-- end of results -->';

export interface Measured {
  readonly version: string;
  /** YYYY-MM-DD */
  readonly date: string;
}

const HEAD = ['| drill | taken | runs | target: gap | gap | target: back | back | rows lost | two primaries | met |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'];

function row(drill: DrillInfo, results: readonly DrillResult[], measured: Measured): string {
  const { target } = drill;
  const of = (numbers: readonly (number | undefined)[]): string => {
    const all = spread(numbers.filter((n) => n !== undefined));
    return all === undefined ? '–' : `${milliseconds(all.median)} (${milliseconds(all.min)} to ${milliseconds(all.max)})`;
  };
  const acknowledged = results.reduce((n, r) => n + r.acknowledged, 0);
  const lost = results.reduce((n, r) => n + r.lost, 0);
  const both = results.reduce((n, r) => n + r.twoPrimaries, 0);
  // What has a target is told as well: a row of objects without the requests that failed says half.
  const counted = [...new Set(results.flatMap((r) => r.counts.filter((c) => c.most !== undefined).map((c) => c.label)))].map((label) => `; ${String(results.flatMap((r) => r.counts).filter((c) => c.label === label).reduce((n, c) => n + c.count, 0))} ${label}`);
  const timelines = results.some((r) => r.words.timelines);
  const cells = [
    drill.name, `${measured.date}, ${measured.version}`, String(results.length), target.gapMs === undefined ? '–' : milliseconds(target.gapMs), of(results.map((r) => r.gap?.ms)), milliseconds(target.backMs),
    of(results.map((r) => r.backMs)), `${String(lost)} of ${String(acknowledged)}${counted.join('')}`, !timelines ? '–' : both === 0 ? 'never' : String(both), `${String(results.filter((r) => r.met).length)} of ${String(results.length)}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/**
 * Puts the results into the table, in the order of the catalogue. Rows of drills that were not run this time stay.
 *
 * @param text of the file, with both marks in it
 * @throws Diagnostic (bad input) when a mark is missing
 */
export function fillTable(text: string, drills: readonly DrillInfo[], results: readonly DrillResult[], measured: Measured): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from === -1 || to < from) throw badInput('no-marks', 'the file has no place for the results', { remedy: `put the lines "${BEGIN}" and "${END}" where they belong` });
  const former = text.slice(from, to).split('\n');
  const rows = drills.flatMap((drill) => {
    const own = results.filter((r) => r.drill === drill.name);
    if (own.length > 0) return [row(drill, own, measured)];
    return former.filter((line) => line.startsWith(`| ${drill.name} | `) && line.split(' | ').length === HEAD[0]?.split(' | ').length);
  });
  return `${text.slice(0, from)}${[BEGIN, '', ...HEAD, ...rows, ''].join('\n')}\n${text.slice(to)}`;
}
