/** A drill's results as text for a terminal of 80 columns. */
import { errorKinds, spread } from '../measure.ts';
import type { DrillResult } from '../result.ts';
import { errorsOf } from './lines.ts';

/** Milliseconds for people: `640 ms`, `12.3 s`. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Words broken into lines of a width, each after the first indented. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.join(`\n${indent}`);
}

/** The recap of one run, without a final newline. */
export function recapText(result: DrillResult): string {
  const { target, words } = result;
  const rows: (readonly [string, string])[] = [
    ['broken', result.what],
    ['written', result.way],
    ['gap', `${milliseconds(result.gap?.ms)}${result.gap?.kind === 'timeline' ? ' from the last row on the old timeline to the first on the new' : `  at the longest${words.timelines ? '; the timeline stayed the same' : ''}`}${target.gapMs === undefined ? '' : ` (target ${milliseconds(target.gapMs)})`}`],
    [words.many, `${String(result.acknowledged)} acknowledged, ${String(result.lost)} lost (target 0)`],
    ...(words.timelines ? [['primaries', result.twoPrimaries === 0 ? 'never two that confirmed rows at the same time' : `TWO confirmed rows at the same time, ${String(result.twoPrimaries)} times`] as const] : []),
    ['errors', `${String(errorsOf(result))} seen by the client`],
    ...errorKinds(result.writer).slice(0, 4).map((kind) => ['', `${String(kind.count)} × ${kind.code}: ${kind.message}`] as const),
    ...result.counts.map((c) => ['', `${String(c.count)} ${c.label}${c.most === undefined ? '' : ` (target ${c.most === 0 ? 'none' : `${String(c.most)} at most`})`}`] as const),
    ...result.figures.map((f) => [f.targetMs === undefined ? '' : 'time', `${milliseconds(f.ms)} ${f.label}${f.targetMs === undefined ? '' : ` (target ${milliseconds(f.targetMs)})`}`] as const),
    ['back', `${milliseconds(result.backMs)} until all was as before (target ${milliseconds(target.backMs)})`],
  ];
  const body = rows.map(([label, text]) => `  ${label.padEnd(10)} ${wrap(text, 66, ' '.repeat(13))}`);
  const verdict = result.met ? `${result.drill}: target met` : `${result.drill}: TARGET MISSED`;
  return [verdict, ...body, ...result.misses.map((miss) => `  missed     ${wrap(miss, 66, ' '.repeat(13))}`)].join('\n');
}

/** Several runs in one paragraph, without a final newline. */
export function runsText(drill: string, results: readonly DrillResult[]): string {
  const line = (label: string, numbers: readonly (number | undefined)[]): string => {
    const all = spread(numbers.filter((n) => n !== undefined));
    return `  ${label.padEnd(10)} ${all === undefined ? '–' : `median ${milliseconds(all.median)}, ${milliseconds(all.min)} to ${milliseconds(all.max)}`}`;
  };
  const met = results.filter((r) => r.met).length;
  return [
    `${drill}: ${String(met)} of ${String(results.length)} runs met the target`,
    line('gap', results.map((r) => r.gap?.ms)),
    line('back', results.map((r) => r.backMs)),
    `  ${(results[0]?.words.many ?? 'rows').padEnd(10)} ${String(results.reduce((n, r) => n + r.acknowledged, 0))} acknowledged, ${String(results.reduce((n, r) => n + r.lost, 0))} lost`,
  ].join('\n');
}
