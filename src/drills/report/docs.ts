/** Fills the table of results in `docs/drills.md`, between two marks, from what was measured. Pure. */
import type { Drill } from '../drill.ts';
import { spread } from '../measure.ts';
import type { DrillResult } from '../result.ts';
import { badInput } from '../../support/diagnostic.ts';
import { milliseconds } from './text.ts';

export const BEGIN = '<!-- results: written by care-provision drill --docs -->';
export const END = '<!-- end of results -->';

export interface Measured {
  readonly command: string;
  readonly version: string;
  /** YYYY-MM-DD */
  readonly date: string;
}

function row(drill: Drill, results: readonly DrillResult[]): string {
  const { target } = drill;
  const of = (numbers: readonly (number | undefined)[]): string => {
    const all = spread(numbers.filter((n) => n !== undefined));
    return all === undefined ? '–' : `${milliseconds(all.median)} (${milliseconds(all.min)} to ${milliseconds(all.max)})`;
  };
  const acknowledged = results.reduce((n, r) => n + r.acknowledged, 0);
  const lost = results.reduce((n, r) => n + r.lost, 0);
  const both = results.reduce((n, r) => n + r.twoPrimaries, 0);
  return `| ${drill.name} | ${String(results.length)} | ${target.gapMs === undefined ? '–' : milliseconds(target.gapMs)} | ${of(results.map((r) => r.gap?.ms))} | ${milliseconds(target.backMs)} | ${of(results.map((r) => r.backMs))} | ${String(lost)} of ${String(acknowledged)} | ${both === 0 ? 'never' : String(both)} | ${String(results.filter((r) => r.met).length)} of ${String(results.length)} |`;
}

/**
 * @param text of the file, with both marks in it
 * @throws Diagnostic (bad input) when a mark is missing
 */
export function fillTable(text: string, drills: readonly Drill[], results: readonly DrillResult[], measured: Measured): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from === -1 || to < from) throw badInput('no-marks', 'the file has no place for the results', { remedy: `put the lines "${BEGIN}" and "${END}" where they belong` });
  const measuredDrills = drills.filter((d) => results.some((r) => r.drill === d.name));
  const lines = [
    BEGIN, '',
    `Taken ${measured.date} with \`${measured.command}\`, care-provision ${measured.version}. Times are medians (least to most); written ${results[0]?.way ?? ''}.`, '',
    '| drill | runs | target: gap | gap | target: back | back | rows lost | two primaries | met |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...measuredDrills.map((drill) => row(drill, results.filter((r) => r.drill === drill.name))), '',
  ];
  return `${text.slice(0, from)}${lines.join('\n')}\n${text.slice(to)}`;
}
