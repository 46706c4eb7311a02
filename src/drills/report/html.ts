/** The report of a drill as one HTML file that needs nothing else: for reading, mailing and keeping. */
import { errorKinds, spread } from '../measure.ts';
import type { DrillResult } from '../result.ts';
import { errorsOf } from './lines.ts';
import { Html, html, htmlPage } from '../../support/html.ts';
import { legend, markedEvents, pictureSvg } from './picture.ts';
import { milliseconds } from './text.ts';

/** What of this page {@link htmlPage} does not bring. */
const STYLE = `
:root { --t0: #2f6fb3; --t1: #2a8f6d; --t2: #8a5fb0; --t3: #b07a1e; --error: #c8372d; --gap: #f3d9b0; }
@media (prefers-color-scheme: dark) { :root { --t0: #6aa9e9; --t1: #57c39f; --t2: #bd9ae0; --t3: #dcae5d; --error: #ff7a70; --gap: #4d3d22; } }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
.verdict { font-weight: 600; }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.4rem, 1fr)); gap: .7rem; margin: .8rem 0; }
dl.figures div { border-left: 3px solid var(--line); padding-left: .6rem; }
dt { color: var(--soft); font-size: .8rem; } dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; } dd small { font-size: .8rem; color: var(--soft); display: block; }
svg { display: block; width: 100%; height: auto; margin: .6rem 0 .2rem; }
svg .t0 { fill: var(--t0); } svg .t1 { fill: var(--t1); } svg .t2 { fill: var(--t2); } svg .t3 { fill: var(--t3); } svg .error { fill: var(--error); } svg .gap { fill: var(--gap); }
svg .axis { stroke: var(--soft); stroke-width: 1; } svg line.break { stroke: var(--bad); stroke-dasharray: 3 2; } svg line.heal { stroke: var(--good); stroke-dasharray: 3 2; } svg line.leader { stroke: var(--t2); stroke-dasharray: 3 2; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } svg text.break { fill: var(--bad); } svg text.heal { fill: var(--good); } svg text.leader { fill: var(--t2); }
@media (max-width: 34rem) { svg text { font-size: 17px; } svg text.every-other { display: none; } }
ul.legend { list-style: none; padding: 0; margin: .2rem 0 .6rem; display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; color: var(--soft); }
ul.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin-right: .35rem; vertical-align: -.08rem; }
i.t0 { background: var(--t0); } i.t1 { background: var(--t1); } i.t2 { background: var(--t2); } i.t3 { background: var(--t3); } i.error { background: var(--error); } i.gap { background: var(--gap); border: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } td, th { text-align: left; padding: .2rem .5rem .2rem 0; vertical-align: top; border-top: 1px solid var(--line); } td.time { white-space: nowrap; font-variant-numeric: tabular-nums; text-align: right; padding-right: .8rem; color: var(--soft); }
tr.break td:last-child { color: var(--bad); font-weight: 600; } tr.heal td:last-child { color: var(--good); font-weight: 600; } tr.trouble td:last-child { color: var(--bad); } tr.leader td:last-child { color: var(--t2); font-weight: 600; }
details summary { color: var(--soft); }
`;

function figure(label: string, value: string, note: string, bad: boolean): Html {
  return html`<div><dt>${label}</dt><dd class="${bad ? 'bad' : ''}">${value}<small>${note.replaceAll(/(\d) (m?s)\b/g, '$1\u00a0$2')}</small></dd></div>`;
}

