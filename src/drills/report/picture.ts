/**
 * The timeline of a drill as one inline SVG: confirmed rows by timeline, errors below them, events as numbered marks. Colours
 * come from the page's style sheet, by class, so that one picture serves light and dark.
 */
import { escapeHtml } from '../../support/html.ts';
import type { Acknowledged, DrillEvent } from '../record.ts';
import type { DrillResult } from '../result.ts';

const WIDTH = 640;
const LEFT = 8;
const RIGHT = 8;
const TOP = 50;
const LANE = 64;
const ERRORS = 22;
const AXIS = 24;
/** Room that the words of a mark need. */
const LABEL_WIDTH = 120;
/** One bar for so many units of the picture's width: some hundred bars, whatever the length of the drill. */
const BAR = 3;
/** Timelines are told apart by so many classes, in turn. */
export const COLOURS = 4;

/** Events that the picture marks, with the numbers that the list below it uses. */
export function markedEvents(result: DrillResult): readonly { readonly number: number; readonly atMs: number; readonly what: string; readonly kind: string }[] {
  return result.events.map((event, i) => ({ number: i + 1, atMs: event.atMs, what: event.what, kind: event.kind }));
}

const n = (value: number): string => value.toFixed(1);

/** Steps of the axis in seconds: about six labels. */
function axisStep(seconds: number): number {
  return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((step) => seconds / step <= 8) ?? 1200;
}

/** Changes of the leader that have room for their words; one that was lost from sight for a moment is no new one. */
function leaders(result: DrillResult, end: number): readonly DrillEvent[] {
  const kept: DrillEvent[] = [];
  for (const event of result.events.filter((e) => e.kind === 'leader')) {
    const last = kept.at(-1);
    if (last === undefined || (last.what !== event.what && ((event.atMs - last.atMs) / end) * WIDTH > LABEL_WIDTH)) kept.push(event);
  }
  return kept;
}

export function pictureSvg(result: DrillResult): string {
  const end = Math.max(result.endMs, 1000);
  const inner = WIDTH - LEFT - RIGHT;
  const x = (ms: number): number => LEFT + (Math.min(Math.max(ms, 0), end) / end) * inner;
  const height = TOP + LANE + ERRORS + AXIS;
  const parts: string[] = [];
  const bars = Math.floor(inner / BAR);
  const rows: Map<number, number>[] = Array.from({ length: bars }, () => new Map<number, number>());
  const errors: number[] = Array.from({ length: bars }, () => 0);
  const slot = (ms: number): number => Math.min(bars - 1, Math.floor((ms / end) * bars));
  for (const row of result.writer.acknowledged) {
    const bar = rows[slot(row.atMs)];
    bar?.set(row.timeline, (bar.get(row.timeline) ?? 0) + 1);
  }
  for (const error of result.writer.errors) errors[slot(error.atMs)] = (errors[slot(error.atMs)] ?? 0) + 1;
  const most = Math.max(1, ...rows.map((bar) => [...bar.values()].reduce((a, b) => a + b, 0)));
  const timelines = [...new Set(result.writer.acknowledged.map((row) => row.timeline))].sort((a, b) => a - b);
  const floor = TOP + LANE;
  if (result.gap !== undefined) {
    const [from, to] = [x(result.gap.fromMs), x(result.gap.toMs)];
    parts.push(`<rect class="gap" x="${n(from)}" y="${n(TOP)}" width="${n(Math.max(1, to - from))}" height="${n(LANE + ERRORS)}"/>`);
  }
  rows.forEach((bar, i) => {
    let top = floor;
    for (const timeline of timelines) {
      const count = bar.get(timeline) ?? 0;
      if (count === 0) continue;
      const high = Math.max(1, (count / most) * LANE);
      top -= high;
      parts.push(`<rect class="t${String(timelines.indexOf(timeline) % COLOURS)}" x="${n(LEFT + i * BAR)}" y="${n(top)}" width="${String(BAR - 0.6)}" height="${n(high)}"/>`);
    }
    if ((errors[i] ?? 0) > 0) parts.push(`<rect class="error" x="${n(LEFT + i * BAR)}" y="${n(floor + 5)}" width="${String(BAR - 0.6)}" height="${n(Math.min(ERRORS - 6, 3 + (errors[i] ?? 0)))}"/>`);
  });
  parts.push(`<line class="axis" x1="${String(LEFT)}" y1="${n(floor + 0.5)}" x2="${String(WIDTH - RIGHT)}" y2="${n(floor + 0.5)}"/>`);
  const step = axisStep(end / 1000);
  for (let second = 0, i = 0; second * 1000 <= end; second += step, i += 1) {
    const at = x(second * 1000);
    parts.push(`<line class="axis" x1="${n(at)}" y1="${n(floor)}" x2="${n(at)}" y2="${n(floor + 4)}"/>`);
    const anchor = at > WIDTH - 40 ? 'end' : second === 0 ? 'start' : 'middle';
    parts.push(`<text class="${i % 2 === 0 ? 'tick' : 'tick every-other'}" x="${n(at)}" y="${String(height - 6)}" text-anchor="${anchor}">${String(second)} s</text>`);
  }
  // Each kind on a line of its own: a new leader and the healing are often close together.
  const marks = [
    { event: result.events.find((e) => e.kind === 'break'), kind: 'break', line: 12, text: 'broken' },
    ...leaders(result, end).map((event) => ({ event, kind: 'leader', line: 28, text: event.what })),
    { event: result.events.find((e) => e.kind === 'heal'), kind: 'heal', line: 44, text: 'healed' },
  ];
  for (const { event, kind, line, text } of marks) {
    if (event === undefined) continue;
    const at = x(event.atMs);
    const anchor = at > WIDTH * 0.8 ? 'end' : 'start';
    parts.push(`<line class="${kind}" x1="${n(at)}" y1="${String(line - 9)}" x2="${n(at)}" y2="${n(floor + ERRORS)}"/>`);
    parts.push(`<text class="${kind}" x="${n(at + (anchor === 'end' ? -4 : 4))}" y="${String(line)}" text-anchor="${anchor}">${escapeHtml(text)}</text>`);
  }
  const label = `${String(result.writer.acknowledged.length)} confirmed ${result.words.many} over ${String(Math.round(end / 1000))} seconds; ${result.gap === undefined ? 'no gap' : `a gap of ${String(Math.round(result.gap.ms))} milliseconds`}`;
  return `<svg viewBox="0 0 ${String(WIDTH)} ${String(height)}" role="img" aria-label="${escapeHtml(label)}">${parts.join('')}</svg>`;
}

/** What the colours of a picture mean: class and words. */
export function legend(result: DrillResult): readonly (readonly [string, string])[] {
  const timelines = [...new Set(result.writer.acknowledged.map((row) => row.timeline))].sort((a, b) => a - b);
  // The probes know the member; behind a pool, rows only know the proxy.
  const servers = (timeline: number): string => {
    const of = (rows: readonly Acknowledged[]): readonly string[] => [...new Set(rows.filter((row) => row.timeline === timeline).map((row) => row.server))];
    const members = of(result.prober.acknowledged);
    return (members.length > 0 ? members : of(result.writer.acknowledged)).slice(0, 2).join(', ');
  };
  return [
    ...timelines.map((timeline, i) => [`t${String(i % COLOURS)}`, result.words.timelines ? `rows on timeline ${String(timeline)} (${servers(timeline)})` : result.words.many] as const),
    ...(result.writer.errors.length > 0 ? [['error', 'errors of the client'] as const] : []),
    ...(result.gap === undefined ? [] : [['gap', 'the gap'] as const]),
  ];
}
