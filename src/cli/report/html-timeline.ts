/** When each host was at work, and on what: one lane a host. */
import { html, type Html } from '../../support/html.ts';
import { duration, plural } from '../reporters/counts.ts';
import type { Section } from './html.ts';
import type { HostReport, RunReport } from './model.ts';

/** Lanes: those with trouble, then those that took longest. */
const MOST_LANES = 60;
/** Units of a lane's picture, and the least width of a mark in them. */
const WIDTH = 1000;
const LEAST = 4;

const n = (value: number): string => value.toFixed(1);

function laneHtml(host: HostReport & { readonly time: NonNullable<HostReport['time']> }, end: number, recorded: boolean): Html {
  const x = (seconds: number): number => (Math.min(seconds, end) / end) * WIDTH;
  const rect = (from: number, to: number, name: string, top: number, high: number, title?: string): Html =>
    html`<rect class="${name}" x="${n(Math.min(x(from), WIDTH - LEAST))}" y="${top}" width="${n(Math.max(LEAST, x(to) - x(from)))}" height="${high}">${title !== undefined && html`<title>${title}</title>`}</rect>`;
  const took = host.time.to - host.time.from;
  const marks = [...host.marks].sort((a, b) => a.from - b.from);
  // What is worth seeing is drawn last.
  const drawn = [...marks].sort((a, b) => Number(a.status !== 'ok') - Number(b.status !== 'ok'));
  const words = `from ${duration(host.time.from)} to ${duration(host.time.to)}${marks.length === 0 ? '' : `: ${marks.slice(0, 8).map((mark) => `${mark.status} ${mark.title} (${duration(mark.to - mark.from)})`).join('; ')}`}`;
  return html`<li class="lane"><span>${host.name}</span><svg viewBox="0 0 ${WIDTH} 20" preserveAspectRatio="none" role="img" aria-label="${words}">${rect(host.time.from, host.time.to, 'span', 8, 4)}${drawn.map((mark) => rect(mark.from, mark.to, `m-${mark.status}`, 2, 16, `${mark.status}: ${mark.title}, ${duration(mark.to - mark.from)}`))}</svg><span class="n">${!recorded && duration(took)}</span></li>
`;
}

const LEGEND = [['m-ok', 'at work for long'], ['m-changed', 'changed'], ['m-failed', 'failed'], ['m-unknown', 'could not be told'], ['m-ignored', 'failed, ignored or rescued']] as const;

export function timelineSection(report: RunReport): readonly Section[] {
  const timed = report.hosts.flatMap((host) => (host.time === undefined ? [] : [{ ...host, time: host.time }]));
  const end = Math.max(0.001, report.seconds ?? 0, ...timed.map((host) => host.time.to));
  if (timed.length === 0 || end < 0.1) return [];
  const rank = (host: HostReport): number => (host.state === 'failed' || host.state === 'unreachable' || host.state === 'unfinished' ? 0 : 1);
  const lanes = [...timed].sort((a, b) => rank(a) - rank(b) || b.time.to - b.time.from - (a.time.to - a.time.from)).slice(0, MOST_LANES);
  const used = new Set(lanes.flatMap((host) => host.marks.map((mark) => (mark.status === 'unreachable' ? 'm-failed' : mark.status === 'rescued' ? 'm-ignored' : mark.status === 'skipped' ? 'm-ok' : `m-${mark.status}`))));
  const rest = timed.length - lanes.length;
  return [
    {
      id: 'timeline', title: 'Timeline', count: duration(end),
      body: html`<ol class="lanes">${lanes.map((host) => laneHtml(host, end, report.recorded))}</ol>
<ul class="legend">${LEGEND.filter(([name]) => used.has(name)).map(([name, words]) => html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${name}" width="10" height="10"/></svg>${words}</li>`)}</ul>${report.recorded && html`<p class="soft">Only what changed or failed: of other tasks the history keeps no times.</p>`}${rest > 0 && html`<p class="soft">${plural(rest, 'more host')} not shown: without trouble, and quicker than those above.</p>`}`,
    },
  ];
}