function runHtml(result: DrillResult, heading: string, open: boolean): Html {
  const { target, words } = result;
  const late = (ms: number | undefined, most: number | undefined): boolean => most !== undefined && (ms === undefined || ms > most);
  const events = markedEvents(result).map((e) => html`<tr class="${e.kind}"><td class="time">${(e.atMs / 1000).toFixed(1)} s</td><td>${e.what}</td></tr>`);
  const errors = errorKinds(result.writer).slice(0, 12).map((kind) => html`<tr><td class="time">${String(kind.count)} ×</td><td><code>${kind.code}</code> ${kind.message}</td></tr>`);
  return html`<section>
<h2>${heading}</h2>
<p><span class="verdict ${result.met ? 'good' : 'bad'}">${result.met ? '✓ target met' : '✗ target missed'}</span> <span class="soft">${result.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</span></p>
<p>${result.what}.</p>
${result.misses.map((miss) => html`<p class="bad">${miss}</p>`)}
<dl class="figures">
${figure('gap', milliseconds(result.gap?.ms), `${result.gap?.kind === 'timeline' ? 'old timeline to new' : 'longest'}${target.gapMs === undefined ? '' : `, target ${milliseconds(target.gapMs)}`}`, late(result.longest?.ms, target.gapMs))}
${figure(`${words.many} lost`, String(result.lost), `of ${String(result.acknowledged)} acknowledged, target 0`, result.lost > 0)}
${figure('back', milliseconds(result.backMs), `until all was as before, target ${milliseconds(target.backMs)}`, late(result.backMs, target.backMs))}
${result.figures.map((f) => figure('time', milliseconds(f.ms), `${f.label}${f.targetMs === undefined ? '' : `, target ${milliseconds(f.targetMs)}`}`, late(f.ms, f.targetMs)))}
${figure('errors', String(errorsOf(result)), 'seen by the client', false)}
${result.counts.map((c) => figure('count', String(c.count), `${c.label}${c.most === undefined ? '' : `, target ${c.most === 0 ? 'none' : `${String(c.most)} at most`}`}`, c.most !== undefined && c.count > c.most))}
${words.timelines && figure('two primaries', result.twoPrimaries === 0 ? 'never' : `${String(result.twoPrimaries)} ×`, 'confirmed rows at once', result.twoPrimaries > 0)}
</dl>
${new Html(pictureSvg(result))}
<ul class="legend">${legend(result).map(([name, words]) => html`<li><i class="${name}"></i>${words}</li>`)}</ul>
<details${open && new Html(' open')}><summary>what happened</summary><table>${events}</table></details>
${errors.length > 0 && html`<details><summary>what the client saw go wrong</summary><table>${errors}</table></details>`}
</section>`;
}

/** The whole page. @param results at least one, in the order in which they were run */
export function reportHtml(results: readonly DrillResult[], version: string): string {
  const drills = [...new Set(results.map((r) => r.drill))];
  const met = results.filter((r) => r.met).length;
  const sections = drills.map((name) => {
    const runs = results.filter((r) => r.drill === name);
    const [first] = runs;
    const gap = spread(runs.flatMap((r) => (r.gap === undefined ? [] : [r.gap.ms])));
    const head = html`<h1>${name}</h1><p>${first?.summary ?? ''}.</p>`;
    const many = runs.length < 2 || gap === undefined ? undefined : html`<p class="soft">${String(runs.length)} runs: gap median ${milliseconds(gap.median)}, from ${milliseconds(gap.min)} to ${milliseconds(gap.max)}.</p>`;
    return html`${head}${many}${runs.map((r, i) => runHtml(r, runs.length === 1 ? 'what was seen' : `run ${String(i + 1)} of ${String(runs.length)}`, runs.length === 1))}`;
  });
  // Once for each way in which was written.
  const written = results.filter((r, i) => results.findIndex((other) => other.way === r.way && other.words.one === r.words.one) === i);
  const title = drills.length === 1 ? `Drill ${drills[0] ?? ''}` : 'Drills';
  return htmlPage({
    title,
    style: STYLE,
    body: html`<main>
${drills.length > 1 && html`<h1>Drills: ${met} of ${results.length} runs met their target</h1>`}
${sections}
${written.map((r) => html`<p class="soft">The client ${r.words.wrote} ${r.way}. Cluster ${r.cluster}.</p>`)}
<p class="soft">Made by care-provision ${version}.</p>
</main>`,
  });
}
